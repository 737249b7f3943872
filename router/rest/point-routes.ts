/** Routes that read points; `write-routes.ts` has those that write. Each parses the request, calls the operation in `points.ts`, and encodes the answer. */
import type { Request, Router } from 'express'
import { MaksError } from '../../core/errors.ts'
import { facetText } from '../../core/filter/facet-value.ts'
import { idJson, idKeyOfPath } from '../../core/ids.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import type { Points } from '../points.ts'
import type { FacetHit } from '../query/facets.ts'
import type { Group } from '../query/groups.ts'
import type { Point, ScoredPoint } from '../query/rows.ts'
import {
  parseCount,
  parseFacet,
  parseRetrieve,
  parseScroll,
  type Selection,
  wantedOf,
} from '../requests/point-requests.ts'
import { type QueryContext, QueryVectors } from '../requests/query-context.ts'
import {
  FORMS,
  type ParsedQuery,
  parseGroups,
  parseQueries,
  parseQuery,
  type QueryForm,
} from '../requests/query-requests.ts'
import { readParams } from '../requests/request-options.ts'
import { listPieces, pointJson, scoredJson } from './point-json.ts'
import type { Reply, Send } from './reply.ts'

export interface PointParts {
  collections: Collections
  points: Points
}

/** The forms of a query: they differ in the body, and in the text around the list of points. */
const QUERIES: { route: keyof typeof FORMS; wrap: [before: string, after: string]; groups: boolean }[] = [
  { route: 'query', wrap: ['{"points":', '}'], groups: true },
  { route: 'search', wrap: ['', ''], groups: true },
  { route: 'recommend', wrap: ['', ''], groups: true },
  { route: 'discover', wrap: ['', ''], groups: false },
]
const LATER = ['search/matrix/pairs', 'search/matrix/offsets']

export function pointRoutes(router: Router, parts: PointParts, send: Send): void {
  const { collections } = parts
  const of = (request: Request) => collections.get(String(request.params.c))
  router.post(
    '/collections/:c/points',
    send((request, call) => retrieve(parts, request, of(request), call)),
  )
  router.get(
    '/collections/:c/points/:id',
    send((request, call) => retrieveOne(parts, request, of(request), call)),
  )
  router.post(
    '/collections/:c/points/scroll',
    send((request, call) => scroll(parts, request, of(request), call)),
  )
  router.post(
    '/collections/:c/points/count',
    send((request, call) => count(parts, request, of(request), call)),
  )
  router.post(
    '/collections/:c/facet',
    send((request, call) => facet(parts, request, of(request), call)),
  )
  for (const { route, wrap, groups } of QUERIES) {
    const path = `/collections/:c/points/${route}`
    const form = FORMS[route]
    router.post(
      path,
      send((request, call) => query(parts, request, of(request), form, wrap, call)),
    )
    router.post(
      `${path}/batch`,
      send((request, call) => queryBatch(parts, request, of(request), form, wrap, call)),
    )
    if (!groups) continue
    router.post(
      `${path}/groups`,
      send((request, call) => queryGroups(parts, request, of(request), form, call)),
    )
  }
  for (const later of LATER) {
    router.all(
      `/collections/:c/points/${later}`,
      send(async () => {
        throw new MaksError('UNSUPPORTED', `"points/${later}" is not supported yet`)
      }),
    )
  }
}

function* wrapped([before, after]: readonly string[], pieces: Iterable<string>): Generator<string> {
  yield before ?? ''
  yield* pieces
  yield after ?? ''
}

async function retrieve({ points }: PointParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const wanted = parseRetrieve(request.body, collection.config)
  const { read } = readParams(request, undefined)
  const found = await points.retrieve(collection, wanted.keys, wantedOf(wanted), read, call)
  return { pieces: pointsPieces(found.points, wanted, collection), report: found.report }
}

async function retrieveOne(
  { points }: PointParts,
  request: Request,
  collection: Collection,
  call: Call,
): Promise<Reply> {
  const key = idKeyOfPath(String(request.params.id))
  const { read } = readParams(request, undefined)
  const { point, report } = await points.retrieveOne(collection, key, read, call)
  return { pieces: [pointJson(point, { kind: 'all' }, collection.config)], report }
}

async function query(
  { points }: PointParts,
  request: Request,
  collection: Collection,
  form: QueryForm,
  wrap: readonly string[],
  call: Call,
): Promise<Reply> {
  const parsed = parseQuery(request.body, form, contextOf(request, collection))
  const found = await points.query(collection, [parsed], call)
  return { pieces: wrapped(wrap, scoredPieces(found.points[0], parsed, collection)), report: found.report }
}

async function queryBatch(
  { points }: PointParts,
  request: Request,
  collection: Collection,
  form: QueryForm,
  wrap: readonly string[],
  call: Call,
): Promise<Reply> {
  const queries = await inSlices(parseQueries(request.body, form, { config: collection.config, outside: request }))
  const found = await points.query(collection, queries, call)
  const lists = queries.map((one, i) => scoredPieces(found.points[i], one, collection))
  return { pieces: listPieces(lists, (list) => wrapped(wrap, list)), report: found.report }
}

async function queryGroups(
  { points }: PointParts,
  request: Request,
  collection: Collection,
  form: QueryForm,
  call: Call,
): Promise<Reply> {
  const parsed = parseGroups(request.body, form, contextOf(request, collection))
  const { groups, report } = await points.queryGroups(collection, parsed, call)
  const pieces = ({ id, hits }: Group) =>
    wrapped(['{"hits":', `,"id":${exactStringify(id)}}`], scoredPieces(hits, parsed, collection))
  return { pieces: wrapped(['{"groups":', '}'], listPieces(groups, pieces)), report }
}

function contextOf(request: Request, { config }: Collection): QueryContext {
  return { config, outside: request, vectors: new QueryVectors(config.vectors[''].size, 1) }
}

async function facet({ points }: PointParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const { path, ...part } = parseFacet(request.body, collection.config)
  const { read } = readParams(request, undefined)
  const { hits, report } = await points.facet(collection, path, part, read, call)
  const pieces = ({ value, count: n }: FacetHit) => [`{"value":${facetText(value)},"count":${n}}`]
  return { pieces: wrapped(['{"hits":', '}'], listPieces(hits, pieces)), report }
}

async function scroll(parts: PointParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const wanted = parseScroll(request.body ?? {}, collection.config)
  const { read } = readParams(request, undefined)
  if (wanted.order) {
    const { points, report } = await parts.points.ordered(
      collection,
      wanted.order,
      wanted,
      wantedOf(wanted),
      read,
      call,
    )
    const pieces = pointsPieces(points, wanted, collection)
    return { pieces: wrapped(['{"points":', ',"next_page_offset":null}'], pieces), report }
  }
  const { points, next, report } = await parts.points.scroll(collection, wanted, wantedOf(wanted), read, call)
  const end = `,"next_page_offset":${next === null ? 'null' : idJson(next)}}`
  return { pieces: wrapped(['{"points":', end], pointsPieces(points, wanted, collection)), report }
}

async function count({ points }: PointParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const { filter } = parseCount(request.body ?? {}, collection.config)
  const { read } = readParams(request, undefined)
  const answer = await points.count(collection, read, call, filter)
  return { result: { count: answer.count }, report: answer.report }
}

function pointsPieces(points: readonly Point[], { payload }: Selection, { config }: Collection): Iterable<string> {
  return listPieces(points, (point) => [pointJson(point, payload, config)])
}

function scoredPieces(
  points: readonly ScoredPoint[] | undefined,
  { payload }: Pick<ParsedQuery, 'payload'>,
  { config }: Collection,
): Iterable<string> {
  return listPieces(points ?? [], (point) => [scoredJson(point, payload, config)])
}

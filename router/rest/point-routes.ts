/** Routes that read points; `write-routes.ts` has those that write. Each parses the request, calls the operation in `points.ts`, and encodes the answer. */
import type { Request, Router } from 'express'
import { MaksError } from '../../core/errors.ts'
import { idJson, idKeyOfPath } from '../../core/ids.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import type { Points } from '../points.ts'
import type { Point, ScoredPoint } from '../query/rows.ts'
import { listPieces, pointJson, scoredJson } from './point-json.ts'
import { parseCount, parseRetrieve, parseScroll, type Selection, wantedOf } from './point-requests.ts'
import { type ParsedQuery, parseQueries, parseQuery, parseSearch, QueryVectors } from './query-requests.ts'
import type { Reply, Send } from './reply.ts'
import { readParams } from './request-options.ts'

export interface PointParts {
  collections: Collections
  points: Points
}

/** The two forms of a search: they differ in the body, and in the text around the list of points. */
const SEARCHES = [
  { route: 'query', parse: parseQuery, wrap: ['{"points":', '}'] },
  { route: 'search', parse: parseSearch, wrap: ['', ''] },
]
const LATER = ['recommend', 'discover', 'facet', 'query/groups', 'search/groups', 'search/matrix/pairs']

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
  for (const { route, parse, wrap } of SEARCHES) {
    const answer = (points: Iterable<string>) => wrapped(wrap, points)
    const contextOf = (request: Request, { config }: Collection) => ({ config, outside: request })
    router.post(
      `/collections/:c/points/${route}`,
      send(async (request, call) => {
        const collection = of(request)
        const vectors = new QueryVectors(collection.config.vectors[''].size, 1)
        const query = parse(request.body, { ...contextOf(request, collection), vectors })
        const { points, report } = await parts.points.query(collection, [query], call)
        return { pieces: answer(scoredPieces(points[0], query, collection)), report }
      }),
    )
    router.post(
      `/collections/:c/points/${route}/batch`,
      send(async (request, call) => {
        const collection = of(request)
        const queries = await inSlices(parseQueries(request.body, parse, contextOf(request, collection)))
        const { points, report } = await parts.points.query(collection, queries, call)
        const lists = queries.map((query, i) => scoredPieces(points[i], query, collection))
        return { pieces: listPieces(lists, answer), report }
      }),
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

async function scroll(parts: PointParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const wanted = parseScroll(request.body ?? {}, collection.config)
  const { read } = readParams(request, undefined)
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
  { payload }: ParsedQuery,
  { config }: Collection,
): Iterable<string> {
  return listPieces(points ?? [], (point) => [scoredJson(point, payload, config)])
}

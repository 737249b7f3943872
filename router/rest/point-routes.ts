/** Routes on points, each: parse, call, encode. */
import type { Request, Router } from 'express'
import { MaksError } from '../../core/errors.ts'
import { type IdKey, idJson, idKeyOfPath, idText } from '../../core/ids.ts'
import { checkLimit } from '../../core/limits.ts'
import type { RouterEnv } from '../../protocol/env/config.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Registry } from '../cluster/collections.ts'
import { laterToken, type SessionToken, tokenText } from '../cluster/session-token.ts'
import { combined, type ReadReport } from '../query/read-report.ts'
import { notFound, type Point, type Query, type Reads, type ScoredPoint } from '../query/reads.ts'
import { idempotencyOf } from '../write/idempotency.ts'
import type { Write, Writes } from '../write/writes.ts'
import { Fields } from './json-fields.ts'
import { listPieces, pointJson, scoredJson } from './point-json.ts'
import {
  checkCount,
  parseDelete,
  parseQuery,
  parseRetrieve,
  parseScroll,
  parseSearch,
  parseUpsert,
  type QueryRequest,
  type Selection,
} from './point-requests.ts'
import type { Reply, Send } from './reply.ts'
import { ifVersion, type Limits, type ReadParams, readParams, timeoutMs, writeOptions } from './request-options.ts'

export interface PointParts {
  env: RouterEnv
  limits: Limits
  registry: Registry
  reads: Reads
  writes: Writes
  metrics: Metrics
}

/** The two ways to ask: alike but for the body, and for what is around the list of points. */
const SEARCHES = [
  { route: 'query', parse: parseQuery, wrap: ['{"points":', '}'] },
  { route: 'search', parse: parseSearch, wrap: ['', ''] },
]
const LATER = [
  'payload',
  'payload/delete',
  'payload/clear',
  'vectors',
  'vectors/delete',
  'batch',
  'recommend',
  'discover',
  'facet',
  'query/groups',
  'search/groups',
  'search/matrix/pairs',
]

export function pointRoutes(router: Router, parts: PointParts, send: Send): void {
  const { registry, limits } = parts
  const of = (request: Request) => registry.get(String(request.params.c))
  router.put(
    '/collections/:c/points',
    send(async (request) =>
      write(parts, request, of(request), await inSlices(parseUpsert(request.body, of(request).config))),
    ),
  )
  router.post(
    '/collections/:c/points/delete',
    send((request) => write(parts, request, of(request), parseDelete(request.body))),
  )
  router.post(
    '/collections/:c/points',
    send((request) => retrieve(parts, request, of(request))),
  )
  router.get(
    '/collections/:c/points/:id',
    send((request) => retrieveOne(parts, request, of(request))),
  )
  router.post(
    '/collections/:c/points/scroll',
    send((request) => scroll(parts, request, of(request))),
  )
  router.post(
    '/collections/:c/points/count',
    send((request) => count(parts, request, of(request))),
  )
  for (const { route, parse, wrap } of SEARCHES) {
    const answer = (points: Iterable<string>) => wrapped(wrap, points)
    const parsed = (request: Request, body: unknown) => parse(body, of(request).config, limits.limitMax)
    router.post(
      `/collections/:c/points/${route}`,
      send(async (request) => {
        const { lists, report } = await query(parts, request, of(request), [parsed(request, request.body)])
        return { pieces: answer(lists[0] ?? ['[]']), report }
      }),
    )
    router.post(
      `/collections/:c/points/${route}/batch`,
      send(async (request) => {
        const queries = await inSlices(parsedBatch(batchOf(request), (body) => parsed(request, body)))
        const { lists, report } = await query(parts, request, of(request), queries)
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

function batchOf(request: Request): unknown[] {
  const fields = new Fields(request.body, 'the body')
  const searches = fields.take('searches')
  fields.end()
  if (!Array.isArray(searches) || searches.length === 0)
    throw new MaksError('BAD_REQUEST', '"searches" must be a list of queries')
  checkLimit('SEARCHES_MAX', '"searches"', searches.length)
  return searches
}

function* parsedBatch(
  bodies: readonly unknown[],
  parse: (body: unknown) => QueryRequest,
): Generator<void, QueryRequest[], void> {
  const queries: QueryRequest[] = []
  for (const body of bodies) {
    queries.push(parse(body))
    yield
  }
  return queries
}

function* wrapped([before, after]: readonly string[], pieces: Iterable<string>): Generator<string> {
  yield before ?? ''
  yield* pieces
  yield after ?? ''
}

async function write(parts: PointParts, request: Request, collection: Collection, writes: Write[]): Promise<Reply> {
  const options = writeOptions(request, parts.limits)
  const version = ifVersion(request, writes.length)
  const conditional = version === undefined ? writes : writes.map((one) => ({ ...one, ifVersion: version }))
  const { idempotencyKey, timeoutMs: limitMs } = options
  // At this level a write is durable only when the cells have it, too.
  const wait = options.wait || collection.config.durability === 'Journal'
  const outcome = await parts.writes.write(collection, conditional, {
    wait,
    timeoutMs: limitMs,
    ...(idempotencyKey === undefined ? {} : { idempotency: idempotencyOf(idempotencyKey, conditional) }),
  })
  const token = await seenBy(collection, outcome.version, options.token)
  return {
    result: { operation_id: outcome.version, status: wait ? 'completed' : 'acknowledged' },
    ...(token === undefined ? {} : { report: { token: tokenText(token) } }),
  }
}

/** What a session has seen with a write. One that found nothing to do has seen a state at least as old as the present one. */
async function seenBy(
  collection: Collection,
  version: number,
  before: SessionToken | undefined,
): Promise<SessionToken | undefined> {
  const generation = collection.topology?.generation ?? 0
  const now = version > 0 ? { generation, version } : await collection.cuts.take().catch(() => undefined)
  return now && before ? laterToken(before, now) : (now ?? before)
}

function readOptions(parts: PointParts, request: Request, params: ReadParams, payload: boolean, withVector: boolean) {
  return {
    consistency: params.consistency,
    token: params.token,
    maxStalenessMs: params.maxStalenessMs,
    timeoutMs: timeoutMs(request, parts.limits),
    withPayload: payload,
    withVector,
  }
}

async function retrieve(parts: PointParts, request: Request, collection: Collection): Promise<Reply> {
  const wanted = parseRetrieve(request.body)
  const options = readOptions(
    parts,
    request,
    readParams(request, undefined),
    wanted.payload.kind !== 'none',
    wanted.withVector,
  )
  const { points, report } = await parts.reads.retrieve(collection, wanted.keys, options)
  return { pieces: pointsPieces(points, wanted, collection), report }
}

async function retrieveOne(parts: PointParts, request: Request, collection: Collection): Promise<Reply> {
  const key = idKeyOfPath(String(request.params.id))
  const options = readOptions(parts, request, readParams(request, undefined), true, true)
  const { points, report } = await parts.reads.retrieve(collection, [key], options)
  if (!points[0]) throw notFound(collection.config.collection, idText(key))
  return { pieces: [pointJson(points[0], { kind: 'all' }, collection.config)], report }
}

async function scroll(parts: PointParts, request: Request, collection: Collection): Promise<Reply> {
  const wanted = parseScroll(request.body ?? {}, parts.limits.limitMax)
  const options = readOptions(
    parts,
    request,
    readParams(request, undefined),
    wanted.payload.kind !== 'none',
    wanted.withVector,
  )
  const { points, next, report } = await parts.reads.scroll(collection, wanted.from, wanted.limit, options)
  const end = `,"next_page_offset":${next === null ? 'null' : idJson(next)}}`
  return { pieces: wrapped(['{"points":', end], pointsPieces(points, wanted, collection)), report }
}

function pointsPieces(points: readonly Point[], { payload }: Selection, { config }: Collection): Iterable<string> {
  return listPieces(points, (point) => [pointJson(point, payload, config)])
}

async function count(parts: PointParts, request: Request, collection: Collection): Promise<Reply> {
  checkCount(request.body ?? {})
  const options = readOptions(parts, request, readParams(request, undefined), false, false)
  const answer = await parts.reads.count(collection, options)
  return { result: { count: answer.count }, report: answer.report }
}

/** All queries of a request; those that agree in how they want to be answered go out together. */
async function query(
  parts: PointParts,
  request: Request,
  collection: Collection,
  requests: QueryRequest[],
): Promise<{ lists: Iterable<string>[]; report: ReadReport }> {
  const groups = new Map<string, { wanted: QueryRequest; params: ReadParams; at: number }[]>()
  requests.forEach((wanted, at) => {
    const params = readParams(request, wanted.params)
    const alike = JSON.stringify([params, wanted.payload.kind !== 'none', wanted.withVector])
    const group = groups.get(alike)
    if (group) group.push({ wanted, params, at })
    else groups.set(alike, [{ wanted, params, at }])
  })
  const lists: Iterable<string>[] = []
  const reports: ReadReport[] = []
  for (const group of groups.values()) {
    const [first] = group
    if (!first) continue
    const options = {
      ...readOptions(parts, request, first.params, first.wanted.payload.kind !== 'none', first.wanted.withVector),
      exact: first.params.exact,
      probes: first.params.probes,
      recallTarget: first.params.recallTarget,
      partial: first.params.partial,
    }
    const { queries, reports: resolved } = await resolveTargets(parts, request, collection, group)
    const { points, report } = await parts.reads.search(collection, queries, options)
    parts.metrics.observe('maksdb_probed_cells', report.probed ?? 0, {
      vectorcluster: collection.config.name,
      collection: collection.config.collection,
    })
    group.forEach(({ wanted, at }, i) => {
      const found = points[i] as ScoredPoint[]
      lists[at] = listPieces(found, (point) => [scoredJson(point, wanted.payload, collection.config)])
    })
    reports.push(...resolved, report)
  }
  return { lists, report: combined(reports) }
}

/** The vectors to ask with, and how those of points were read. */
async function resolveTargets(
  parts: PointParts,
  request: Request,
  collection: Collection,
  group: { wanted: QueryRequest; params: ReadParams }[],
): Promise<{ queries: Query[]; reports: ReadReport[] }> {
  const keys = [...new Set(group.flatMap(({ wanted }) => ('key' in wanted.target ? [wanted.target.key] : [])))]
  const vectors = new Map<IdKey, Float32Array>()
  const reports: ReadReport[] = []
  if (keys.length > 0) {
    const options = readOptions(parts, request, (group[0] as { params: ReadParams }).params, false, true)
    const { points, report } = await parts.reads.retrieve(collection, keys, options)
    reports.push(report)
    for (const point of points) if (point.vector) vectors.set(point.key, point.vector)
  }
  const queries = group.map(({ wanted: { target, limit, offset, scoreThreshold } }) => {
    if ('vector' in target) return { vector: target.vector, limit, offset, scoreThreshold, exclude: undefined }
    const vector = vectors.get(target.key)
    if (!vector) throw notFound(collection.config.collection, idText(target.key))
    return { vector, limit, offset, scoreThreshold, exclude: target.key }
  })
  return { queries, reports }
}

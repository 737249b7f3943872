/**
 * The operations of the API on points, free of any protocol: REST, and later gRPC, parse before and encode after them. They
 * take checked requests, and throw errors of the catalogue.
 */
import { MaksError } from '../core/errors.ts'
import type { FilterText } from '../core/filter/filter.ts'
import { type IdKey, idText } from '../core/ids.ts'
import type { QuerySpec } from '../protocol/shard-rpc.ts'
import type { Call } from '../runtime/call.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Collection } from './cluster/collection.ts'
import type { ShardClient } from './cluster/shard-client.ts'
import { PointWrites } from './edit/point-writes.ts'
import type { ReadRequest } from './query/consistency.ts'
import { combined, type ReadReport } from './query/read-report.ts'
import { type Page, Reads } from './query/reads.ts'
import type { Point, ScoredPoint, Wanted } from './query/rows.ts'
import type { Query } from './query/search.ts'
import { Writes } from './write/writes.ts'

export interface QueryRequest {
  spec: QuerySpec
  read: ReadRequest
  /** The query's vector, or the id of the point whose vector it is; or every point, in the order of ids. */
  target: { vector: Float32Array } | { key: IdKey } | { listed: true }
}

/** A query that searches. */
type SearchRequest = QueryRequest & { target: { vector: Float32Array } | { key: IdKey } }

export class Points {
  /** What writes them. */
  readonly writes: PointWrites
  readonly #reads: Reads
  readonly #metrics: Metrics

  constructor(shards: ShardClient, metrics: Metrics) {
    this.#reads = new Reads(shards)
    this.writes = new PointWrites({ reads: this.#reads, writes: new Writes(shards) })
    this.#metrics = metrics
  }

  /** The nearest points of each query, and one report of all. Throws NOT_FOUND if the point of a query does not exist. */
  async query(
    collection: Collection,
    requests: readonly QueryRequest[],
    call: Call,
  ): Promise<{ points: ScoredPoint[][]; report: ReadReport }> {
    const points: ScoredPoint[][] = []
    const reports: ReadReport[] = []
    for (const [at, request] of requests.entries()) {
      if (!('listed' in request.target)) continue
      const page = await this.#list(collection, request, call)
      points[at] = page.points
      reports.push(page.report)
    }
    for (const group of groupsOf(requests)) {
      const [{ request: first }] = group
      const { queries, reports: resolved } = await this.#resolve(
        collection,
        group.map(({ request }) => request),
        call,
      )
      const found = await this.#reads.search(collection, queries, first.read, call)
      this.#metrics.observe('maksdb_probed_cells', found.report.probed ?? 0, {
        vectorcluster: collection.config.name,
        collection: collection.config.collection,
      })
      group.forEach(({ at }, i) => {
        points[at] = found.points[i] as ScoredPoint[]
      })
      reports.push(...resolved, found.report)
    }
    return { points, report: combined(reports) }
  }

  /** A query that names nothing to search for: the points that match, in the order of ids, each with the score 1, as in Qdrant (qdrant/qdrant#7347). */
  async #list(
    collection: Collection,
    { spec, read }: QueryRequest,
    call: Call,
  ): Promise<{ points: ScoredPoint[]; report: ReadReport }> {
    const { limit, offset, filter, withPayload, withVector } = spec
    const page: Page = { from: null, limit: offset + limit, ...(filter === undefined ? {} : { filter }) }
    const { points, report } = await this.#reads.scroll(collection, page, { withPayload, withVector }, read, call)
    return { points: points.slice(offset).map((point) => ({ ...point, distance: 0, score: 1 })), report }
  }

  /** The queries with their vectors, and the reports of the reads of points whose vectors they are. */
  async #resolve(
    collection: Collection,
    requests: readonly SearchRequest[],
    call: Call,
  ): Promise<{ queries: Query[]; reports: ReadReport[] }> {
    const keys = [...new Set(requests.flatMap(({ target }) => ('key' in target ? [target.key] : [])))]
    const vectors = new Map<IdKey, Float32Array>()
    const reports: ReadReport[] = []
    if (keys.length > 0) {
      const { read } = requests[0] as SearchRequest
      const wanted = { withPayload: false, withVector: true }
      const { points, report } = await this.#reads.retrieve(collection, keys, wanted, read, call)
      reports.push(report)
      for (const point of points) if (point.vector) vectors.set(point.key, point.vector)
    }
    const queries = requests.map(({ spec, target }) => {
      if ('vector' in target) return { spec, vector: target.vector }
      const vector = vectors.get(target.key)
      if (!vector) throw notFound(collection, target.key)
      return { spec: { ...spec, exclude: target.key }, vector }
    })
    return { queries, reports }
  }

  retrieve(
    collection: Collection,
    keys: readonly IdKey[],
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: Point[]; report: ReadReport }> {
    return this.#reads.retrieve(collection, keys, wanted, read, call)
  }

  /** Throws NOT_FOUND. */
  async retrieveOne(
    collection: Collection,
    key: IdKey,
    read: ReadRequest,
    call: Call,
  ): Promise<{ point: Point; report: ReadReport }> {
    const wanted = { withPayload: true, withVector: true }
    const { points, report } = await this.#reads.retrieve(collection, [key], wanted, read, call)
    if (!points[0]) throw notFound(collection, key)
    return { point: points[0], report }
  }

  scroll(
    collection: Collection,
    page: Page,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: Point[]; next: IdKey | null; report: ReadReport }> {
    return this.#reads.scroll(collection, page, wanted, read, call)
  }

  /** @param filter of the points to count; absent: all */
  count(
    collection: Collection,
    read: ReadRequest,
    call: Call,
    filter?: FilterText,
  ): Promise<{ count: number; report: ReadReport }> {
    return this.#reads.count(collection, read, call, filter)
  }
}

interface Grouped {
  request: SearchRequest
  /** Its index in the batch. */
  at: number
}

/** Groups of the requests that search, each answered by one read: they have the same consistency, and the same rule for the cells to ask. */
export function groupsOf(requests: readonly QueryRequest[]): [Grouped, ...Grouped[]][] {
  const groups = new Map<string, [Grouped, ...Grouped[]]>()
  requests.forEach((request, at) => {
    if (!searches(request)) return
    const { exact, probes, recallTarget, partial } = request.spec
    const alike = JSON.stringify([request.read, exact, probes, recallTarget, partial])
    const group = groups.get(alike)
    if (group) group.push({ request, at })
    else groups.set(alike, [{ request, at }])
  })
  return [...groups.values()]
}

function searches(request: QueryRequest): request is SearchRequest {
  return !('listed' in request.target)
}

function notFound({ config }: Collection, key: IdKey): MaksError {
  return new MaksError('NOT_FOUND', `Not found: point ${idText(key)} does not exist in ${config.collection}`)
}

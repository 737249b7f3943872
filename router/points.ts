/**
 * The operations of the API on points, free of any protocol: REST, and later gRPC, parse before and encode after them. They
 * take checked requests, and throw errors of the catalogue.
 */
import type { FilterText } from '../core/filter/filter.ts'
import type { IdKey } from '../core/ids.ts'
import type { JsonPath } from '../core/json/json-path.ts'
import type { Call } from '../runtime/call.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Collection } from './cluster/collection.ts'
import type { ShardClient } from './cluster/shard-client.ts'
import { PointWrites } from './edit/point-writes.ts'
import { readTextFields } from './edit/text-fields.ts'
import type { ReadRequest } from './query/consistency.ts'
import { notFound } from './query/examples.ts'
import type { FacetHit } from './query/facets.ts'
import type { Group } from './query/groups.ts'
import { type Part, PayloadReads, type ValueOrder } from './query/payload-reads.ts'
import { Queries } from './query/queries.ts'
import type { GroupsRequest, QueryRequest } from './query/query-request.ts'
import type { ReadReport } from './query/read-report.ts'
import { type Page, Reads } from './query/reads.ts'
import type { Point, ScoredPoint, Wanted } from './query/rows.ts'
import { Writes } from './write/writes.ts'

export class Points {
  /** What writes them. */
  readonly writes: PointWrites
  readonly #reads: Reads
  readonly #payloads: PayloadReads
  readonly #queries: Queries

  constructor(shards: ShardClient, metrics: Metrics) {
    this.#reads = new Reads(shards)
    this.writes = new PointWrites({ reads: this.#reads, writes: new Writes(shards), textFields: readTextFields })
    this.#payloads = new PayloadReads(shards)
    this.#queries = new Queries(this.#reads, this.#payloads, metrics)
  }

  /** The points of each query, and one report of all. Throws NOT_FOUND if the point of a query does not exist. */
  query(
    collection: Collection,
    requests: readonly QueryRequest[],
    call: Call,
  ): Promise<{ points: ScoredPoint[][]; report: ReadReport }> {
    return this.#queries.points(collection, requests, call)
  }

  /** The points of a query in groups. Throws NOT_FOUND as `query` does. */
  queryGroups(
    collection: Collection,
    request: GroupsRequest,
    call: Call,
  ): Promise<{ groups: Group[]; report: ReadReport }> {
    return this.#queries.groups(collection, request, call)
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

  /** The first points in the order of values of their payloads. */
  ordered(
    collection: Collection,
    order: ValueOrder,
    part: Part,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: Point[]; report: ReadReport }> {
    return this.#payloads.ordered(collection, order, part, wanted, read, call)
  }

  /** How many of the points have each value at a path. */
  facet(
    collection: Collection,
    path: JsonPath,
    part: Part,
    read: ReadRequest,
    call: Call,
  ): Promise<{ hits: FacetHit[]; report: ReadReport }> {
    return this.#payloads.facet(collection, path, part, read, call)
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

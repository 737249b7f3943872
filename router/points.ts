/**
 * The operations of the API on points, free of any protocol: REST, and later gRPC, parse before and encode after them. They
 * take checked requests, and throw errors of the catalogue.
 */
import { asMaksError, MaksError } from '../core/errors.ts'
import type { FilterText } from '../core/filter/filter.ts'
import type { IdKey } from '../core/ids.ts'
import type { JsonPath } from '../core/json/json-path.ts'
import type { Call } from '../runtime/call.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Collection } from './cluster/collection.ts'
import { laterToken, type SessionToken, tokenText } from './cluster/session-token.ts'
import type { ShardClient } from './cluster/shard-client.ts'
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
import { idempotencyOf } from './write/idempotency.ts'
import { type Write, Writes } from './write/writes.ts'

export interface WriteRequest {
  wait: boolean
  idempotencyKey: string | undefined
  /** User version that each point must have; 0 if it must not exist. */
  ifVersion: number | undefined
  /** The newest state that the session has seen. */
  token: SessionToken | undefined
}

/** Points that one step of a delete by filter deletes at most. */
const DELETE_PAGE = 2000

export interface WriteAnswer {
  version: number
  visible: boolean
  report?: Partial<ReadReport>
}

export class Points {
  readonly #reads: Reads
  readonly #writes: Writes
  readonly #payloads: PayloadReads
  readonly #queries: Queries

  constructor(shards: ShardClient, metrics: Metrics) {
    this.#reads = new Reads(shards)
    this.#writes = new Writes(shards)
    this.#payloads = new PayloadReads(shards)
    this.#queries = new Queries(this.#reads, this.#payloads, metrics)
  }

  /** Upserts and deletes. */
  async write(
    collection: Collection,
    writes: readonly Write[],
    { idempotencyKey, ifVersion, token, ...request }: WriteRequest,
    call: Call,
  ): Promise<WriteAnswer> {
    const conditional = ifVersion === undefined ? writes : writes.map((one) => ({ ...one, ifVersion }))
    // At this level a write is durable once the pods have it in their journals, too.
    const wait = request.wait || collection.config.durability === 'Journal'
    const idempotency = idempotencyKey === undefined ? {} : { idempotency: idempotencyOf(idempotencyKey, conditional) }
    const { version } = await this.#writes.write(collection, conditional, { wait, ...idempotency }, call)
    const seen = await seenBy(collection, version, token)
    return { version, visible: wait, ...(seen === undefined ? {} : { report: { token: tokenText(seen) } }) }
  }

  /**
   * Deletes the points that match, page by page in the order of ids: each as it was read, so that one that was written
   * meanwhile is looked at again. Throws UNKNOWN_OUTCOME if a part was deleted and the rest could not be.
   * @param filter undefined for all points
   */
  async deleteMatching(
    collection: Collection,
    filter: FilterText | undefined,
    { wait, token }: Pick<WriteRequest, 'wait' | 'token'>,
    call: Call,
  ): Promise<WriteAnswer> {
    const request: WriteRequest = { wait, token, idempotencyKey: undefined, ifVersion: undefined }
    let answer: WriteAnswer = { version: 0, visible: wait }
    let begun = false
    try {
      for (let from: IdKey | null | undefined; from !== null; ) {
        const page = await this.#toDelete(collection, from ?? null, filter, call)
        if (page.writes.length === 0) break
        begun = true
        try {
          answer = await this.write(collection, page.writes, request, call)
          from = page.next
        } catch (thrown) {
          if (asMaksError(thrown).code !== 'CONFLICT') throw thrown
        }
      }
      return answer
    } catch (thrown) {
      const error = asMaksError(thrown)
      if (!begun || error.code === 'UNKNOWN_OUTCOME') throw error
      throw new MaksError('UNKNOWN_OUTCOME', `the points that match were deleted in part: ${error.message}`, {
        cause: error,
      })
    }
  }

  async #toDelete(
    collection: Collection,
    from: IdKey | null,
    filter: FilterText | undefined,
    call: Call,
  ): Promise<{ writes: Write[]; next: IdKey | null }> {
    const page: Page = { from, limit: DELETE_PAGE, ...(filter === undefined ? {} : { filter }) }
    const read: ReadRequest = { consistency: 'strong', token: undefined, maxStalenessMs: 0 }
    const wanted = { withPayload: false, withVector: false }
    const { points, next } = await this.#reads.scroll(collection, page, wanted, read, call)
    return { writes: points.map(({ key, userVersion }) => ({ key, ifVersion: userVersion })), next }
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

/**
 * The newest state that a session has seen after a write; undefined if Redis names none. A write that changed nothing
 * has no version of its own: then the session has seen a state that is not newer than the current one.
 */
async function seenBy(
  collection: Collection,
  version: number,
  before: SessionToken | undefined,
): Promise<SessionToken | undefined> {
  const generation = collection.topology?.generation ?? 0
  const now = version > 0 ? { generation, version } : await collection.cuts.take().catch(() => undefined)
  return now && before ? laterToken(before, now) : (now ?? before)
}

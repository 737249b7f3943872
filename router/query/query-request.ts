/** A query as the operations take it: what it is about, its options, and how recent its answer must be. */
import type { IdKey } from '../../core/ids.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import type { Scoring } from '../../core/scoring.ts'
import type { QuerySpec } from '../../protocol/shard-rpc.ts'
import type { ReadRequest } from './consistency.ts'
import type { ValueOrder } from './payload-reads.ts'

/** A vector, or the id of the point whose vector it is. */
export type Example = { vector: Float32Array } | { key: IdKey }

/** Several examples, and how they make a score: or the average of them, whose nearest points are found. */
export interface Examples {
  /** In the order of `Scoring`; for an average the positive ones, so many, and then the negative ones. */
  examples: readonly Example[]
  by: Scoring | { is: 'average'; positives: number }
}

/** What is searched for. */
export type SearchTarget = Example | Examples
/** What is listed: every point in the order of ids or of values, or points drawn by chance. */
export type ListTarget = { listed: true } | { ordered: ValueOrder } | { drawn: true }

export interface Mmr {
  /** 0 to 1: 0 looks at the relevance alone. */
  diversity: number
  /** Nearest points of which it chooses; absent: `limit`. */
  candidates?: number
}

export interface QueryRequest {
  spec: QuerySpec
  read: ReadRequest
  target: SearchTarget | ListTarget
  /** Chooses among the nearest points: of a single vector alone. */
  mmr?: Mmr
}

/** A query that searches. */
export type SearchRequest = QueryRequest & { target: SearchTarget }
export type ListRequest = QueryRequest & { target: ListTarget }

/** A query whose points come in groups: `spec.limit` of them, and no offset. */
export interface GroupsRequest extends QueryRequest {
  group: {
    /** To the values that name the groups of a point. */
    path: JsonPath
    /** Points of a group at most. */
    size: number
  }
}

export function searches(request: QueryRequest): request is SearchRequest {
  const { target } = request
  return 'vector' in target || 'key' in target || 'examples' in target
}

/** Vectors and ids of a query that has several. */
export function examplesOf({ target }: QueryRequest): number {
  return 'examples' in target ? target.examples.length : 0
}

/** Points, and the options of each call. */
import type { Filter } from './filter.ts'
import type { CallOptions } from './transport.ts'

export type Payload = Record<string, unknown>

/** Integers above 2^53 are bigints; UUIDs and other names are strings. */
export type PointId = number | bigint | string

export type Vector = readonly number[] | Float32Array

/** One step of a change of aliases. */
export type AliasAction =
  /** Gives the name to the collection; an alias that exists moves to it. */
  { create: string; collection: string } | { delete: string } | { rename: string; to: string }

export interface PointInput<P extends Payload> {
  id: PointId
  vector: Vector
  payload?: P
}

export interface Point<P extends Payload> {
  id: PointId
  payload: P
  vector?: number[]
}

export interface ScoredPoint<P extends Payload> extends Point<P> {
  score: number
  version: number
  /** The value at which an `orderBy` has put the point; of a time microseconds since 1970. */
  orderValue?: number | bigint
}

export interface WriteOptions extends CallOptions {
  /** Answer when the write is visible to later reads, not only durable. @defaultValue true */
  wait?: boolean
  /** The request is executed once, however often it is sent under this key within an hour. */
  idempotencyKey?: string
  /** The version that the one point must have; 0 where it must not exist. */
  ifVersion?: number
}

export interface UpsertOptions<P extends Payload = Payload> extends WriteOptions {
  /** Of points that are there only those that match are replaced. */
  updateFilter?: Filter<P>
  /** Write all points, those that are not there, or those that are. @defaultValue 'upsert' */
  updateMode?: 'upsert' | 'insert_only' | 'update_only'
}

/** The points of an edit: their ids, or a filter that they match; all points if it is `{ must: [] }`. */
export type Which<P extends Payload> = readonly PointId[] | Required<FilterOptions<P>>

/** `{ points }` or `{ filter }`, as in a request. */
type Named<P extends Payload> = { points: readonly PointId[] } | Required<FilterOptions<P>>

/** One operation of a batch, as in a request. */
export type Operation<P extends Payload = Payload> =
  | {
      upsert: {
        points: readonly PointInput<P>[]
        update_filter?: Filter<P>
        update_mode?: UpsertOptions['updateMode']
      }
    }
  | { delete: Named<P> }
  | { set_payload: Named<P> & { payload: Nullable<P> | Payload; key?: string } }
  | { overwrite_payload: Named<P> & { payload: P } }
  | { delete_payload: Named<P> & { keys: readonly string[] } }
  | { clear_payload: Named<P> }
  | { update_vectors: { points: readonly VectorInput[]; update_filter?: Filter<P> } }

/** Members of a payload; null removes one. */
export type Nullable<P extends Payload> = { [K in keyof P]?: P[K] | null }

export interface VectorInput {
  id: PointId
  vector: Vector
}

export interface ReadOptions extends CallOptions {
  /** Absent: every write that was acknowledged before. `session`: see Collection.session(). */
  consistency?: 'eventual' | 'bounded' | 'session' | 'strong'
  /** How old a bounded read may be. @defaultValue 5000 */
  maxStalenessMs?: number
  /** @defaultValue true, false for queries */
  withPayload?: boolean
  /** @defaultValue false */
  withVector?: boolean
}

/** Of a read of some points of a collection. */
export interface FilterOptions<P extends Payload> {
  /** The points that it is about; absent: all. */
  filter?: Filter<P>
}

export interface QueryOptions<P extends Payload = Payload> extends ReadOptions, FilterOptions<P> {
  /** @defaultValue 10 */
  limit?: number
  offset?: number
  scoreThreshold?: number
  /** Ask every cell. */
  exact?: boolean
  /** How many of the nearest cells to ask. */
  probes?: number
  recallTarget?: number
  /** Answer with what there is where a cell has no live pod. */
  partial?: boolean
}

export interface QueryResult<P extends Payload> {
  points: ScoredPoint<P>[]
  /** How the query was answered: cells probed, rows scanned, exact or not. */
  report: { consistency: string; probed: number; cells: number; scanned: number; exact: boolean; missing?: number[] }
}

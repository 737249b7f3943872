/** Messages between router and shard, and between shards. Paths, headers of frames, and what each chunk holds. */
import type { ErrorCode } from '../core/errors.ts'
import type { FilterText } from '../core/filter/filter.ts'
import type { Direction } from '../core/filter/order-value.ts'
import type { IdKey } from '../core/ids.ts'
import type { JsonPath } from '../core/json/json-path.ts'
import type { Scoring } from '../core/scoring.ts'

export const INTERNAL_HEADER = 'x-maksdb-internal'
/** What is left of the caller's time, ms. */
export const TIMEOUT_HEADER = 'x-maksdb-timeout-ms'

export const RPC = {
  commit: '/rpc/commit',
  search: '/rpc/search',
  rows: '/rpc/rows',
  scroll: '/rpc/scroll',
  count: '/rpc/count',
  facet: '/rpc/facet',
  rowFacts: '/rpc/row-facts',
  wait: '/rpc/wait',
  sample: '/rpc/sample',
  centroids: '/rpc/centroids',
  snapshotManifest: '/rpc/snapshot',
  snapshotFile: '/rpc/snapshot/file',
  handOver: '/rpc/hand-over',
  status: '/rpc/status',
} as const

/** Precondition on the user version of a point; 0 means that the point must not exist. */
export type OperationHeader =
  | { type: 'upsert'; key: IdKey; copy: number | null; centroidVersion: number; ifVersion?: number }
  /** Another payload for a point that exists. */
  | { type: 'payload'; key: IdKey; ifVersion: number }
  | { type: 'delete'; key: IdKey; ifVersion?: number }

/** POST commit. One chunk an upsert, the encoded row, and one a payload, its JSON text, in order. */
export interface CommitRequest {
  operations: OperationHeader[]
  /** Digests of the request's idempotency key and of what it asks for. */
  idempotency?: { key: string; digest: string }
  /** Answer only when this pod has applied the entries too. */
  wait: boolean
}

export type OperationResult =
  /** `version` is the user version, `ordering` the ordering version of the row. */
  | { outcome: 'applied'; version: number; ordering: number; touched: number[] }
  | { outcome: 'absent' }
  | { outcome: 'conflict'; version: number }
  | { outcome: 'stale-topology' }
  /** The idempotency key belongs to a request that asked for something else. */
  | { outcome: 'key-reused' }
  /** Not executed, while other operations of the request were: safe to send again. */
  | { outcome: 'refused'; code: ErrorCode; message: string }

export interface CommitResponse {
  results: OperationResult[]
  /** Head of each cell's log that the batch touched, by cell number. */
  heads: Record<string, number>
  centroidVersion: number
  /** Of the positions in `heads`: changes whenever the gate opens. */
  timeline: number
}

/** What a read must see. Without `cut`, the present state of the pod. */
export interface ReadScope {
  /** The pod must lead its cell, by its own clock, when it answers. */
  primary: boolean
  /** Ordering version to read at, and the log position that the pod must have reached. */
  cut?: { version: number; seq: number; epoch: number; timeline: number }
}

/**
 * A query, whole: from the parser of the API to the index. An option stands here once; it is read where it has its effect.
 * The vector goes beside it.
 */
export interface QuerySpec {
  /** Points that the client gets, after `offset` nearer ones. */
  limit: number
  offset: number
  /** The worst score that is shown. */
  scoreThreshold?: number
  /** The points that may be found; absent: all. */
  filter?: FilterText
  /** The points that the query came from, which are no answers to it; each once. */
  exclude?: readonly IdKey[]
  /** How the vectors of the query make a score; absent: it has one vector, and the nearest rows are found. */
  scoring?: Scoring
  withPayload: boolean
  withVector: boolean
  /** Ask every cell; else the `probes` most promising, or as many as the recall target needs. */
  exact: boolean
  probes?: number
  recallTarget?: number
  /** Answer with what there is where a cell has no live pod. */
  partial: boolean
  /** Show how the rows were found. */
  explain?: boolean
}

/** Hits that each cell finds for a query. */
export function candidatesOf({ limit, offset, exclude }: QuerySpec): number {
  return limit + offset + (exclude?.length ?? 0)
}

/** Vectors that belong to a query. */
export function vectorsOf({ scoring }: Pick<QuerySpec, 'scoring'>): number {
  return scoring?.examples ?? 1
}

/** POST search. Chunk 0: the vectors of the queries, float32, one after the other: of each as many as `vectorsOf` counts. */
export interface SearchRequest {
  scope: ReadScope
  queries: QuerySpec[]
}

export interface HitRow {
  key: IdKey
  version: number
  userVersion: number
  /** Lower is better: of a query with a `scoring` the negated score. */
  distance: number
  /** Of the payload's JSON text, if payloads were asked for. */
  payloadBytes?: number
}

/** Answer of search. Chunk 0: the vectors of all hits, in order; chunk 1: their payloads. Empty if not asked for. */
export interface SearchResponse {
  hits: HitRow[][]
  /** Rows that were compared with each query, or with its filter. */
  scanned: number
  /** Of each query that asks for it; null for the others. Absent if none does. */
  plans?: (CellPlan | null)[]
}

/** How the rows of a query were found in a cell. */
export interface CellPlan {
  /**
   * Which rows may be found is known without reading payloads (`index`), from those of the rows that the indexes left
   * (`candidates`), or from those of all (`scan`); without a filter all rows may (`all`). That no row matches was known from the
   * indexes before anything was done (`none`).
   */
  plan: 'all' | 'none' | 'index' | 'candidates' | 'scan'
  /** Fields whose indexes were used. */
  indexes: string[]
  /** Rows that the indexes left. */
  candidates: number
  /** Rows of which the payload was read. */
  checked: number
  matched: number
}

/** POST rows: points by id. Only owner rows answer. */
export interface RowsRequest {
  scope: ReadScope
  keys: IdKey[]
  withPayload: boolean
  withVector: boolean
}

/** Orders of the rows of a page, beside that of ids. */
export type RowOrder =
  /**
   * By the values at a path, ties by id, in the same direction. A row comes once with each value that it has and that can be
   * ordered; one without any does not come.
   */
  | {
      by: 'value'
      path: JsonPath
      direction: Direction
      /** The first value that may come, as `orderValueText` has it. */
      startFrom?: string
    }
  /** Drawn by chance, every row with the same probability. */
  | { by: 'chance' }

/** POST scroll: the owner rows with ids from `from` on, in order; or, without `from`, the first ones in another order. */
export interface ScrollRequest {
  scope: ReadScope
  from: IdKey | null
  limit: number
  order?: RowOrder
  filter?: FilterText
  withPayload: boolean
  withVector: boolean
}

export interface RowHeader {
  key: IdKey
  version: number
  userVersion: number
  /** The value at which the row stands in an order by values, as `orderValueText` has it. */
  orderValue?: string
  payloadBytes?: number
}

/** Answer of rows and scroll, with the chunks of search. */
export interface RowsResponse {
  rows: RowHeader[]
  /** Of which the rows were drawn, if they were drawn by chance. */
  matching?: number
}

export interface CountRequest {
  scope: ReadScope
  filter?: FilterText
}

export interface CountResponse {
  /** Owner rows. */
  count: number
  /** Rows that are kept here a second time. */
  redundantRows: number
}

/** POST facet: how many owner rows have each of the values at a path. */
export interface FacetRequest {
  scope: ReadScope
  path: JsonPath
  filter?: FilterText
}

/**
 * Answer of facet. Chunk 0: the values as `facetText` has them, one a line, in the order of `compareFacetValues`; chunk 1: the
 * count of each, uint32.
 */
export interface FacetResponse {
  values: number
}

/** POST row-facts: the rows, of whatever flag, that the cell holds of ids, at the cut or after it. */
export interface RowFactsRequest {
  scope: ReadScope
  keys: IdKey[]
}

export interface RowFactsResponse {
  rows: [key: IdKey, flag: 'o' | 'c' | 'l', version: number, userVersion: number][]
}

/** POST wait: answers once the pod, which must lead, has applied the entry. */
export interface WaitRequest {
  seq: number
  /** Of `seq`. A pod that follows another history answers UNKNOWN_OUTCOME. */
  timeline: number
}

/** POST snapshot: the manifest of the newest snapshot; a pod whose newest is older than this position takes one. */
export interface SnapshotRequest {
  atLeast: string
}

/** POST sample: up to `limit` owner vectors, evenly over the cell. Chunk 0 of the answer: the vectors. */
export interface SampleRequest {
  limit: number
}

/** POST centroids, to the primary of cell 0. Chunk 0: clusters x dimension float32 for `upload`, absent for `train`. */
export interface CentroidsRequest {
  action: 'train' | 'upload'
}

/** POST hand-over, to a primary that is about to be stopped. */
export interface HandOverRequest {
  /** Time for which the pod does not ask for the lease again, so that another may have it. */
  holdOffMs: number
}

export interface HandOverResponse {
  /** False where the pod did not lead. */
  handedOver: boolean
  /** Pod that leads now, where one took the lease within the time. */
  successor?: string | undefined
}

export interface RpcError {
  code: ErrorCode
  message: string
  /** True where the pod knows that nothing of the request was executed. */
  notExecuted: boolean
  details?: Record<string, unknown>
}

/** Of a V8 heap, in bytes: what its objects take, garbage included, and what it has from the system. */
export interface HeapBytes {
  used: number
  total: number
}

/** Of the memory limit that leaves a pod the least room, in bytes. */
export interface LimitedMemory {
  /** What counts against the limit, without what the kernel takes back by itself. */
  used: number
  limit: number
  /** What writes may still take; the reserve of the pod is left out. Not above 0: the pod is full. */
  room: number
}

/** Memory of a pod in bytes, some seconds old at most. */
export interface PodMemory {
  /** Of the whole process. */
  resident: number
  /** Of the rows by part, as `maksdb_row_bytes`; dead rows count until they are cleaned. */
  rows: Readonly<Record<string, number>>
  /** By thread. */
  heaps: { main: HeapBytes; index: HeapBytes }
  /** Absent if no limit is known. */
  limited?: LimitedMemory
}

/** The payload indexes of a pod, some seconds old at most. */
export interface PodIndexes {
  /** The version of the settings that they are of. */
  settings: number
  /** By field: live rows with a value of the type, and rows that the index has not come to. */
  fields: Readonly<Record<string, { points: number; pending: number }>>
}

/** A pod's heartbeat, kept in the members hash and read by routers, peers and the supervisor. */
export interface Heartbeat {
  pod: string
  cell: number
  ordinal: number
  address: string
  port: number
  adminPort: number
  startId: string
  /** Grows with every heartbeat; a pod is silent when it stands still. */
  beat: number
  applied: string
  points: number
  redundantRows: number
  /** Of the rows at `applied`; '' where there is none. */
  digest: string
  /** Positions of the oldest and the newest verified snapshot, or null. */
  oldestSnapshot: string | null
  newestSnapshot: string | null
  /** A position below which the log must not be trimmed while this pod copies a peer's snapshot. */
  retentionPin: string | null
  /** Absent in the heartbeats of an earlier version. */
  memory?: PodMemory
  /** Absent before the pod has read the settings, and in the heartbeats of an earlier version. */
  payloadIndexes?: PodIndexes
}

/** What the main thread asks of the index thread: names, arguments and answers of each call. */

import type { FilterText } from '../../core/filter/filter.ts'
import type { IndexDefinition } from '../../core/filter/index-schema.ts'
import type { IdKey } from '../../core/ids.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import type { Hole } from '../../core/log/coverage.ts'
import type { Position } from '../../core/log/position.ts'
import type { Partition } from '../../core/partition.ts'
import type { FactsResponse } from '../../protocol/repair-rpc.ts'
import type { CellPlan, PodIndexes, QuerySpec, RowOrder } from '../../protocol/shard-rpc.ts'
import type { WorkEnd } from '../../runtime/work-end.ts'
import type { BlockMemory, EntryBlock } from '../../store/entry-block.ts'
import type { LogTip } from '../../store/log-entry.ts'
import type { CellShape } from './cell-state.ts'
import type { FacetCounts } from './facet-counts.ts'
import type { RowBytes } from './row-store.ts'

export interface IndexStats {
  tip: LogTip
  version: number
  holes: readonly Hole[]
  points: number
  redundantRows: number
  dead: number
  compactions: number
  centroidVersion: number
  /** Of the live rows. */
  digest: string
  /** Memory of the rows by part, and of the payload indexes. */
  bytes: RowBytes & { indexes: number }
}

export interface IndexQuery {
  spec: QuerySpec
  /** The values of its vectors (`vectorsOf`), in memory that both threads read. */
  vector: Float32Array
  /** Version to read at. */
  at: number | undefined
  /** A search by several vectors ends then, without an answer. */
  end?: WorkEnd
}

/** Rows as they go to a router. The index thread encodes them, so that the main thread passes on long answers unread. */
export interface EncodedRows {
  /** JSON text of the list of headers (`HitRow`, `RowHeader`). */
  headers: Uint8Array
  /** One after the other; empty if not requested. */
  vectors: Float32Array
  payloads: Uint8Array
}

export interface FoundRows extends EncodedRows {
  plan: CellPlan
}

export interface ReadRows {
  at: number | undefined
  withPayload: boolean
  withVector: boolean
}

/** A read that looks at rows ends then with TIMEOUT. Without it, at its own end. */
interface Ending {
  end?: WorkEnd
}

/** A row that belongs elsewhere, or a source one that may be dropped. */
export interface Misplaced {
  key: IdKey
  version: number
  owner: number
  copy: number | null
  row: Uint8Array
}

export interface MigrationScanAnswer {
  misplaced: Misplaced[]
  /** Rows left behind by earlier moves, with their ordering versions. */
  source: { key: IdKey; version: number }[]
  /** The row from which the next call continues, or null at the end. */
  next: number | null
}

export interface IndexCalls {
  open: (shape: CellShape) => IndexStats
  /** Loads the newest snapshot that verifies and is not newer than `below`; undefined leaves an empty state, as `loaded` says. */
  load: (call: { dir: string; below?: LogTip }) => {
    stats: IndexStats
    loaded: Position | undefined
    damaged: string[]
  }
  stats: (call: null) => IndexStats
  /** Cleans dead rows, and gives back what garbage holds, unless the heap is so large that searches would wait for it. */
  collect: (call: null) => null
  /** The memory of the block comes back. */
  apply: (call: BlockMemory & Pick<EntryBlock, 'count' | 'point'>) => { stats: IndexStats; memory: BlockMemory }
  /** Undefined for queries that need more time; the caller sends them again, unless its own is over. */
  search: (call: { queries: IndexQuery[] }) => { queries: (FoundRows | undefined)[]; scanned: number }
  /** Of each filter, whether the payload indexes show that no row matches it at the version. */
  matchNone: (call: { filters: { filter: FilterText; at: number | undefined }[] }) => boolean[]
  /** The payload indexes from now on. */
  defineIndexes: (call: { definitions: readonly IndexDefinition[] }) => void
  payloadIndexes: (call: null) => PodIndexes['fields']
  rows: (call: ReadRows & { keys: IdKey[] }) => EncodedRows
  page: (
    call: ReadRows & Ending & { from: IdKey | null; limit: number; filter?: FilterText | undefined },
  ) => EncodedRows
  /** A page in another order than that of ids. `matching` is for those drawn by chance. */
  orderedPage: (
    call: ReadRows & Ending & { order: RowOrder; limit: number; filter?: FilterText | undefined },
  ) => EncodedRows & { matching?: number }
  facet: (call: Ending & { at: number | undefined; path: JsonPath; filter?: FilterText | undefined }) => FacetCounts
  count: (call: Ending & { at: number | undefined; filter?: FilterText | undefined }) => {
    count: number
    redundantRows: number
  }
  /**
   * Ids of live rows, of the rows from `from` on; `next` is the row from which the next call continues, or null at the
   * end.
   */
  liveKeys: (call: { from: number; limit: number }) => { keys: IdKey[]; next: number | null }
  rowFacts: (call: { keys: IdKey[] }) => FactsResponse['rows']
  facts: (call: { from: number; to: number }) => FactsResponse
  heldRows: (call: { keys: { key: IdKey; evicted: boolean }[] }) => Uint8Array[]
  /** Of the newest version in the log; empty in version 0. */
  centroids: (call: null) => Uint8Array
  snapshot: (call: { dir: string }) => { kept: string[] }
  sample: (call: { limit: number }) => Float32Array
  train: (call: { points: Float32Array; clusters: number; seed: number }) => {
    centroids: Float32Array
    sizes: number[]
    iterations: number
  }
  migrationScan: (call: {
    cell: number
    partition: Partition
    redundantStorage: number
    from: number
    limit: number
  }) => MigrationScanAnswer
}

export type IndexCall = keyof IndexCalls
/** Calls that may look at every row; without a filter, a page in the order of ids and a count do not. */
export type ScanCall = 'page' | 'orderedPage' | 'facet' | 'count'
export type Argument<C extends IndexCall> = Parameters<IndexCalls[C]>[0]
export type Answer<C extends IndexCall> = ReturnType<IndexCalls[C]>

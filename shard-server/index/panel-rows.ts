/** The native rows of the addon (native/rows/addon.cc), which holds them in panels of 16 and searches on threads of its own. */
import faiss from 'faiss-node'

/** Of all queries of a call, one after the other. */
export interface PanelAnswers {
  /** 1 if the answer is exact; 0 if more rows were as near as each other than candidates are kept. */
  complete: Uint8Array
  /** Rows found of each query. */
  counts: Uint32Array
  rows: Uint32Array
  distances: Float64Array
}

type SearchArguments = [
  vectors: readonly Float32Array[],
  limits: Uint32Array,
  /** No row of a mask is longer; Infinity: than the longest row of all. */
  longest: number,
  /** Bitmaps of row numbers, 32 to a word. */
  masks: readonly Uint32Array[],
  /** The number of each query's mask. */
  maskOf: Uint32Array,
]

export interface PanelRows {
  /** Rows that were dropped: the number of the oldest row. */
  readonly first: number
  readonly size: number
  readonly chunkRows: number
  /** Memory that is mapped for rows. */
  readonly bytes: number
  /** Its instruction set: avx512-bf16, avx512, avx2 or portable. */
  readonly kernel: string
  append(vectors: Float32Array): void
  /** Drops the oldest chunk. */
  dropFirst(): void
  read(from: number, into: Float32Array): void
  /** Its arguments are copied before it returns; the rows are those that are there now. Masks and answers count from `first`. */
  search(...call: SearchArguments): Promise<PanelAnswers>
  searchSync(...call: SearchArguments): PanelAnswers
}

export interface PanelRowsClass {
  /** The kernels that this processor runs, fastest first. */
  readonly kernels: readonly string[]
  new (dimension: number, metric: 'L2' | 'InnerProduct', kernel?: string, chunkRows?: number): PanelRows
}

/** Undefined where the addon is faiss-node's own, without our extension. */
export const PanelRows = (faiss as { PanelRows?: PanelRowsClass }).PanelRows

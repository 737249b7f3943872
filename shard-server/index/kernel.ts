/**
 * What holds the vectors of a cell and compares them: the seam between the columns of a row store and the code that
 * searches. A kernel knows rows by their numbers alone, which count up from 0 in the order in which they were appended; which
 * of them a query may find, a row mask says. Its rows are a window of a log: they are appended at its end, and its oldest chunk
 * is dropped. It answers exactly or not at all.
 */
import type { RowMask } from './row-mask.ts'

export interface MaskedQuery {
  /** As many values as the kernel's dimension. */
  vector: Float32Array
  mask: RowMask
  /** Rows at most, but for those that are as near as the last of them. */
  limit: number
}

export interface Nearest {
  rows: ArrayLike<number>
  /** Inner distance of each row (`core/metric.ts`), as `distance` computes it to the bit. */
  distances: ArrayLike<number>
}

export interface Kernel {
  readonly dimension: number
  /** The number of its oldest row: as many rows were dropped. */
  readonly first: number
  /** How many rows there are. */
  readonly rows: number
  /** Rows of a chunk: a multiple of 32. `first` is a multiple of it. */
  readonly chunkRows: number
  /** Memory of the rows. */
  readonly bytes: number
  /** Appends rows: whole vectors, one after the other. They are copied. */
  append(vectors: Float32Array): void
  /** Drops the oldest chunk. Throws if it is not full. A search that runs keeps its rows. */
  dropFirst(): void
  /** Copies rows from number `from` on, one after the other, until the array is full. Throws if there are not so many. */
  read(from: number, into: Float32Array): void
  /**
   * The nearest rows of each query's mask, which begins at `first`, in no order; undefined if the kernel cannot prove which they are. The masks are
   * read before it returns, so that they may change afterwards.
   * @param longest no row of a mask is longer
   */
  search(queries: readonly MaskedQuery[], longest: number): Promise<(Nearest | undefined)[]>
}

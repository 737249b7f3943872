/**
 * What compares vectors: the seam between a cell's state and the library that searches. A kernel knows rows by their
 * numbers alone, which count up from 0 in the order in which they were appended; which of them a query may find, a row mask
 * says. Its distances are float32 and may be off (`kernel-error.ts`): `ExactSearch` proves or completes its answers.
 */
import type { RowMask } from './row-mask.ts'

/** What a kernel found for one query, by its own arithmetic. */
export interface Candidates {
  /** Row numbers, nearest first; all of them are in the query's mask. */
  rows: number[]
  /** Inner distance, lower is nearer. Every row of the mask that is not among `rows` is at this distance or beyond; Infinity: the kernel can compare no other. */
  reach: number
}

export interface MaskedQuery {
  /** As many values as the kernel's dimension. */
  vector: Float32Array
  mask: RowMask
}

export interface Kernel {
  /** Number of rows. */
  readonly rows: number
  /** Up to so many queries in one call the kernel surely adds up squares of differences under L2, which are the more exact. */
  readonly differencesMax: number
  /** Appends rows: each block holds whole vectors, one after the other. */
  append(blocks: readonly Float32Array[]): void
  /** Appends the rows of a snapshot's file of vectors. Throws if its dimension is another. */
  appendFile(path: string): void
  /** Removes every row. */
  clear(): void
  /**
   * About `k` candidates of each query, in the order of the queries; more or fewer where a mask has dead rows beside the
   * nearest. A kernel may look at rows outside of a mask, but returns none.
   */
  search(queries: readonly MaskedQuery[], k: number): Candidates[]
}

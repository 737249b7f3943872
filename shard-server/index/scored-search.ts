/**
 * The best rows by a score of several vectors. A kernel ranks rows by one vector, and a bound of its own for each would prove
 * nothing about the formulas of `core/scoring.ts`; so every row of the mask is compared with every vector, in double precision, and
 * exactly. That takes long, so that it yields after each row.
 */
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { type Scoring, scoreBy } from '../../core/scoring.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'
import type { FoundRow } from './search.ts'

export interface ScoredQuery {
  /** `scoring.examples` of them, one after the other. */
  vectors: Float32Array
  scoring: Scoring
  /** Rows at most. */
  limit: number
  /** The rows that may be found. Must not change during the search. */
  mask: RowMask
}

type ComparedRows = Pick<RowStore, 'kernel' | 'keyOf' | 'bornOf' | 'end'>

/** Rows that are read at a time. */
const BLOCK_ROWS = 64
/** Rows that are collected, beyond twice the limit, before they are sorted. */
const KEPT_MIN = 64

/** The best rows, their distance the negated score, ties by id. The caller holds the rows. */
export function* bestScored(
  metric: Metric,
  rows: ComparedRows,
  { vectors, scoring, limit, mask }: ScoredQuery,
): Generator<void, FoundRow[], void> {
  const { dimension } = rows.kernel
  const examples = rowsIn(vectors, dimension)
  const similarities = new Float64Array(examples.length)
  const block = new RowsBlock(rows)
  const keep = 2 * limit + KEPT_MIN
  let best: FoundRow[] = []
  let worst = Number.POSITIVE_INFINITY
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    const vector = block.vector(row)
    for (let i = 0; i < examples.length; i++) similarities[i] = -distance(metric, examples[i] as Float32Array, vector)
    const negated = -scoreBy(scoring, similarities)
    if (negated <= worst) {
      best.push({ row, key: rows.keyOf(row), version: rows.bornOf(row), distance: negated })
      if (best.length >= keep) {
        best = best.sort(byDistance).slice(0, limit)
        worst = best.at(-1)?.distance ?? worst
      }
    }
    yield
  }
  return best.sort(byDistance).slice(0, limit)
}

function rowsIn(vectors: Float32Array, dimension: number): Float32Array[] {
  return Array.from({ length: vectors.length / dimension }, (_, i) =>
    vectors.subarray(i * dimension, (i + 1) * dimension),
  )
}

/** The vectors of rows that are asked for in their order, read some at a time. */
class RowsBlock {
  readonly #rows: ComparedRows
  readonly #block: Float32Array
  readonly #vectors: Float32Array[]
  #first = 0
  #end = 0

  constructor(rows: ComparedRows) {
    const { dimension } = rows.kernel
    this.#rows = rows
    this.#block = new Float32Array(BLOCK_ROWS * dimension)
    this.#vectors = rowsIn(this.#block, dimension)
  }

  /** In memory that rows after the block reuse. */
  vector(row: number): Float32Array {
    if (row >= this.#end) {
      const { kernel, end } = this.#rows
      this.#first = row
      this.#end = Math.min(row + BLOCK_ROWS, end)
      kernel.read(row, this.#block.subarray(0, (this.#end - row) * kernel.dimension))
    }
    return this.#vectors[row - this.#first] as Float32Array
  }
}

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
  const examples = Array.from({ length: scoring.examples }, (_, i) =>
    vectors.subarray(i * dimension, (i + 1) * dimension),
  )
  const similarities = new Float64Array(examples.length)
  const keep = 2 * limit + KEPT_MIN
  let best: FoundRow[] = []
  let worst = Number.POSITIVE_INFINITY
  for (const [row, vector] of rowVectors(rows, mask)) {
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

/** Each row of the mask with its vector, in memory that the next rows reuse. */
function* rowVectors({ kernel, end }: ComparedRows, mask: RowMask): Generator<[number, Float32Array], void, void> {
  const { dimension } = kernel
  const block = new Float32Array(BLOCK_ROWS * dimension)
  for (let from = mask.next(0); from >= 0; ) {
    const to = Math.min(from + BLOCK_ROWS, end)
    kernel.read(from, block.subarray(0, (to - from) * dimension))
    let row = from
    for (; row >= 0 && row < to; row = mask.next(row + 1))
      yield [row, block.subarray((row - from) * dimension, (row - from + 1) * dimension)]
    from = row
  }
}

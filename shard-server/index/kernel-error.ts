/**
 * How far FAISS' float32 distances may be off. Inner distances (`core/metric.ts`): lower is nearer. A row at the true
 * distance `d` is given at most `farthest(d)`, which grows with `d`: so where the worst candidate of FAISS lies beyond
 * `farthest(d)`, every row within `d` is among the candidates.
 *
 * The bounds are the textbook's (Higham, Accuracy and Stability of Numerical Algorithms, 3.1): n products summed in any
 * order are off by at most n/2^24 of the sum of their absolute values, and by what underflows.
 */
import type { Metric } from '../../core/metric.ts'

const UNIT = 2 ** -24
/** Of a product or an operand that underflows, also where a processor takes subnormals for zero; with room. */
const UNDERFLOW = 2 ** -123

export interface KernelQuery {
  metric: Metric
  dimension: number
  /** Length of the query, and the most of any row that FAISS was asked about. */
  length: number
  rowLength: number
  /** FAISS adds up squares of differences, and not squares and products (its path through BLAS). */
  differences: boolean
}

export function farthest(query: KernelQuery): (distance: number) => number {
  const { metric, dimension, length, rowLength, differences } = query
  // Some more roundings than products: those of differences, of the norms, and of the sum of both.
  const relative = (dimension + 8) * UNIT * 1.01
  const underflow = dimension * UNDERFLOW * (1 + length) * (1 + rowLength)
  if (metric !== 'L2') return (distance) => distance + relative * length * rowLength + underflow
  if (differences) return (distance) => distance * (1 + relative) + dimension * UNDERFLOW
  // The row is at most sqrt(distance) from the query, hence no longer than both together.
  return (distance) => distance + relative * (2 * length + Math.sqrt(distance)) ** 2 + dimension * UNDERFLOW
}

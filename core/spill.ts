/**
 * Redundant storage: a second copy of the vectors that lie worst in their cell, in the cell that serves them best.
 * The score is SOAR's (Sun et al., 2023): ||x-c'||^2 + lambda (r.(x-c'))^2 over ||x-c||^2, r the unit residual of the
 * owner c. A vector is copied when its score is within the budget's quantile of the scores seen lately; the commit
 * script holds the budget itself.
 */
import { squaredL2 } from './metric.ts'
import { centroidOf, type Partition } from './partition.ts'

const LAMBDA = 1
/** Scores remembered for the quantile. */
export const RESERVOIR_SIZE = 20_000
/** The quantile is taken again after so many new scores. */
const REFRESH_EVERY = 256

export interface Spill {
  cell: number
  score: number
}

export function bestSpill(partition: Partition, owner: number, vector: Float32Array): Spill | undefined {
  if (partition.version === 0 || partition.clusters < 2) return undefined
  const own = centroidOf(partition, owner)
  const ownDistance = squaredL2(vector, own)
  if (ownDistance === 0) return undefined
  let best: Spill | undefined
  for (let cell = 0; cell < partition.clusters; cell++) {
    if (cell === owner) continue
    const centroid = centroidOf(partition, cell)
    let along = 0
    for (let j = 0; j < vector.length; j++) {
      along += ((vector[j] as number) - (own[j] as number)) * ((vector[j] as number) - (centroid[j] as number))
    }
    const score = (squaredL2(vector, centroid) + (LAMBDA * along * along) / ownDistance) / ownDistance
    if (!best || score < best.score) best = { cell, score }
  }
  return best
}

export class SpillReservoir {
  readonly #budget: number
  readonly #scores: number[] = []
  #next = 0
  #threshold = Number.NEGATIVE_INFINITY

  /** @param copies how many copies of a vector are stored on average, from 1 (no copies) to 2 */
  constructor(copies: number) {
    this.#budget = copies - 1
  }

  /** The cell that should hold a copy of this vector, if any should. */
  spillFor(partition: Partition, owner: number, vector: Float32Array): number | undefined {
    if (this.#budget <= 0) return undefined
    const spill = bestSpill(partition, owner, vector)
    if (!spill) return undefined
    this.#remember(spill.score)
    return this.#budget >= 1 || spill.score <= this.#threshold ? spill.cell : undefined
  }

  #remember(score: number): void {
    this.#scores[this.#next % RESERVOIR_SIZE] = score
    this.#next++
    if (this.#next > 64 && this.#next % REFRESH_EVERY !== 0) return
    const sorted = this.#scores.toSorted((a, b) => a - b)
    this.#threshold = sorted[Math.max(0, Math.ceil(this.#budget * sorted.length) - 1)] as number
  }
}

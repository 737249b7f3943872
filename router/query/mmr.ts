/**
 * Maximal marginal relevance (Carbonell and Goldstein, The Use of MMR, Diversity-Based Reranking for Reordering Documents and
 * Producing Summaries, 1998), with the similarities of `core/scoring.ts` and ties as in Qdrant
 * (https://qdrant.tech/documentation/concepts/hybrid-queries/#maximal-marginal-relevance-mmr): of equal candidates the last
 * of those that are left, in whose list the last one takes the place of each that is chosen.
 */
import { distance, type Metric } from '../../core/metric.ts'
import type { ScoredPoint } from './rows.ts'

interface Candidate {
  point: ScoredPoint & { vector: Float32Array }
  relevance: number
  /** To the chosen point that is most like it. */
  likeness: number
}

export interface Choice {
  /** 0 to 1: the weight of the difference to the points that are chosen already. */
  diversity: number
  /** Points to choose at most. */
  most: number
  metric: Metric
  /** Called before each point is chosen; it may throw. */
  check: () => void
}

/**
 * The chosen points, in the order in which they are chosen. Yields after each comparison.
 * @param points the nearest first, each with its vector
 */
export function* mmr(
  points: readonly ScoredPoint[],
  { diversity, most, metric, check }: Choice,
): Generator<void, ScoredPoint[], void> {
  const left = points.map(
    (point): Candidate => ({
      point: point as Candidate['point'],
      relevance: -point.distance,
      likeness: Number.NEGATIVE_INFINITY,
    }),
  )
  const chosen: ScoredPoint[] = []
  while (left.length > 0 && chosen.length < most) {
    check()
    const best = chosen.length === 0 ? bestOf(left, 0) : bestOf(left, diversity)
    const { point } = left[best] as Candidate
    chosen.push(point)
    const last = left.pop() as Candidate
    if (best < left.length) left[best] = last
    for (const candidate of left) {
      candidate.likeness = Math.max(candidate.likeness, -distance(metric, candidate.point.vector, point.vector))
      yield
    }
  }
  return chosen
}

/** The place of the last one of the best. */
function bestOf(candidates: readonly Candidate[], diversity: number): number {
  let best = 0
  let bestScore = Number.NEGATIVE_INFINITY
  candidates.forEach(({ relevance, likeness }, at) => {
    const score = diversity === 0 ? relevance : (1 - diversity) * relevance - diversity * likeness
    if (score < bestScore) return
    best = at
    bestScore = score
  })
  return best
}

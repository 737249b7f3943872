/**
 * Scores of a point by several example vectors, higher is better whatever the metric. The formulas are Qdrant's, as
 * https://qdrant.tech/documentation/concepts/explore/ documents them. They take *similarities*: the negated distances of
 * `metric.ts`, so the negated square under Euclid and the product under Dot and Cosine.
 */

/**
 * What the vectors of a query are, in this order. `bestScore`, `sumScores`: so many positive examples, then the negative ones;
 * `discover`: the target, then of each pair the positive and the negative one; `context`: the pairs alone.
 */
export type Scoring =
  | { is: 'bestScore' | 'sumScores'; positives: number; examples: number }
  | { is: 'discover' | 'context'; examples: number }

/** Of float32: keeps a context from being satisfied by a point that is as near to both of a pair. */
const EPSILON = 2 ** -23

/** @param similarities of the point to each vector of the query */
export function scoreBy(scoring: Scoring, similarities: ArrayLike<number>): number {
  switch (scoring.is) {
    case 'bestScore':
      return bestScore(scoring.positives, similarities)
    case 'sumScores':
      return sumScores(scoring.positives, similarities)
    case 'discover':
      return discoverScore(similarities)
    default:
      return contextScore(similarities)
  }
}

/** The best positive one if it is better than the best negative one, else the negated best negative one. */
function bestScore(positives: number, similarities: ArrayLike<number>): number {
  let positive = Number.NEGATIVE_INFINITY
  let negative = Number.NEGATIVE_INFINITY
  for (let i = 0; i < similarities.length; i++) {
    const similarity = similarities[i] as number
    if (i < positives) positive = Math.max(positive, similarity)
    else negative = Math.max(negative, similarity)
  }
  return positive > negative ? scaledSigmoid(positive) : -scaledSigmoid(negative)
}

function sumScores(positives: number, similarities: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < similarities.length; i++) sum += (i < positives ? 1 : -1) * (similarities[i] as number)
  return sum
}

/** In how many pairs the positive one is nearer, less those in which the negative one is, and below that the target. */
function discoverScore(similarities: ArrayLike<number>): number {
  let rank = 0
  for (let i = 1; i + 1 < similarities.length; i += 2)
    rank += Math.sign((similarities[i] as number) - (similarities[i + 1] as number))
  return rank + scaledSigmoid(similarities[0] as number)
}

/** 0 at most, which a point has that is nearer to the positive one of every pair. */
function contextScore(similarities: ArrayLike<number>): number {
  let score = 0
  for (let i = 0; i + 1 < similarities.length; i += 2)
    score += sigmoid(Math.min(0, (similarities[i] as number) - (similarities[i + 1] as number) - EPSILON))
  return score
}

/** From -1 to 1. */
function sigmoid(x: number): number {
  return x / (1 + Math.abs(x))
}

/** From 0 to 1. */
function scaledSigmoid(x: number): number {
  return 0.5 * (sigmoid(x) + 1)
}

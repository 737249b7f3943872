/**
 * Distances. Inside, a *distance* is always "lower is nearer": the squared L2 distance, or the negated inner product.
 * Outside, a *score* is what Qdrant shows: the root for Euclid, the product for Dot and Cosine.
 */
export type Metric = 'L2' | 'InnerProduct' | 'Cosine'
export type QdrantDistance = 'Euclid' | 'Dot' | 'Cosine'

export const QDRANT_DISTANCE: Record<Metric, QdrantDistance> = { L2: 'Euclid', InnerProduct: 'Dot', Cosine: 'Cosine' }

/** Below it float32 has fewer digits. */
export const FLOAT32_NORMAL_MIN = 2 ** -126

export function metricOfQdrant(name: string): Metric | undefined {
  return name === 'Euclid' ? 'L2' : name === 'Dot' ? 'InnerProduct' : name === 'Cosine' ? 'Cosine' : undefined
}

export function scoreOf(metric: Metric, inner: number): number {
  return metric === 'L2' ? Math.sqrt(Math.max(0, inner)) : -inner
}

/** As a score is shown: a float32, like Qdrant's; at the ends of float32, which would lose it or its digits, a float64. */
export function shownScore(score: number): number {
  const single = Math.fround(score)
  return isShownSingle(single) ? single : score
}

export function isShownSingle(single: number): boolean {
  return Math.abs(single) >= FLOAT32_NORMAL_MIN && Number.isFinite(single)
}

/**
 * Does a score pass `score_threshold`? At most, for Euclid; at least, for the others. Both count as they are shown: a score
 * that an answer has shown passes itself.
 */
export function passesThreshold(metric: Metric, score: number, threshold: number): boolean {
  const [shown, limit] = [shownScore(score), shownScore(threshold)]
  return metric === 'L2' ? shown <= limit : shown >= limit
}

/**
 * The distance in double precision, which float32 vectors of any finite numbers neither overflow nor underflow: equal for equal inputs on every pod, whatever kernel found the candidate.
 */
export function distance(metric: Metric, a: Float32Array, b: Float32Array): number {
  return metric === 'L2' ? squaredL2(a, b) : -dot(a, b)
}

export function squaredL2(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    const delta = (a[i] as number) - (b[i] as number)
    sum += delta * delta
  }
  return sum
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

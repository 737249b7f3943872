/**
 * Distances. Inside, a *distance* is always "lower is nearer": the squared L2 distance, or the negated inner product.
 * Outside, a *score* is what Qdrant shows: the root for Euclid, the product for Dot and Cosine.
 */
export type Metric = 'L2' | 'InnerProduct' | 'Cosine'
export type QdrantDistance = 'Euclid' | 'Dot' | 'Cosine'

export const QDRANT_DISTANCE: Record<Metric, QdrantDistance> = { L2: 'Euclid', InnerProduct: 'Dot', Cosine: 'Cosine' }

export function metricOfQdrant(name: string): Metric | undefined {
  return name === 'Euclid' ? 'L2' : name === 'Dot' ? 'InnerProduct' : name === 'Cosine' ? 'Cosine' : undefined
}

export function scoreOf(metric: Metric, inner: number): number {
  return metric === 'L2' ? Math.sqrt(Math.max(0, inner)) : -inner
}

/** Does a score pass `score_threshold`? At most, for Euclid; at least, for the others. */
export function passesThreshold(metric: Metric, score: number, threshold: number): boolean {
  return metric === 'L2' ? score <= threshold : score >= threshold
}

/** The distance in double precision: equal for equal inputs on every pod, whatever kernel found the candidate. */
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

/**
 * k-means: k-means++ seeding (Arthur and Vassilvitskii, 2007), then Lloyd's iterations. The assignment step is an
 * argument, so that FAISS does it in a shard and plain loops do it in a test. Seeded, hence reproducible.
 * A cell that runs empty is refilled with the point that lies worst in the largest cell.
 */
import { type Metric, squaredL2 } from './metric.ts'
import { normal, type Random, seededRandom } from './random.ts'

export interface KMeansInput {
  /** n x dimension, row by row. */
  points: Float32Array
  dimension: number
  clusters: number
  seed: number
  /** Cosine keeps centroids on the unit sphere. */
  metric: Metric
  /** @defaultValue 25 */
  iterationsMax?: number
}

/** For each point the nearest of `centroids` by L2 and its squared distance. */
export type Assign = (centroids: Float32Array) => Promise<{ labels: ArrayLike<number>; distances: ArrayLike<number> }>

export interface KMeansResult {
  centroids: Float32Array
  sizes: number[]
  iterations: number
  inertia: number
}

const ITERATIONS_MAX = 25
/** Lloyd stops when the inertia falls by less than this share. */
const TOLERANCE = 1e-4
/** Seeding yields to the event loop each time it has looked at so many values. */
const YIELD_VALUES = 8_000_000

export async function kMeans(input: KMeansInput, assign: Assign): Promise<KMeansResult> {
  const { dimension, clusters } = input
  let centroids = await seedCentroids(input)
  let inertia = Number.POSITIVE_INFINITY
  let sizes: number[] = []
  let iterations = 0
  for (; iterations < (input.iterationsMax ?? ITERATIONS_MAX); iterations++) {
    const { labels, distances } = await assign(centroids)
    const next = means(input, labels, distances)
    sizes = next.sizes
    const fell = inertia - next.inertia
    inertia = next.inertia
    centroids = next.centroids
    if (fell <= TOLERANCE * inertia && !next.refilled) break
  }
  if (centroids.length !== clusters * dimension) throw new Error('k-means lost a centroid')
  return { centroids, sizes, iterations: iterations + 1, inertia }
}

async function seedCentroids(input: KMeansInput): Promise<Float32Array> {
  const { points, dimension, clusters } = input
  const n = points.length / dimension
  if (n < 1) throw new Error('k-means needs at least one point')
  const random = seededRandom(input.seed)
  const row = (i: number) => points.subarray(i * dimension, (i + 1) * dimension)
  const centroids = new Float32Array(clusters * dimension)
  const nearest = new Float64Array(n).fill(Number.POSITIVE_INFINITY)
  let chosen = Math.floor(random() * n)
  let looked = 0
  for (let c = 0; c < clusters; c++) {
    const centroid = row(chosen)
    centroids.set(centroid, c * dimension)
    let total = 0
    for (let i = 0; i < n; i++) {
      const d = squaredL2(row(i), centroid)
      if (d < (nearest[i] as number)) nearest[i] = d
      total += nearest[i] as number
      looked += dimension
      if (looked > YIELD_VALUES) {
        looked = 0
        await new Promise(setImmediate)
      }
    }
    chosen = drawByWeight(nearest, total, random)
  }
  return centroids
}

function drawByWeight(weights: Float64Array, total: number, random: Random): number {
  if (total <= 0) return Math.floor(random() * weights.length)
  let left = random() * total
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number
    if (left < 0) return i
  }
  return weights.length - 1
}

function means(input: KMeansInput, labels: ArrayLike<number>, distances: ArrayLike<number>) {
  const { points, dimension, clusters } = input
  const n = points.length / dimension
  const sums = new Float64Array(clusters * dimension)
  const sizes = Array.from({ length: clusters }, () => 0)
  const members = Uint32Array.from(labels)
  let inertia = 0
  for (let i = 0; i < n; i++) {
    sizes[members[i] as number]!++
    inertia += Math.max(0, distances[i] as number)
  }
  const refilled = refillEmpty(members, distances, sizes)
  for (let i = 0; i < n; i++) {
    const at = (members[i] as number) * dimension
    for (let j = 0; j < dimension; j++) sums[at + j]! += points[i * dimension + j] as number
  }
  const centroids = new Float32Array(clusters * dimension)
  for (let c = 0; c < clusters; c++) {
    const size = Math.max(1, sizes[c] as number)
    let norm = 1
    if (input.metric === 'Cosine') {
      norm = Math.hypot(...Array.from(sums.subarray(c * dimension, (c + 1) * dimension), (x) => x / size)) || 1
    }
    for (let j = 0; j < dimension; j++) centroids[c * dimension + j] = (sums[c * dimension + j] as number) / size / norm
  }
  return { centroids, sizes, inertia, refilled }
}

/** Gives each empty cell the worst-placed point of the largest cell; a cell of one point is left alone. */
function refillEmpty(members: Uint32Array, distances: ArrayLike<number>, sizes: number[]): boolean {
  let refilled = false
  for (let c = 0; c < sizes.length; c++) {
    if (sizes[c] !== 0) continue
    const largest = sizes.indexOf(Math.max(...sizes))
    if ((sizes[largest] as number) < 2) break
    let worst = -1
    for (let i = 0; i < members.length; i++) {
      if (members[i] !== largest) continue
      if (worst < 0 || (distances[i] as number) > (distances[worst] as number)) worst = i
    }
    if (worst < 0 || (distances[worst] as number) <= 0) break
    members[worst] = c
    sizes[largest]!--
    sizes[c] = 1
    refilled = true
  }
  return refilled
}

/**
 * Centroids from a seed alone, as the prototype's `random_seed`: uniform in [0, 1) under L2, as its vectors were;
 * normal for the two product metrics, where only the direction counts, and of length one under Cosine.
 */
export function randomCentroids(metric: Metric, dimension: number, clusters: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  const centroids = Float32Array.from({ length: clusters * dimension }, () =>
    metric === 'L2' ? random() : normal(random),
  )
  if (metric !== 'Cosine') return centroids
  for (let c = 0; c < clusters; c++) {
    const row = centroids.subarray(c * dimension, (c + 1) * dimension)
    const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0))
    row.forEach((x, j) => {
      row[j] = x / norm
    })
  }
  return centroids
}

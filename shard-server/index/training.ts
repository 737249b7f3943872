/** Centroids by k-means, with FAISS for the assignment step; yields to other calls between blocks of points. */
import { kMeans } from '../../core/kmeans.ts'
import type { CellShape } from './cell-state.ts'
import { FaissKernel, flatten } from './faiss-kernel.ts'

/** Points that one assignment step compares before it yields. */
const BLOCK = 512
/** Squares of values between these neither overflow nor underflow in FAISS' float32, summed over any dimension. */
const VALUE_MIN = 2 ** -40
const VALUE_MAX = 2 ** 40

export async function train(
  shape: Pick<CellShape, 'dimension' | 'metric' | 'scratchDir'>,
  given: { points: Float32Array; clusters: number; seed: number },
): Promise<{ centroids: Float32Array; sizes: number[]; iterations: number }> {
  const { dimension, metric, scratchDir } = shape
  const { clusters, seed } = given
  // Centroids scale as points do: numbers at the ends of float32 are brought to its middle and back.
  const scale = scaleOf(given.points)
  const points = scale === 1 ? given.points : given.points.map((x) => x * scale)
  const blocks: number[][] = []
  for (let at = 0; at < points.length; at += BLOCK * dimension)
    blocks.push(flatten([points.subarray(at, at + BLOCK * dimension)]))
  const assign = async (centroids: Float32Array) => {
    const index = new FaissKernel('L2', dimension, scratchDir)
    index.append([centroids])
    const labels: number[] = []
    const distances: number[] = []
    for (const block of blocks) {
      const found = index.searchFlat(block, 1)
      for (const label of found.labels) labels.push(label)
      for (const distance of found.distances) distances.push(distance)
      await new Promise(setImmediate)
    }
    return { labels, distances }
  }
  const result = await kMeans({ points, dimension, clusters, seed, metric }, assign)
  return scale === 1 ? result : { ...result, centroids: result.centroids.map((x) => x / scale) }
}

/** The power of two that brings the greatest value to about one, where it lies outside of the middle of float32. */
function scaleOf(points: Float32Array): number {
  let greatest = 0
  for (const x of points) greatest = Math.max(greatest, Math.abs(x))
  if (greatest === 0 || (greatest >= VALUE_MIN && greatest <= VALUE_MAX)) return 1
  return 2 ** -Math.ceil(Math.log2(greatest))
}

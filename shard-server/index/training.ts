/** Centroids by k-means, with a kernel for the assignment step; yields to other calls between blocks of points. */
import { type Assign, kMeans } from '../../core/kmeans.ts'
import { squaredL2 } from '../../core/metric.ts'
import type { CellShape } from './cell-state.ts'
import type { Kernel, Nearest } from './kernel.ts'
import { lengthOf } from './lengths.ts'
import { makeKernel } from './make-kernel.ts'
import { RowMask } from './row-mask.ts'

/** Points that one assignment step compares before it yields. */
const BLOCK = 512
/** Squares of values between these neither overflow nor underflow in a kernel's float32, summed over any dimension. */
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
  const assign = assignBy(() => makeKernel('L2', dimension, scratchDir), points)
  const result = await kMeans({ points, dimension, clusters, seed, metric }, assign)
  return scale === 1 ? result : { ...result, centroids: result.centroids.map((x) => x / scale) }
}

/** The assignment step of k-means by a kernel for L2, which it fills with the centroids. */
export function assignBy(emptyKernel: () => Kernel, points: Float32Array): Assign {
  return async (centroids) => {
    const kernel = emptyKernel()
    const { dimension } = kernel
    kernel.append(centroids)
    const mask = RowMask.below(kernel.rows)
    const vectorOf = (of: Float32Array, number: number) => of.subarray(number * dimension, (number + 1) * dimension)
    const longest = Math.max(...Array.from({ length: kernel.rows }, (_, row) => lengthOf(vectorOf(centroids, row))))
    const labels: number[] = []
    const distances: number[] = []
    for (let at = 0; at * dimension < points.length; at += BLOCK) {
      const count = Math.min(BLOCK, points.length / dimension - at)
      const queries = Array.from({ length: count }, (_, i) => ({ vector: vectorOf(points, at + i), mask, limit: 1 }))
      const found = await kernel.search(queries, longest)
      queries.forEach(({ vector }, i) => {
        const [label, distance] = lowest(found[i]) ?? nearestOf(vector, centroids)
        labels.push(label)
        distances.push(distance)
      })
      await new Promise(setImmediate)
    }
    return { labels, distances }
  }
}

/** The power of two that brings the greatest value to about one, where it lies outside of the middle of float32. */
function scaleOf(points: Float32Array): number {
  let greatest = 0
  for (const x of points) greatest = Math.max(greatest, Math.abs(x))
  if (greatest === 0 || (greatest >= VALUE_MIN && greatest <= VALUE_MAX)) return 1
  return 2 ** -Math.ceil(Math.log2(greatest))
}

/** Of rows that are equally near the first one. */
function lowest(nearest: Nearest | undefined): [row: number, distance: number] | undefined {
  if (!nearest || nearest.rows.length === 0) return undefined
  return [Math.min(...Array.from(nearest.rows)), nearest.distances[0] as number]
}

/** By comparing all of them: for a point that the kernel leaves open. */
function nearestOf(point: Float32Array, centroids: Float32Array): [row: number, distance: number] {
  let best: [number, number] = [0, Number.POSITIVE_INFINITY]
  for (let row = 0; row * point.length < centroids.length; row++) {
    const distance = squaredL2(point, centroids.subarray(row * point.length, (row + 1) * point.length))
    if (distance < best[1]) best = [row, distance]
  }
  return best
}

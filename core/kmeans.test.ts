import { describe, expect, it } from 'vitest'
import { type Assign, kMeans, randomCentroids } from './kmeans.ts'
import { squaredL2 } from './metric.ts'
import { normal, seededRandom } from './random.ts'

function assignTo(points: Float32Array, dimension: number): Assign {
  return async (centroids) => {
    const labels: number[] = []
    const distances: number[] = []
    for (let at = 0; at < points.length; at += dimension) {
      const point = points.subarray(at, at + dimension)
      const all = Array.from({ length: centroids.length / dimension }, (_, c) =>
        squaredL2(point, centroids.subarray(c * dimension, (c + 1) * dimension)),
      )
      const best = all.indexOf(Math.min(...all))
      labels.push(best)
      distances.push(all[best] as number)
    }
    return { labels, distances }
  }
}

function blobs(centres: number[][], each: number): Float32Array {
  const random = seededRandom(5)
  return Float32Array.from(
    centres.flatMap((centre) => Array.from({ length: each }, () => centre.map((x) => x + 0.1 * normal(random)))).flat(),
  )
}

const CENTRES = [
  [0, 0],
  [10, 0],
  [0, 10],
  [10, 10],
]

describe('k-means', () => {
  it('finds well-parted groups, the same for the same seed', async () => {
    const points = blobs(CENTRES, 50)
    const run = (seed: number) => kMeans({ points, dimension: 2, clusters: 4, seed, metric: 'L2' }, assignTo(points, 2))
    const result = await run(1)
    expect(result.sizes).toEqual([50, 50, 50, 50])
    for (const centre of CENTRES) {
      const near = [0, 1, 2, 3].map((c) =>
        squaredL2(Float32Array.from(centre), result.centroids.subarray(2 * c, 2 * c + 2)),
      )
      expect(Math.min(...near)).toBeLessThan(0.05)
    }
    expect((await run(1)).centroids).toEqual(result.centroids)
  })

  it('leaves no cell empty where there are points to give', async () => {
    const points = blobs(
      [
        [0, 0],
        [100, 100],
      ],
      40,
    )
    const { sizes } = await kMeans({ points, dimension: 2, clusters: 8, seed: 3, metric: 'L2' }, assignTo(points, 2))
    expect(Math.min(...sizes)).toBeGreaterThan(0)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(80)
  })

  it('bears fewer distinct points than cells', async () => {
    const points = new Float32Array(20).fill(1)
    const { centroids, sizes } = await kMeans(
      { points, dimension: 2, clusters: 3, seed: 1, metric: 'L2' },
      assignTo(points, 2),
    )
    expect(centroids).toHaveLength(6)
    expect(Math.max(...sizes)).toBe(10)
    expect(centroids.every(Number.isFinite)).toBe(true)
  })

  it('keeps centroids of Cosine on the unit sphere', async () => {
    const points = blobs(
      [
        [1, 0],
        [0, 1],
      ],
      30,
    )
    const { centroids } = await kMeans(
      { points, dimension: 2, clusters: 2, seed: 1, metric: 'Cosine' },
      assignTo(points, 2),
    )
    for (const c of [0, 1])
      expect(Math.hypot(centroids[2 * c] as number, centroids[2 * c + 1] as number)).toBeCloseTo(1, 5)
  })

  it('bears zero vectors under Cosine, which have no direction', async () => {
    const points = Float32Array.from({ length: 40 }, (_, i) => (i < 20 ? 0 : i % 2))
    const { centroids } = await kMeans(
      { points, dimension: 2, clusters: 2, seed: 1, metric: 'Cosine' },
      assignTo(points, 2),
    )
    expect(centroids.every(Number.isFinite)).toBe(true)
  })

  it('random centroids come from the seed alone', () => {
    expect(randomCentroids('L2', 4, 2, 1228)).toEqual(randomCentroids('L2', 4, 2, 1228))
    expect(randomCentroids('L2', 4, 2, 1228)).not.toEqual(randomCentroids('L2', 4, 2, 1229))
    expect(randomCentroids('L2', 4, 2, 1).every((x) => x >= 0 && x < 1)).toBe(true)
    expect(Math.hypot(...randomCentroids('Cosine', 4, 1, 1))).toBeCloseTo(1, 6)
  })
})

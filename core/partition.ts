/**
 * Which cell holds a vector, and which cells a query should ask. A partition is a version of the centroids: version 0
 * has none, and then an id's cell is a hash of the id and every query asks every cell.
 */
import { hashKey, type IdKey } from './ids.ts'
import { assertInvariant } from './invariant.ts'
import { dot, type Metric, squaredL2 } from './metric.ts'

export interface Partition {
  version: number
  metric: Metric
  dimension: number
  clusters: number
  /** clusters x dimension; empty in version 0. */
  centroids: Float32Array
}

/**
 * Asserts that bytes are centroids of the dimension: before they are published, and again when a pod applies their entry, where
 * the number of clusters is not given, and a repair of a log without centroids has none.
 */
export function assertCentroids(bytes: number, dimension: number, clusters?: number): void {
  const fits = clusters === undefined ? bytes % (4 * dimension) === 0 : bytes === 4 * dimension * clusters
  assertInvariant(
    fits,
    () => `centroids of ${bytes} bytes do not fit dimension ${dimension} and ${clusters ?? 'any number of'} clusters`,
  )
}

export function centroidOf(partition: Partition, cell: number): Float32Array {
  return partition.centroids.subarray(cell * partition.dimension, (cell + 1) * partition.dimension)
}

export function hashCell(key: IdKey, clusters: number): number {
  return hashKey(key) % clusters
}

/** The cell that owns a vector: the nearest centroid by L2, the lower number on a tie. */
export function ownerCell(partition: Partition, key: IdKey, vector: Float32Array): number {
  if (partition.version === 0) return hashCell(key, partition.clusters)
  let best = 0
  let bestDistance = Number.POSITIVE_INFINITY
  for (let cell = 0; cell < partition.clusters; cell++) {
    const d = squaredL2(vector, centroidOf(partition, cell))
    if (d < bestDistance) {
      bestDistance = d
      best = cell
    }
  }
  return best
}

/**
 * All cells, the most promising for a query first: by L2, or by the product under InnerProduct, where a long vector in
 * a far cell may score highest.
 */
export function rankCells(partition: Partition, query: Float32Array): number[] {
  const cells = Array.from({ length: partition.clusters }, (_, cell) => cell)
  if (partition.version === 0) return cells
  const far = cells.map((cell) => {
    const centroid = centroidOf(partition, cell)
    return partition.metric === 'InnerProduct' ? -dot(query, centroid) : squaredL2(query, centroid)
  })
  return cells.sort((a, b) => (far[a] as number) - (far[b] as number) || a - b)
}

/** Exponents of `probes = clusters ^ e` that fit the measured fan-out of 16, 32 and 64 cells at each recall. */
const FAN_OUT: [recall: number, exponent: number][] = [
  [0, 0],
  [0.8, 0.45],
  [0.9, 0.55],
  [0.95, 0.64],
  [0.99, 0.78],
  [1, 1],
]

/** The fixed number of probes that stands for a recall target until probing is calibrated; 2 at least where there are 2. */
export function probesForRecall(clusters: number, recallTarget: number): number {
  const target = Math.min(1, Math.max(0, recallTarget))
  const above = FAN_OUT.findIndex(([recall]) => recall >= target)
  const [r1, e1] = FAN_OUT[Math.max(1, above)] as [number, number]
  const [r0, e0] = FAN_OUT[Math.max(0, above - 1)] as [number, number]
  const exponent = target >= 1 ? 1 : e0 + ((e1 - e0) * (target - r0)) / (r1 - r0)
  return Math.min(clusters, Math.max(Math.min(2, clusters), Math.ceil(clusters ** exponent - 1e-9)))
}

/** Cells below this share of the mean size are reported as tiny. */
export const TINY_CELL_SHARE = 0.05

export function cellHealth(points: number, total: number, clusters: number): 'empty' | 'tiny' | 'ok' {
  if (total === 0) return 'ok'
  if (points === 0) return 'empty'
  return points < (TINY_CELL_SHARE * total) / clusters ? 'tiny' : 'ok'
}

/** The assignment step of k-means, which compares every point of a sample with every centroid, by each kernel. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import faiss from 'faiss-node'
import { FaissKernel } from '../../shard-server/index/faiss-kernel.ts'
import { PanelKernel } from '../../shard-server/index/panel-kernel.ts'
import { PanelRows } from '../../shard-server/index/panel-rows.ts'
import { assignBy } from '../../shard-server/index/training.ts'
import { type DataSet, titleOf } from '../data/data-set.ts'
import { cpuClock, fastest, row, table, times } from '../table.ts'

/** Points of a sample, as `centroids.sampleSize` has by default. */
const SAMPLE = 10_000
const CLUSTERS = [4, 16, 64, 256]

export async function kmeans(set: DataSet): Promise<void> {
  const { dimension } = set
  const points = set.vectors.subarray(0, SAMPLE * dimension)
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-bench-'))
  const own = PanelRows ? [['native rows', () => new PanelKernel('L2', dimension)] as const] : []
  const kernels = [
    ['FAISS with its proof of exactness', () => new FaissKernel('L2', dimension, folder)] as const,
    ...own,
  ]
  table(
    `Assignment of ${SAMPLE} points of ${titleOf(set)}, ms of a core`,
    'centroids',
    'flat index of faiss-node alone',
    ...kernels.flatMap(([name]) => [name, 'of the first']),
  )
  for (const clusters of CLUSTERS) {
    const centroids = points.subarray(0, clusters * dimension)
    const index = new faiss.IndexFlatL2(dimension)
    const bare = async () => {
      index.add(Array.from(centroids))
      index.search(Array.from(points), 1)
      index.removeIds(Array.from({ length: clusters }, (_, i) => i))
    }
    const base = 1000 * (await fastest(bare, cpuClock))
    const cells: (string | number)[] = []
    for (const [, make] of kernels) {
      const ms = 1000 * (await fastest(() => assignBy(make, points)(centroids), cpuClock))
      cells.push(ms, times(ms, base))
    }
    row(String(clusters), base, ...cells)
  }
  rmSync(folder, { recursive: true })
}

/** Scans under a row mask, next to those of all rows: dead rows, and filters as they will come. */
import { seededRandom } from '../../core/random.ts'
import { PanelKernel } from '../../shard-server/index/panel-kernel.ts'
import { PanelRows } from '../../shard-server/index/panel-rows.ts'
import { RowMask } from '../../shard-server/index/row-mask.ts'
import { type DataSet, titleOf } from '../data/data-set.ts'
import { cpuClock, fastest, row, table, times } from '../table.ts'
import { LIMIT, longestOf, maskedQueries } from './kernels.ts'

const SHARES = [0.5, 0.1, 0.01]
const BATCHES = [1, 64]
/** Rows that are in the mask, or not, together: many panels. */
const RUN = 1024

function maskWhere(rows: number, has: (row: number) => boolean): RowMask {
  const mask = new RowMask()
  for (let one = 0; one < rows; one++) if (has(one)) mask.add(one)
  return mask
}

function masksOf(rows: number): Record<string, RowMask> {
  const made: Record<string, RowMask> = { 'all rows': RowMask.below(rows) }
  const name = (share: number) => `${100 * share} % of the rows`
  for (const share of SHARES) {
    const random = seededRandom(1)
    made[`${name(share)}, each by chance`] = maskWhere(rows, () => random() < share)
  }
  for (const share of SHARES) {
    const random = seededRandom(1)
    const runs = Array.from({ length: Math.ceil(rows / RUN) }, () => random() < share)
    made[`${name(share)}, in runs of ${RUN}`] = maskWhere(rows, (one) => runs[Math.floor(one / RUN)] === true)
  }
  return made
}

export async function masks(set: DataSet): Promise<void> {
  if (!PanelRows) return
  const kernel = new PanelKernel('L2', set.dimension)
  kernel.append(set.vectors)
  const longest = longestOf(set)
  const columns = BATCHES.flatMap((size) => [`batch of ${size}`, 'of all rows'])
  table(`Row masks: ${titleOf(set)}, ${LIMIT} neighbours, ms of a core`, 'rows that may be found', ...columns)
  const base: number[] = []
  for (const [name, mask] of Object.entries(masksOf(set.rows))) {
    const cells: (string | number)[] = []
    for (const [i, size] of BATCHES.entries()) {
      const queries = maskedQueries(set, size, mask)
      const ms = 1000 * (await fastest(() => kernel.search(queries, longest), cpuClock))
      base[i] ??= ms
      cells.push(ms, times(ms, base[i]))
    }
    row(name, ...cells)
  }
}

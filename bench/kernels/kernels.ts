/** Scans in this process, without columns, ids or a network: what the kernels reach of the machine's limits. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaissKernel } from '../../shard-server/index/faiss-kernel.ts'
import type { Kernel, MaskedQuery } from '../../shard-server/index/kernel.ts'
import { lengthOf } from '../../shard-server/index/lengths.ts'
import { PanelKernel } from '../../shard-server/index/panel-kernel.ts'
import { PanelRows } from '../../shard-server/index/panel-rows.ts'
import { RowMask } from '../../shard-server/index/row-mask.ts'
import { type DataSet, queryOf, rowOf, titleOf } from '../data/data-set.ts'
import { truthOf } from '../data/truth.ts'
import type { Limits } from '../machine/limits.ts'
import { cpuClock, fastest, percent, row, table, times } from '../table.ts'

export const LIMIT = 10
const BATCHES = [1, 4, 8, 12, 16, 32, 64, 128]
/** So many queries are compared with the truth, in batches of each size. */
const CHECKED = 64
const BYTES_OF_A_VALUE = 4

/** A kernel that holds the rows of a data set. */
export interface Filled {
  kernel: Kernel
  set: DataSet
  longest: number
}

export function longestOf(set: DataSet): number {
  let longest = 0
  for (let i = 0; i < set.rows; i++) longest = Math.max(longest, lengthOf(rowOf(set, i)))
  return longest
}

export function maskedQueries(set: DataSet, count: number, mask: RowMask, from = 0): MaskedQuery[] {
  return Array.from({ length: count }, (_, i) => ({ vector: queryOf(set, from + i), mask, limit: LIMIT }))
}

/** Throws if an answer is not the exact one. */
async function check(name: string, { kernel, set, longest }: Filled, mask: RowMask): Promise<void> {
  const truth = truthOf(set)
  for (const size of BATCHES.filter((one) => one <= CHECKED)) {
    for (let from = 0; from < CHECKED; from += size) {
      const answers = await kernel.search(maskedQueries(set, size, mask, from), longest)
      for (const [i, answer] of answers.entries()) {
        // A kernel that cannot prove an answer gives none.
        if (!answer) continue
        const at = (from + i) * truth.nearest
        const wanted = truth.rows.subarray(at, at + LIMIT)
        const found = new Set(Array.from(answer.rows))
        const missed = wanted.filter((one) => !found.has(one))
        if (missed.length > 0)
          throw new Error(`${name}, ${set.name}, query ${from + i}, batch ${size}: missed ${missed.join()}`)
      }
    }
  }
}

/** Queries a second of each kernel by the size of the batch; those of the kernel that shards choose as shares of the limits. */
export async function kernels(set: DataSet, limits: Limits | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-bench-'))
  const made: Record<string, Kernel> = { FAISS: new FaissKernel('L2', set.dimension, folder) }
  for (const name of PanelRows?.kernels ?? []) made[name] = new PanelKernel('L2', set.dimension, name)
  const mask = RowMask.below(set.rows)
  const longest = longestOf(set)
  for (const [name, kernel] of Object.entries(made)) {
    kernel.append(set.vectors)
    await check(name, { kernel, set, longest }, mask)
  }
  const names = Object.keys(made)
  const chosen = PanelRows?.kernels[0] ?? 'FAISS'
  table(
    `Scan in process: ${titleOf(set)}, ${LIMIT} neighbours, queries a second of a core`,
    'queries in a batch',
    ...names,
    `${chosen}, of FAISS`,
    `GFLOPS of ${chosen}`,
    'of sgemm',
    'of the read of memory',
  )
  const chosenRates = new Map<number, number>()
  for (const size of BATCHES) {
    const queries = maskedQueries(set, size, mask)
    const rates: number[] = []
    for (const kernel of Object.values(made))
      rates.push(size / (await fastest(() => kernel.search(queries, longest), cpuClock)))
    const rate = rates[names.indexOf(chosen)] as number
    chosenRates.set(size, rate)
    // Every row is read once for a batch, with a value of its norm.
    const gflops = 2e-9 * set.rows * set.dimension * rate
    const gigabytes = (1e-9 * BYTES_OF_A_VALUE * set.rows * (set.dimension + 1) * rate) / size
    const shares = limits ? [percent(gflops, limits.gflops), percent(gigabytes, limits.gigabytes)] : ['', '']
    row(String(size), ...rates, times(rate, rates[0] as number), gflops, ...shares)
  }
  console.log(
    `\n${chosen}, batches of 8, of single queries: ${times(chosenRates.get(8) ?? 0, chosenRates.get(1) ?? 0)}`,
  )
  rmSync(folder, { recursive: true })
}

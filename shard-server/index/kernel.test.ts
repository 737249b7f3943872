/** Every kernel behind the seam: rows in and out, masks, ties, and what happens beside a search. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { distance, type Metric } from '../../core/metric.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { FaissKernel } from './faiss-kernel.ts'
import type { Kernel, Nearest } from './kernel.ts'
import { lengthOf } from './lengths.ts'
import { PanelKernel } from './panel-kernel.ts'
import { PanelRows } from './panel-rows.ts'
import { RowMask } from './row-mask.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-kernel-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Make = (metric: Metric, dimension: number, chunkRows?: number) => Kernel
const KERNELS: [string, Make][] = [
  ['FAISS', (metric, dimension, chunkRows) => new FaissKernel(metric, dimension, folder, chunkRows)],
  ...(PanelRows?.kernels ?? []).map((name): [string, Make] => [
    `panels with ${name}`,
    (metric, dimension, chunkRows) => new PanelKernel(metric, dimension, name, chunkRows),
  ]),
]

function maskOf(rows: Iterable<number>): RowMask {
  const mask = new RowMask()
  for (const row of rows) mask.add(row)
  return mask
}

const rowsOf = (nearest: Nearest | undefined) => Array.from(nearest?.rows ?? [Number.NaN]).sort((a, b) => a - b)

it('the addon of this machine has native rows', () => {
  expect(PanelRows?.kernels).toContain('portable')
})

describe.each(KERNELS)('the kernel of %s', (name, make) => {
  /** Rows 0 to `rows` - 1 on a line, at 0, 1, 2, ... */
  const line = (rows: number): Kernel => {
    const kernel = make('L2', 1)
    kernel.append(Float32Array.from({ length: rows }, (_, i) => i))
    return kernel
  }

  it('gives its rows back, one by one and together, however they came', () => {
    const random = seededRandom(1)
    for (const dimension of [1, 3, 50, 1536]) {
      const kernel = make('L2', dimension)
      const all = Float32Array.from({ length: 700 * dimension }, () => normal(random))
      for (let row = 0; row < 700; ) {
        const count = Math.min(700 - row, 1 + Math.floor(random() * 60))
        kernel.append(all.subarray(row * dimension, (row + count) * dimension))
        row += count
        expect(kernel.rows).toBe(row)
      }
      const together = new Float32Array(690 * dimension)
      kernel.read(7, together)
      expect(together).toEqual(all.slice(7 * dimension, 697 * dimension))
      const one = new Float32Array(dimension)
      for (const row of [0, 15, 16, 699]) {
        kernel.read(row, one)
        expect(one).toEqual(all.slice(row * dimension, (row + 1) * dimension))
      }
      for (const row of [-1, 700]) expect(() => kernel.read(row, one)).toThrow('no such rows')
      expect(kernel.bytes).toBeGreaterThanOrEqual(all.byteLength)
    }
  })

  it('finds rows of the mask alone, for each query by its own mask and limit', async () => {
    const kernel = line(100)
    const even = maskOf(Array.from({ length: 50 }, (_, i) => 2 * i))
    const odd = maskOf(Array.from({ length: 50 }, (_, i) => 2 * i + 1))
    const vector = Float32Array.of(50.4)
    const found = await kernel.search(
      [
        { vector, mask: even, limit: 3 },
        { vector, mask: odd, limit: 1 },
        { vector, mask: maskOf([]), limit: 3 },
        { vector, mask: maskOf([7, 99]), limit: 3 },
      ],
      99,
    )
    expect(found.map(rowsOf)).toEqual([[48, 50, 52], [51], [], [7, 99]])
  })

  it('finds nothing without rows', async () => {
    const query = { vector: Float32Array.of(1), mask: maskOf([]), limit: 3 }
    expect((await make('L2', 1).search([query], 0)).map(rowsOf)).toEqual([[]])
  })

  it('finds all rows that are as near as the last one', async () => {
    const kernel = make('L2', 2)
    kernel.append(Float32Array.of(5, 5, 0, 1, 1, 0, 0, -1, -1, 0, 9, 9))
    const query = { vector: Float32Array.of(0, 0), mask: RowMask.below(6), limit: 2 }
    const [found] = await kernel.search([query], 20)
    expect(rowsOf(found)).toEqual([1, 2, 3, 4])
    expect(Array.from(found?.distances ?? [])).toEqual([1, 1, 1, 1])
  })

  it('takes a query from memory that threads share', async () => {
    const vector = new Float32Array(new SharedArrayBuffer(4))
    vector[0] = 41.6
    expect((await line(100).search([{ vector, mask: RowMask.below(100), limit: 1 }], 99)).map(rowsOf)).toEqual([[42]])
  })

  it('searches the rows and the masks of the moment of the call, whatever is appended meanwhile', async () => {
    const kernel = line(1000)
    const mask = RowMask.below(1000)
    const search = kernel.search([{ vector: Float32Array.of(999.6), mask, limit: 2 }], 999)
    kernel.append(Float32Array.of(999.6, 999.7))
    for (const row of [998, 999]) mask.remove(row)
    mask.add(1000)
    expect((await search).map(rowsOf)).toEqual([[998, 999]])
    expect((await kernel.search([{ vector: Float32Array.of(999.6), mask, limit: 1 }], 1000)).map(rowsOf)).toEqual([
      [1000],
    ])
  })

  it('has chunks of whole words of a mask, of a bounded number of rows', () => {
    for (const dimension of [1, 2, 50, 127, 768, 5000, 65_536]) {
      const { chunkRows, first } = make('L2', dimension)
      expect([chunkRows % 32, first]).toEqual([0, 0])
      expect(chunkRows).toBeGreaterThan(0)
      expect(chunkRows).toBeLessThanOrEqual(16_384)
    }
  })

  it('drops its oldest chunk, gives its memory back, and keeps the numbers of the other rows', async () => {
    const kernel = make('L2', 1, 64)
    expect(() => kernel.dropFirst()).toThrow('the oldest chunk is not full')
    const one = new Float32Array(1)
    let bytes = 0
    for (let row = 0; row < 4000; row++) {
      kernel.append(Float32Array.of(row))
      if (row < 2000) bytes = Math.max(bytes, kernel.bytes)
      if (kernel.rows < 250) continue
      kernel.dropFirst()
      const { first } = kernel
      expect([first % 64, kernel.rows]).toEqual([0, row + 1 - first])
      kernel.read(first, one)
      expect(one[0]).toBe(first)
      expect(() => kernel.read(first - 1, one)).toThrow('no such rows')
      const mask = new RowMask(first)
      for (let number = first; number <= row; number++) if (number !== first + 70) mask.add(number)
      const vector = Float32Array.of(first + 70)
      const found = await kernel.search([{ vector, mask, limit: 1 }], row)
      expect(found.map(rowsOf)).toEqual([[first + 69, first + 71]])
    }
    expect(kernel.first).toBeGreaterThan(3000)
    expect(kernel.bytes).toBeLessThanOrEqual(bytes)
  })

  it('searches the rows of the moment of the call, though their chunks are dropped meanwhile', async () => {
    const kernel = make('L2', 8, 32)
    const random = seededRandom(8)
    const rows = Array.from({ length: 3200 }, () => Float32Array.from({ length: 8 }, () => normal(random)))
    for (const row of rows) kernel.append(row)
    const query = { vector: rows[7] as Float32Array, mask: RowMask.below(3200), limit: 1 }
    const searches = Array.from({ length: 8 }, () => kernel.search([query], 100))
    while (kernel.rows > 0) kernel.dropFirst()
    for (const search of searches) expect((await search).map(rowsOf)).toEqual([[7]])
    expect(() => kernel.dropFirst()).toThrow('not full')
    kernel.append(rows[9] as Float32Array)
    const mask = new RowMask(3200)
    mask.add(3200)
    expect((await kernel.search([{ ...query, mask }], 100)).map(rowsOf)).toEqual([[3200]])
  })

  it('takes no mask of another window', async () => {
    const kernel = make('L2', 1)
    kernel.append(Float32Array.of(1))
    const query = { vector: Float32Array.of(1), mask: new RowMask(32), limit: 1 }
    await expect((async () => kernel.search([query], 1))()).rejects.toThrow(
      'the row mask begins at 32, and the rows at 0',
    )
  })

  it.each(['L2', 'InnerProduct', 'Cosine'] as const)(
    'under %s agrees with a plain loop in double precision to the bit, for all shapes of rows, batches and masks',
    async (metric) => {
      const random = seededRandom(3)
      let answered = 0
      for (let time = 0; time < 40; time++) {
        const dimension = 1 + Math.floor(random() * 70)
        const count = Math.floor(random() * 900)
        const draw = () => Float32Array.from({ length: dimension }, () => normal(random))
        const rows = Array.from({ length: count }, draw)
        // Equal rows, and rows that float32 sums cannot tell apart.
        for (let i = 10; i < count; i += 7) {
          const twin = (rows[Math.floor(random() * i)] as Float32Array).slice()
          if (random() < 0.5) twin[0] = (twin[0] as number) * (1 + 2 ** -22)
          rows[i] = twin
        }
        const kernel = make(metric, dimension)
        for (const row of rows) kernel.append(row)
        const queries = Array.from({ length: 1 + Math.floor(random() * 40) }, () => {
          const share = random()
          return {
            vector: random() < 0.3 && count > 0 ? (rows[Math.floor(random() * count)] as Float32Array) : draw(),
            mask: maskOf(rows.keys().filter(() => random() < share)),
            limit: 1 + Math.floor(random() * 12),
          }
        })
        const longest = rows.reduce((most, row) => Math.max(most, lengthOf(row)), 0)
        const found = await kernel.search(queries, longest)
        // FAISS leaves open what float32 cannot tell apart; ours keeps all candidates.
        if (name !== 'FAISS') expect(found).not.toContain(undefined)
        queries.forEach(({ vector, mask, limit }, n) => {
          const expected = [...rows.keys()]
            .filter((row) => mask.has(row))
            .map((row) => ({ row, distance: distance(metric, vector, rows[row] as Float32Array) }))
            .sort((a, b) => a.distance - b.distance || a.row - b.row)
          const last = expected[limit - 1]?.distance ?? Number.POSITIVE_INFINITY
          const answer = found[n]
          if (answer === undefined) return
          answered++
          const pairs = Array.from(answer.rows, (row, i) => ({ row, distance: answer.distances[i] as number }))
          expect(pairs.sort((a, b) => a.distance - b.distance || a.row - b.row)).toEqual(
            expected.filter((one) => one.distance <= last),
          )
        })
      }
      expect(answered).toBeGreaterThan(400)
    },
  )
})

it('FAISS takes rows on a volume that takes no files', async () => {
  const kernel = new FaissKernel('L2', 2, join(folder, 'no', 'such', 'folder'))
  kernel.append(Float32Array.from({ length: 6000 }, (_, i) => i))
  const [found] = await kernel.search(
    [{ vector: Float32Array.of(4000, 4001), mask: RowMask.below(3000), limit: 1 }],
    9000,
  )
  expect([kernel.rows, rowsOf(found)]).toEqual([3000, [2000]])
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { normal, seededRandom } from '../../core/random.ts'
import { FaissKernel } from './faiss-kernel.ts'
import { RowMask } from './row-mask.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-kernel-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Rows 0 to `rows` - 1 on a line, at 0, 1, 2, ... */
function line(rows: number): FaissKernel {
  const kernel = new FaissKernel('L2', 1, folder)
  kernel.append([Float32Array.from({ length: rows }, (_, i) => i)])
  return kernel
}

function maskOf(rows: Iterable<number>): RowMask {
  const mask = new RowMask()
  for (const row of rows) mask.add(row)
  return mask
}

describe('the FAISS kernel behind a row mask', () => {
  it('returns rows of the mask alone, nearest first, for each query by its own mask', () => {
    const kernel = line(100)
    const even = maskOf(Array.from({ length: 50 }, (_, i) => 2 * i))
    const odd = maskOf(Array.from({ length: 50 }, (_, i) => 2 * i + 1))
    const vector = Float32Array.of(50.4)
    const [first, second] = kernel.search(
      [
        { vector, mask: even },
        { vector, mask: odd },
      ],
      3,
    )
    expect(first?.rows.slice(0, 3)).toEqual([50, 52, 48])
    expect(second?.rows.slice(0, 3)).toEqual([51, 49, 53])
  })

  it.each(['L2', 'InnerProduct'] as const)(
    'under %s, every row of the mask that it does not return lies at its reach or beyond',
    (metric) => {
      const random = seededRandom(3)
      const dimension = 8
      const vectors = Array.from({ length: 400 }, () => Float32Array.from({ length: dimension }, () => normal(random)))
      const kernel = new FaissKernel(metric, dimension, folder)
      kernel.append(vectors)
      const mask = maskOf(vectors.keys().filter(() => random() < 0.5))
      const vector = Float32Array.from({ length: dimension }, () => normal(random))
      const inner = (row: Float32Array) =>
        row.reduce(
          (sum, x, i) => sum + (metric === 'L2' ? (x - (vector[i] as number)) ** 2 : -x * (vector[i] as number)),
          0,
        )
      for (const k of [1, 5, 50]) {
        const [found] = kernel.search([{ vector, mask }], k)
        expect(found?.reach).not.toBe(Number.POSITIVE_INFINITY)
        const others = [...vectors.keys()].filter((row) => mask.has(row) && !found?.rows.includes(row))
        expect(others.length).toBeGreaterThan(0)
        for (const row of others)
          expect(inner(vectors[row] as Float32Array)).toBeGreaterThan((found?.reach as number) - 1e-4)
      }
      expect(kernel.search([{ vector, mask }], 400)[0]?.reach).toBe(Number.POSITIVE_INFINITY)
    },
  )

  it('has nothing to propose without rows, and for an empty mask', () => {
    const vector = Float32Array.of(1)
    expect(new FaissKernel('L2', 1, folder).search([{ vector, mask: maskOf([]) }], 3)).toEqual([
      { rows: [], reach: Number.POSITIVE_INFINITY },
    ])
    expect(line(10).search([{ vector, mask: maskOf([]) }], 3)[0]?.rows).toEqual([])
  })
})

/** The data sets of the benchmarks, and their exact answers as they are kept. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { squaredL2 } from '../../core/metric.ts'
import { seededRandom } from '../../core/random.ts'
import { type DataSet, dataSet, QUERIES, queryOf, rowOf } from './data-set.ts'
import { truthOf } from './truth.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-truth-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Few different values, so that many rows are as near as each other. */
function grid(seed: number): DataSet {
  const random = seededRandom(seed)
  const [rows, dimension] = [300, 3]
  const draw = (count: number) => Float32Array.from({ length: count * dimension }, () => Math.floor(4 * random()) / 3)
  return { name: 'grid', dimension, rows, vectors: draw(rows), queries: draw(QUERIES) }
}

function plain(set: DataSet, query: Float32Array, count: number) {
  return Array.from({ length: set.rows }, (_, i) => ({ row: i, distance: squaredL2(rowOf(set, i), query) }))
    .sort((a, b) => a.distance - b.distance || a.row - b.row)
    .slice(0, count)
}

function expectTrue(set: DataSet): void {
  const { nearest, rows, distances } = truthOf(set, folder)
  expect(rows).toHaveLength(QUERIES * nearest)
  for (let i = 0; i < QUERIES; i++) {
    const wanted = plain(set, queryOf(set, i), nearest)
    expect([...rows.subarray(i * nearest, (i + 1) * nearest)]).toEqual(wanted.map(({ row }) => row))
    expect([...distances.subarray(i * nearest, (i + 1) * nearest)]).toEqual(wanted.map(({ distance }) => distance))
  }
}

it('the truth is what a plain loop finds, to the bit, ties by row', { timeout: 120_000 }, () => {
  expectTrue(grid(1))
  const small = dataSet('synthetic-37-5', 60)
  expect(truthOf(small, folder).nearest).toBe(60)
  expectTrue(small)
})

it('a kept truth whose bytes changed, or that is of other vectors, is computed again', { timeout: 120_000 }, () => {
  expectTrue(grid(1))
  const [name = ''] = readdirSync(folder).filter((one) => one.startsWith('grid'))
  const file = join(folder, name)
  const good = readFileSync(file)
  for (const at of [0, good.indexOf('\n') + 1, good.length - 1]) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] as number) ^ 1
    writeFileSync(file, bad)
    expectTrue(grid(1))
    expect(readFileSync(file).equals(good)).toBe(true)
  }
  expectTrue(grid(2))
})

it('a data set is the same each time, and a query is none of its rows', () => {
  expect(dataSet('synthetic-8-2', 50)).toEqual(dataSet('synthetic-8-2', 50))
  const digits = dataSet('digits')
  expect(digits.vectors.length / digits.dimension).toBe(digits.rows)
  expect(digits.rows + QUERIES).toBeGreaterThan(9_000)
  expect(dataSet('digits', 100).vectors).toEqual(digits.vectors.subarray(0, 100 * digits.dimension))
  expect(() => dataSet('synthetic-8')).toThrow('no data set synthetic-8')
})

/** A slice of `npm run differential -- --operations 50000`. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestCluster } from '../support/cluster.ts'
import { described, differential, differentialCluster, type Options } from './differential.ts'
import { type Python, pythonWith } from './python-environment.ts'

const INSTALL_TIMEOUT_MS = 300_000
let cluster: TestCluster
let python: Python

beforeAll(async () => {
  python = pythonWith('clients')
  cluster = await differentialCluster()
}, INSTALL_TIMEOUT_MS)
afterAll(() => cluster.close())

it('random operations have the answers of the in-memory engine of the Python client', async (context) => {
  if ('missing' in python) {
    context.skip(python.missing)
    return
  }
  const report = await differential(python.path, cluster.url, { operations: 1500, seed: 7 })
  expect(report.mismatches, described(report)).toEqual([])
  expect(report.operations).toBe(1500)
  // Refused operations are compared by nothing but their refusal: most must be answered.
  const refused = Object.values(report.refused).reduce((sum, times) => sum + times, 0)
  expect(refused).toBeLessThan(report.operations / 4)
  for (const kind of ['query', 'scroll', 'count', 'upsert', 'delete by filter', 'delete by ids', 'query/batch'])
    expect(report.kinds[kind], kind).toBeGreaterThan(3)
})

it.for<NonNullable<Options['breakEngine']>>(['delete', 'scores'])(
  'notices an engine whose %s is wrong, and shows it with few calls',
  async (breakEngine, context) => {
    if ('missing' in python) {
      context.skip(python.missing)
      return
    }
    const options = { operations: 1000, seed: 3, breakEngine, most: 1, shrinkSeconds: 6 }
    const { mismatches } = await differential(python.path, cluster.url, options)
    expect(mismatches).toHaveLength(1)
    expect(mismatches[0]?.calls.length).toBeLessThan(20)
  },
)

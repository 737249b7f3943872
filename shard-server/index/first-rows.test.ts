/** How many payloads an order by values reads beside an index, and times at the edges of its keys; more: payload-indexes.test.ts. */
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseIndexSchema } from '../../core/filter/index-schema.ts'
import { orderValueOf, orderValueText } from '../../core/filter/order-value.ts'
import { idKey } from '../../core/ids.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import type { FieldIndex } from './field-index.ts'
import { firstRows } from './first-rows.ts'
import { makeKernel } from './make-kernel.ts'
import { PayloadIndexes } from './payload-indexes.ts'
import { rowsByValue } from './picked-rows.ts'
import { RowMask } from './row-mask.ts'
import { RowStore } from './row-store.ts'

const BLOCK_ROWS = 64
const LIMIT = 5
const path = parseJsonPath('v', 'key')

function cellOf(values: readonly unknown[], type: string): { rows: RowStore; index: FieldIndex } {
  const rows = new RowStore(makeKernel('L2', 1, tmpdir()))
  for (const [id, v] of values.entries()) {
    const payload = JSON.stringify({ v })
    rows.put({ key: idKey(id), born: id + 1, userVersion: 1, flag: 'o', payload, vector: new Float32Array(1) })
  }
  const indexes = new PayloadIndexes(rows, BLOCK_ROWS)
  indexes.define([{ name: 'v', path, schema: parseIndexSchema(type, 'field_schema') }])
  while (indexes.step());
  return { rows, index: indexes.fields[0] as FieldIndex }
}

function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

it('the first rows of an indexed field are found among a few, from a value on, in both directions', () => {
  const { rows, index } = cellOf(
    Array.from({ length: 5000 }, (_, n) => (n * 7919) % 5000),
    'integer',
  )
  const mask = rows.maskAt(undefined)
  for (const direction of ['asc', 'desc'] as const)
    for (const startFrom of [undefined, '2500']) {
      const order = { by: 'value' as const, path, direction, ...(startFrom === undefined ? {} : { startFrom }) }
      const few = run(firstRows(rows, mask, index, order, LIMIT))
      expect(few.count).toBeLessThan(3 * LIMIT)
      expect(run(rowsByValue(rows, few, order, LIMIT))).toEqual(run(rowsByValue(rows, mask, order, LIMIT)))
    }
})

it('rows with a number where the index is of times, or the other way, are among them', () => {
  const { rows, index } = cellOf(
    [...Array.from({ length: 500 }, (_, n) => n), '1970-01-01', ['x', '1960-01-01']],
    'float',
  )
  const order = { by: 'value' as const, path, direction: 'asc' as const }
  const few = run(firstRows(rows, rows.maskAt(undefined), index, order, LIMIT))
  expect([few.has(500), few.has(501), few.count < 20]).toEqual([true, true, true])
})

it('an index that would save nothing is not used', () => {
  const { rows, index } = cellOf(
    Array.from({ length: 500 }, (_, n) => n),
    'integer',
  )
  const mask = new RowMask()
  mask.add(3)
  expect(run(firstRows(rows, mask, index, { direction: 'asc' }, LIMIT))).toBe(mask)
})

it('an index whose best values none of the rows has is given up', () => {
  const wanted = 400
  const { rows, index } = cellOf(
    Array.from({ length: 30_000 }, (_, n) => (n < wanted ? 'none' : n)),
    'integer',
  )
  const mask = new RowMask()
  for (let row = 0; row < wanted; row++) mask.add(row)
  const work = firstRows(rows, mask, index, { direction: 'asc' }, LIMIT)
  let turns = 0
  let step = work.next()
  for (; step.done !== true; step = work.next()) turns++
  expect(step.value).toBe(mask)
  expect(turns).toBeLessThan(10)
})

it('times that differ by less than a key of the index, before and after 1970, are in their order', () => {
  const micros = fc.integer({ min: -4000, max: 4000 })
  const time = micros.map((n) => {
    const ms = Math.floor(n / 1000)
    return new Date(ms).toISOString().replace('Z', `${`${n - 1000 * ms}`.padStart(3, '0')}Z`)
  })
  const given = fc.tuple(
    fc.array(time, { minLength: 2 * LIMIT, maxLength: 200 }),
    fc.constantFrom('asc' as const, 'desc' as const),
    fc.option(time, { nil: undefined }),
  )
  fc.assert(
    fc.property(given, ([times, direction, start]) => {
      const { rows, index } = cellOf(times, 'datetime')
      const from = start === undefined ? {} : { startFrom: orderValueText(orderValueOf(start) as number) }
      const order = { by: 'value' as const, path, direction, ...from }
      const mask = rows.maskAt(undefined)
      const few = run(firstRows(rows, mask, index, order, LIMIT))
      expect(run(rowsByValue(rows, few, order, LIMIT))).toEqual(run(rowsByValue(rows, mask, order, LIMIT)))
    }),
    { numRuns: 150 },
  )
})

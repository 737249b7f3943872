/** Which payloads a facet reads beside an index; that its counts are those of reading all: payload-indexes.test.ts. */
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { parseIndexSchema } from '../../core/filter/index-schema.ts'
import { idKey } from '../../core/ids.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { facetCounts } from './facet-counts.ts'
import { makeKernel } from './make-kernel.ts'
import { PayloadIndexes } from './payload-indexes.ts'
import { RowMask } from './row-mask.ts'
import { RowStore } from './row-store.ts'

const ROWS = 600
const path = parseJsonPath('color', 'key')

function cellOf(colorOf: (id: number) => unknown, count = ROWS): { rows: RowStore; indexes: PayloadIndexes } {
  const rows = new RowStore(makeKernel('L2', 1, tmpdir()))
  for (let id = 0; id < count; id++) put(rows, id, colorOf(id))
  const indexes = new PayloadIndexes(rows)
  indexes.define([{ name: 'color', path, schema: parseIndexSchema('keyword', 'field_schema') }])
  while (indexes.step());
  return { rows, indexes }
}

function put(rows: RowStore, id: number, color: unknown): void {
  const flag = id % 10 === 0 ? 'c' : 'o'
  const payload = JSON.stringify({ color })
  rows.put({ key: idKey(id), born: id + 1, userVersion: 1, flag, payload, vector: new Float32Array(1) })
}

/** The counts by value, and how many payloads were read for them. */
function counted({ rows, indexes }: ReturnType<typeof cellOf>, mask = rows.maskAt(undefined)) {
  let read = 0
  const looked = {
    keyOf: (row: number) => rows.keyOf(row),
    flagOf: (row: number) => rows.flagOf(row),
    payloadOf: (row: number) => {
      read++
      return rows.payloadOf(row)
    },
  }
  const work = facetCounts(looked, mask, path, indexes)
  for (;;) {
    const step = work.next()
    if (step.done !== true) continue
    const texts = Buffer.from(step.value.texts).toString().split('\n')
    return { read, counts: Object.fromEntries(texts.map((text, i) => [text, step.value.counts[i]])) }
  }
}

it('a facet of an indexed field reads no payload, and counts owner rows alone', () => {
  const cell = cellOf((id) => (id % 3 === 0 ? ['red', 'red', 'blue'] : 'red'))
  expect(counted(cell)).toEqual({ read: 0, counts: { '"red"': 540, '"blue"': 180 } })
})

it('reads the payloads of rows with values that the index has not, has otherwise, or has not come to', () => {
  const id = '550e8400-e29b-41d4-a716-446655440000'
  const odd: unknown[] = [7, ['red', true], id.toUpperCase(), id, 1.5]
  const cell = cellOf((row) => odd[row - 1] ?? 'red')
  put(cell.rows, ROWS + 1, 'late')
  const counts = { '7': 1, true: 1, [JSON.stringify(id)]: 2, '"red"': ROWS - ROWS / 10 - 4, '"late"': 1 }
  expect(counted(cell)).toEqual({ read: 4, counts })
})

it('reads the payload of one row instead of an index with many rows of few values', () => {
  const cell = cellOf(() => 'red', 1500)
  const mask = new RowMask()
  mask.add(1)
  expect(counted(cell, mask)).toEqual({ read: 1, counts: { '"red"': 1 } })
  mask.add(2)
  expect(counted(cell, mask)).toEqual({ read: 0, counts: { '"red"': 2 } })
})

it('reads the payloads of a few rows instead of an index with many more values', () => {
  const cell = cellOf((id) => `color ${id}`)
  const mask = new RowMask()
  for (const row of [1, 2]) mask.add(row)
  expect(counted(cell, mask)).toEqual({ read: 2, counts: { '"color 1"': 1, '"color 2"': 1 } })
})

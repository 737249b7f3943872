/** What the payload indexes know of filters that match nothing; that they are never wrong: payload-indexes.test.ts. */
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { encodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { parseIndexSchema } from '../../core/filter/index-schema.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { idKey } from '../../core/ids.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { CellState } from './cell-state.ts'
import type { IndexQuery } from './index-calls.ts'
import { foundRows } from './query-rows.ts'

const ROWS = 100

function cellOf(rows: number): CellState {
  const vectors = { '': { size: 2, metric: 'L2' } } as const
  const shape = { owner: 'default/films/0', dimension: 2, metric: 'L2', vectors, scratchDir: tmpdir() } as const
  const cell = new CellState(shape, { position: ORIGIN, hash: '' })
  for (let id = 0; id < rows; id++)
    put(cell, id, { tenant: `t${id % 10}`, n: id, items: [{ size: id }], note: 'a text' })
  const schemas = { tenant: 'keyword', n: 'integer', 'items[].size': 'integer' }
  cell.indexes.define(
    Object.entries(schemas).map(([name, schema]) => ({
      name,
      path: parseJsonPath(name, 'field_name'),
      schema: parseIndexSchema(schema, 'field_schema'),
    })),
  )
  while (cell.indexes.step());
  return cell
}

function put(cell: CellState, id: number, payload: object): void {
  const values = { key: idKey(id), born: id + 1, userVersion: 1, flag: 'o' as const }
  cell.rows.put({ ...values, payload: JSON.stringify(payload), vector: Float32Array.of(id, 1) })
}

const textOf = (json: object): FilterText => encodeFilter(parseFilter(json, 'filter'))
const tenant = (value: string) => ({ key: 'tenant', match: { value } })
const nested = (size: number) => ({
  nested: { key: 'items', filter: { must: [{ key: 'size', match: { value: size } }] } },
})
const note = { key: 'note', match: { value: 'another' } }
const never = { key: 'n', range: { gt: ROWS } }
const cell = cellOf(ROWS)

it.each<[string, object, boolean]>([
  ['a tenant that is not there', { must: [tenant('x')] }, true],
  ['a tenant that is there', { must: [tenant('t1')] }, false],
  ['one of several conditions', { must: [tenant('t1'), note, never] }, true],
  ['all alternatives', { should: [tenant('x'), never] }, true],
  ['one of the alternatives', { should: [tenant('x'), tenant('t2')] }, false],
  ['an alternative without an index', { should: [tenant('x'), note] }, false],
  ['too few of min_should', { min_should: { conditions: [tenant('x'), tenant('t1'), never], min_count: 2 } }, true],
  ['enough of min_should', { min_should: { conditions: [tenant('x'), tenant('t1'), note], min_count: 2 } }, false],
  ['a filter within', { must: [{ should: [tenant('x')] }] }, true],
  ['an object of a list', { must: [nested(ROWS)] }, true],
  ['an object of a list that is there', { must: [nested(1)] }, false],
  ['an id that is not there', { must: [{ has_id: [ROWS, ROWS + 1] }] }, true],
  ['an id that is there', { must: [{ has_id: [ROWS, 3] }] }, false],
  ['what must not be, though it is not there', { must_not: [tenant('x')] }, false],
  ['no condition', { must: [] }, false],
  ['a field without an index', { must: [note] }, false],
  ['a test that an index cannot answer', { must: [{ key: 'tenant', match: { except: ['x'] } }] }, false],
])('a filter of %s', (_what, json, none) => {
  expect(cell.matchesNone(textOf(json), undefined)).toBe(none)
})

it('a row that an index has not come to may match, and a dead one that a version still shows does', () => {
  const own = cellOf(ROWS)
  const text = textOf({ must: [tenant('late')] })
  expect(own.matchesNone(text, undefined)).toBe(true)
  put(own, ROWS, { tenant: 'late' })
  expect(own.matchesNone(text, undefined)).toBe(false)
  while (own.indexes.step());
  own.rows.endRow(idKey(ROWS), ROWS + 2)
  expect(own.matchesNone(text, ROWS + 1)).toBe(false)
})

it('a version that was given up is refused, and a filter that may name many values is not looked up', () => {
  const own = cellOf(ROWS)
  own.rows.floor = 5
  expect(() => own.matchesNone(textOf({ must: [tenant('x')] }), 4)).toThrow('version 4')
  const values = Array.from({ length: 5000 }, (_, n) => `tenant ${n}`)
  expect(own.matchesNone(textOf({ must: [{ key: 'tenant', match: { any: values } }] }), undefined)).toBe(false)
})

it('queries that match nothing are answered without a comparison, beside others of the same call (S42)', async () => {
  const own = cellOf(ROWS)
  const spec = { limit: 2, offset: 0, withPayload: false, withVector: false, exact: true, partial: false }
  const query = (filter?: FilterText): IndexQuery => ({
    spec: { ...spec, ...(filter === undefined ? {} : { filter }) },
    vector: Float32Array.of(0, 1),
    at: undefined,
  })
  const nothing = query(textOf({ must: [tenant('x')] }))
  const plans: string[] = []
  const asked = [nothing, query(), nothing, query(textOf({ must: [tenant('t7')] }))]
  const found = await foundRows(own, own.rows, asked, 200, (n, { plan }) => void (plans[n] = plan))
  expect(found.map((rows) => rows?.map(({ row }) => row))).toEqual([[], [0, 1], [], [7, 17]])
  expect(plans).toEqual(['none', 'all', 'none', 'index'])
})

/** Payload indexes over random histories: with them, a filter finds what it finds without one. */
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { INDEX_TYPES, type IndexDefinition, parseIndexSchema, pathText } from '../../core/filter/index-schema.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { fieldTest, filters } from '../../test/support/random-filters.ts'
import { facetCounts } from './facet-counts.ts'
import type { FieldIndex } from './field-index.ts'
import type { PlanIndexes } from './filter-plan.ts'
import { firstRows } from './first-rows.ts'
import { makeKernel } from './make-kernel.ts'
import { matchesNone } from './no-match.ts'
import { PayloadIndexes } from './payload-indexes.ts'
import { rowsByValue } from './picked-rows.ts'
import { type FilterIndexes, filteredMasks, filteredPage, stateAt } from './row-filter.ts'
import type { RowMask } from './row-mask.ts'
import { RowStore } from './row-store.ts'

/** Small ones: a history of some hundred rows has many of each, and drops some. */
const CHUNK_ROWS = 32
const BLOCK_ROWS = 64

const store = () =>
  new RowStore(makeKernel('L2', 1, tmpdir(), CHUNK_ROWS), { readable: 60, young: 20, youngPayloadBytes: 1e6 })

function definition(name: string, schema: unknown): IndexDefinition {
  return { name, path: parseJsonPath(name, 'field_name'), schema: parseIndexSchema(schema, 'field_schema') }
}

const filterOf = (json: object): FilterText => encodeFilter(parseFilter(json, 'filter'))

/** The end of a work that may be interrupted. */
function result<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

function rowsOf(mask: RowMask): number[] {
  const rows: number[] = []
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) rows.push(row)
  return rows
}

const SCALARS = [
  [0, 1, 2, -1.5, 1e300, 2n ** 53n + 1n, 2n ** 53n, 2 ** 53, true, false, null],
  ['a', 'b', 'ab', 'a b', 'A c', '', 'x'.repeat(40), `${'x'.repeat(40)}y`],
  ['550e8400-e29b-41d4-a716-446655440000', '550E8400E29B41D4A716446655440000'],
  ['2026-01-01', '2026-01-02 05:00:00', '2026-01-01T00:00:00.0000001Z'],
]
const scalar = fc.constantFrom<unknown>(...SCALARS.flat())
const place = fc.record({
  lon: fc.integer({ min: -3, max: 3 }),
  lat: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -3, max: 3 }) }, { weight: 1, arbitrary: fc.constant(178) }),
})
const value = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: place },
  { weight: 2, arbitrary: fc.array(fc.oneof(scalar, place), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }) },
)
const object = fc.dictionary(fc.constantFrom('a', 'b'), value, { maxKeys: 2 })
const payload = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof({ weight: 3, arbitrary: value }, object, fc.array(object, { maxLength: 3 })),
  { maxKeys: 3 },
)
const path = fc.constantFrom('a', 'b', 'c', 'a', 'b', 'a.b', 'a[].b', 'a[]', 'b[].a', 'a[0]')
const moreTests = [
  fc.constantFrom(0, 2n ** 53n, 2n ** 53n + 1n, 1e300).map((one) => ({ range: { gt: one } })),
  fc.constantFrom(0, 2n ** 53n, 2n ** 53n + 1n, 2 ** 53).map((one) => ({ match: { value: one } })),
  fc.constantFrom(0, 2n ** 53n + 1n, 1).map((one) => ({ range: { gte: one, lte: one } })),
  fc.constant({ range: { gt: '2026-01-01T00:00:00Z', lt: '2026-01-01T00:00:00.0000002Z' } }),
  fc.constantFrom('2026-01-01', '2026-01-02T05:00:00Z').map((time) => ({ range: { gte: time, lte: time } })),
  fc.constantFrom('A', 'x'.repeat(40), `${'x'.repeat(40)}z`, 'a c').map((text) => ({ match: { text } })),
  fc.tuple(place, fc.constantFrom(0, 1, 150_000, 400_000)).map(([{ lon, lat }, radius]) => ({
    geo_radius: { center: { lon, lat: Math.min(lat, 90) }, radius },
  })),
  fc.constant({
    geo_polygon: { exterior: { points: [0, 3, 2, 0].map((lat, i) => ({ lat, lon: i % 3 === 0 ? 0 : 3 - i })) } },
  }),
]
const anyCondition = fc.tuple(path, fc.oneof(fieldTest, ...moreTests)).map(([key, test]) => ({ key, ...test }))
const simple = fc
  .tuple(anyCondition, anyCondition, fc.constantFrom('must', 'must_not', 'should'))
  .map(([first, second, clause]) => ({ must: [first], [clause]: [second] }))
const anyFilter = fc.oneof(filters(path, moreTests), simple).map(filterOf)
const anySchema = fc.oneof(
  fc.constantFrom<unknown>(...INDEX_TYPES),
  fc.record({
    type: fc.constant('text'),
    tokenizer: fc.constantFrom('word', 'whitespace', 'prefix', 'multilingual'),
    lowercase: fc.boolean(),
    max_token_len: fc.constantFrom(1, 35, 100),
  }),
)
const definitions = fc
  .uniqueArray(fc.tuple(path, anySchema), { selector: ([name]) => name, minLength: 2, maxLength: 6 })
  .map((all) => all.map(([name, one]) => definition(name, one)))

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('put'), id: fc.nat(60), payload }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end'), id: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('clean'), rows: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('index') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('define'), definitions }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('load') }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('find'), filter: anyFilter, ago: fc.nat(10), from: fc.nat(60) }),
  },
)
type Step =
  | { kind: 'put'; id: number; payload: object }
  | { kind: 'end'; id: number }
  | { kind: 'clean'; rows: number }
  | { kind: 'index' }
  | { kind: 'load' }
  | { kind: 'define'; definitions: IndexDefinition[] }
  | { kind: 'find'; filter: FilterText; ago: number; from: number }

/** A cell with indexes, and beside it the same text fields without any. */
class Indexed {
  rows = store()
  indexes = new PayloadIndexes(this.rows, BLOCK_ROWS)
  #version = 0
  /** How filters were evaluated. */
  readonly plans: Record<string, number> = {}

  play(one: Step): void {
    const { rows } = this
    if (one.kind === 'put') this.put(one.id, one.payload)
    else if (one.kind === 'end') rows.endRow(idKey(one.id), ++this.#version)
    else if (one.kind === 'clean') rows.clean(one.rows)
    else if (one.kind === 'index') this.indexes.step()
    else if (one.kind === 'define') this.indexes.define(one.definitions)
    else if (one.kind === 'load') this.#load()
    else this.find(one.filter, Math.max(rows.floor, this.#version - one.ago), idKey(one.from))
  }

  put(id: number, json: object): void {
    const born = ++this.#version
    const flag = born % 5 === 0 ? 'c' : 'o'
    const vector = new Float32Array(1)
    this.rows.put({ key: idKey(id), born, userVersion: born, flag, payload: exactStringify(json), vector })
  }

  /** As a start does: the rows of a snapshot, and the indexes from their payloads. */
  #load(): void {
    const before = this.rows
    this.rows = store()
    this.rows.restore(before.block(before.firstInUse, before.end), (n) => before.isLive(before.firstInUse + n))
    this.rows.floor = this.#version
    const { definitions: all } = this.indexes
    this.indexes = new PayloadIndexes(this.rows, BLOCK_ROWS)
    this.indexes.define(all)
  }

  find(filter: FilterText, at: number, from: IdKey): void {
    const { rows, indexes } = this
    const state = stateAt(rows, at)
    const { texts } = indexes
    const plain: FilterIndexes = { texts, step: () => false, of: () => undefined }
    // Filters bring the indexes up to date first; here they stay as far behind as they are.
    const asTheyAre: FilterIndexes = { texts, step: () => false, of: (name) => indexes.of(name) }
    const [expected] = result(filteredMasks(rows, state, [filter], plain))
    const [found, again] = result(filteredMasks(rows, state, [filter, filterOf({ must: [] })], asTheyAre))
    expect(rowsOf(found?.mask as RowMask)).toEqual(rowsOf(expected?.mask as RowMask))
    expect(again?.mask.count).toBe(state.mask.count)
    const none = matchesNone(filter, rows, asTheyAre)
    if (none) expect(expected?.mask.count).toBe(0)
    const plan = none ? 'none' : (found?.plan.plan as string)
    this.plans[plan] = (this.plans[plan] ?? 0) + 1
    for (const { path: field } of indexes.definitions) {
      const facet = (by?: PlanIndexes) => result(facetCounts(rows, state.mask, field, by))
      expect(facet(asTheyAre)).toEqual(facet())
      const some = result(facetCounts(rows, expected?.mask as RowMask, field, asTheyAre))
      expect(some).toEqual(result(facetCounts(rows, expected?.mask as RowMask, field)))
    }
    for (const { path: field } of indexes.definitions) {
      const index = indexes.of(pathText(field)) as FieldIndex
      for (const direction of ['asc', 'desc'] as const) {
        const startFrom = at % 3 === 0 ? {} : { startFrom: `${(at % 5) - 2}` }
        const order = { by: 'value' as const, path: field, direction, ...startFrom }
        const few = result(firstRows(rows, state.mask, index, order, 3))
        expect(result(rowsByValue(rows, few, order, 3))).toEqual(result(rowsByValue(rows, state.mask, order, 3)))
      }
    }
    const page = (next: IdKey | null, most: number) => rows.page(next, most, at)
    const request = { from, limit: 5, filter, state, end: rows.end }
    const keys = rowsOf(expected?.mask as RowMask)
      .filter((row) => rows.flagOf(row) === 'o')
      .map((row) => rows.keyOf(row))
    const wanted = keys.filter((key) => compareKeys(key, from) >= 0).sort(compareKeys)
    const paged = result(filteredPage(rows, page, request, asTheyAre)).map((row) => rows.keyOf(row))
    expect(paged).toEqual(wanted.slice(0, 5))
  }
}

describe('payload indexes', () => {
  it('leave every answer as it is, at any point of a history of writes, cleaning, loads and new indexes (S26, S42)', () => {
    const plans: Record<string, number> = {}
    fc.assert(
      fc.property(definitions, fc.array(step, { minLength: 50, maxLength: 300 }), (first, steps) => {
        const cell = new Indexed()
        cell.indexes.define(first)
        for (const one of steps) cell.play(one)
        for (const [plan, count] of Object.entries(cell.plans)) plans[plan] = (plans[plan] ?? 0) + count
      }),
      { numRuns: 150 },
    )
    expect(Math.min(...['none', 'index', 'candidates', 'scan'].map((plan) => plans[plan] ?? 0))).toBeGreaterThan(20)
  })

  it('drop what they have of rows that are cleaned and dropped', () => {
    const cell = new Indexed()
    cell.indexes.define([definition('id', 'keyword'), definition('n', 'integer')])
    const settle = () => {
      while (cell.rows.cleaningDue) cell.rows.clean(64)
      while (cell.indexes.step());
    }
    for (let n = 0; n < 30_000; n++) {
      cell.put(n % 100, { id: `point ${n}`, n })
      if (n % 500 === 0) settle()
    }
    settle()
    expect(cell.rows.first).toBeGreaterThan(20_000)
    expect(cell.indexes.bytes).toBeLessThan(100 * (cell.rows.size + BLOCK_ROWS))
    const all = { points: 100, pending: 0 }
    expect(cell.indexes.state(cell.rows.maskAt(undefined))).toEqual({ id: all, n: all })
  })

  it('keep one that is defined again as it was, and begin another', () => {
    const cell = new Indexed()
    for (let n = 0; n < 10; n++) cell.put(n, { a: 'x', b: 'y' })
    cell.indexes.define([definition('a', 'keyword')])
    while (cell.indexes.step());
    cell.indexes.define([definition('a', { type: 'keyword', is_tenant: true }), definition('b', 'keyword')])
    expect([cell.indexes.pending, cell.indexes.of('."a"')?.next, cell.indexes.of('."b"')?.next]).toEqual([10, 10, 0])
    cell.indexes.define([definition('a', 'text')])
    expect([cell.indexes.pending, cell.indexes.of('."b"')]).toEqual([10, undefined])
  })
})

it.each([
  ['must', 1],
  ['must_not', 39],
])('ids in %s are those of rows that cleaning moves after the state of a read was noted', (clause, count) => {
  const cell = new Indexed()
  for (let id = 0; id < 40; id++) cell.put(id, {})
  const { rows, indexes } = cell
  const release = rows.hold()
  const state = stateAt(rows, undefined)
  rows.clean(CHUNK_ROWS)
  expect(rows.liveRow(idKey(7))).not.toBe(7)
  const [found] = result(filteredMasks(rows, state, [filterOf({ [clause]: [{ has_id: [7] }] })], indexes))
  expect([found?.mask.count, found?.mask.has(7)]).toEqual([count, clause === 'must'])
  release()
})

describe('an index that names more rows than match', () => {
  const found = (name: string, schema: unknown, payloads: object[], condition: object) => {
    const cell = new Indexed()
    cell.indexes.define([definition(name, schema)])
    payloads.forEach((one, n) => {
      cell.put(n, one)
    })
    while (cell.indexes.step());
    const filter = filterOf({ must: [condition] })
    const [made] = result(filteredMasks(cell.rows, stateAt(cell.rows, undefined), [filter], cell.indexes))
    return { rows: rowsOf(made?.mask as RowMask), checked: made?.plan.checked, indexes: made?.plan.indexes }
  }

  it('has them looked at if the words of a query may be of two texts of a list', () => {
    const payloads = [{ a: ['red car', 'blue bike'] }, { a: ['red bike'] }, { a: 'green' }]
    const wanted = { rows: [1], checked: 2, indexes: ['a'] }
    expect(found('a', 'text', payloads, { key: 'a', match: { text: 'Red bike' } })).toEqual(wanted)
  })

  it('has them looked at if the words of a phrase are there in another order', () => {
    const payloads = [{ a: 'car red' }, { a: 'a red car' }, { a: 'red' }]
    const wanted = { rows: [1], checked: 2, indexes: ['a'] }
    expect(found('a', 'text', payloads, { key: 'a', match: { phrase: 'red car' } })).toEqual(wanted)
  })

  it('has them looked at if a phrase has a word twice', () => {
    const payloads = [{ a: 'red' }, { a: 'red red' }, { a: 'red car red' }]
    const wanted = { rows: [1], checked: 3, indexes: ['a'] }
    expect(found('a', 'text', payloads, { key: 'a', match: { phrase: 'red red' } })).toEqual(wanted)
  })

  it('has them looked at if two conditions may hold of two objects of a list', () => {
    const payloads = [{ a: [{ b: 1 }, { b: 5 }] }, { a: [{ b: 3 }] }, { a: [{ b: 9 }] }]
    const between = { must: [{ key: 'b', range: { gt: 2 } }], must_not: [{ key: 'b', range: { gt: 4 } }] }
    const wanted = { rows: [1], checked: 3, indexes: ['a[].b'] }
    expect(found('a[].b', 'integer', payloads, { nested: { key: 'a', filter: between } })).toEqual(wanted)
  })

  it('has them looked at if numbers are not what a float64 holds', () => {
    const payloads = [2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n].map((n) => ({ n }))
    const wanted = { rows: [1], checked: 2, indexes: ['n'] }
    expect(found('n', 'integer', payloads, { key: 'n', match: { value: 2n ** 53n + 1n } })).toEqual(wanted)
  })

  it('finds places whose latitude is beyond a pole', () => {
    const payloads = [{ at: { lon: 180, lat: 91 } }, { at: { lon: 0, lat: 88 } }]
    const near = { center: { lon: 0, lat: 89.5 }, radius: 100_000 }
    expect(found('at', 'geo', payloads, { key: 'at', geo_radius: near }).rows).toEqual([0])
  })
})

describe('a plan', () => {
  const cell = new Indexed()
  cell.indexes.define([definition('tenant', 'keyword'), definition('n', 'integer')])
  for (let n = 0; n < 1000; n++) cell.put(n, { tenant: `t${n % 100}`, n, note: n % 2 === 0 ? 'even' : 'odd' })
  while (cell.indexes.step());
  const report = (json: object) =>
    result(filteredMasks(cell.rows, stateAt(cell.rows, undefined), [filterOf(json)], cell.indexes))[0]?.plan
  const tenant = { key: 'tenant', match: { value: 't7' } }
  const note = { key: 'note', match: { value: 'odd' } }

  it('reads no payload if the indexes answer the whole filter', () => {
    const half = { key: 'n', range: { lt: 500 } }
    const wanted = { plan: 'index', indexes: ['n', 'tenant'], candidates: 5, checked: 0, matched: 5 }
    expect(report({ must: [tenant, half] })).toEqual(wanted)
    expect(report({ must: [tenant], must_not: [half] })).toEqual(wanted)
  })

  it('reads the payloads of those rows alone that the indexes leave', () => {
    const wanted = { plan: 'candidates', indexes: ['tenant'], candidates: 10, checked: 10, matched: 10 }
    expect(report({ must: [note, tenant] })).toEqual(wanted)
    expect(report({ must: [tenant], must_not: [note] })).toEqual({ ...wanted, matched: 0 })
  })

  it('reads every payload if no index can say which rows match', () => {
    const wanted = { plan: 'scan', indexes: [], candidates: 1000, checked: 1000, matched: 500 }
    expect(report({ must: [note] })).toEqual(wanted)
    expect(report({ should: [note, tenant] })).toEqual({ ...wanted, indexes: ['tenant'], checked: 990, matched: 500 })
  })

  it('looks up no condition that names far more rows than the others leave', () => {
    const wanted = { plan: 'candidates', indexes: [], candidates: 1, checked: 1, matched: 1 }
    const all = { key: 'n', range: { gte: 0 } }
    expect(report({ must: [all, { has_id: [3] }] })).toEqual(wanted)
    expect(report({ must: [all, { has_id: [3, 4, 5, 6] }] })).toMatchObject({ indexes: ['n'], checked: 0, matched: 4 })
  })
})

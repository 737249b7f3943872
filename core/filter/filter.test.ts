/** What each condition means: tables of cases. */
import { describe, expect, it } from 'vitest'
import { idKey } from '../ids.ts'
import { compileFilter, StoredRow } from './compile-filter.ts'
import { decodeFilter, encodeFilter, isUnconditional } from './filter.ts'
import { parseFilter } from './parse-filter.ts'

/** The filter goes the whole way: parsed, sent as text, read again. */
function matches(filter: unknown, payload: string, id: unknown = 7): boolean {
  const test = compileFilter(decodeFilter(encodeFilter(parseFilter(filter, 'filter'))))
  return test(new StoredRow(idKey(id), () => payload))
}

const PAYLOAD = JSON.stringify({
  city: 'Berlin',
  tags: ['red', 'green', null],
  price: 12.5,
  count: 3,
  open: true,
  nothing: null,
  none: [],
  nulls: [null],
  mixed: [1, 'one', true],
  lists: [[1, 2], []],
  place: { lon: 13.4, lat: 52.5 },
  places: [
    { lon: -179, lat: 10 },
    { lon: 0, lat: 0 },
  ],
  at: '2026-03-01T12:30:00+02:00',
  day: '2026-03-01',
  diet: [
    { food: 'leaves', likes: false },
    { food: 'meat', likes: true, parts: [{ n: 1 }, { n: 2 }] },
  ],
  'a.b': 5,
  one: { food: 'meat' },
  text: 'The quick Brown fox, naïve',
})

const field = (key: string, test: object) => ({ must: [{ key, ...test }] })

describe('a field matches a value', () => {
  it.each<[string, object, boolean]>([
    ['city', { value: 'Berlin' }, true],
    ['city', { value: 'berlin' }, false],
    ['tags', { value: 'green' }, true],
    ['tags[]', { value: 'green' }, true],
    ['tags[0]', { value: 'green' }, false],
    ['tags[1]', { value: 'green' }, true],
    ['tags', { value: 'blue' }, false],
    ['count', { value: 3 }, true],
    ['count', { value: '3' }, false],
    ['open', { value: true }, true],
    ['open', { value: 1 }, false],
    ['missing', { value: 1 }, false],
    ['city.name', { value: 'Berlin' }, false],
    ['"a.b"', { value: 5 }, true],
    ['a.b', { value: 5 }, false],
    ['lists', { value: 1 }, false],
    ['lists[]', { value: 1 }, true],
    ['diet.food', { value: 'meat' }, false],
    ['diet[].food', { value: 'meat' }, true],
    ['diet[].parts[].n', { value: 2 }, true],
    ['city', { any: ['Paris', 'Berlin'] }, true],
    ['city', { any: [] }, false],
    ['mixed', { any: [5, 'one'] }, true],
    ['city', { except: ['Berlin'] }, false],
    ['city', { except: ['Paris'] }, true],
    ['city', { except: [] }, true],
    ['tags', { except: ['red', 'green'] }, false],
    ['mixed', { except: [1, 'one'] }, true],
    ['place', { except: ['x'] }, true],
    ['nothing', { except: ['x'] }, false],
    ['missing', { except: ['x'] }, false],
    ['none', { except: ['x'] }, false],
    ['text', { text: 'quick Brown' }, true],
    ['text', { text: 'fox quick, BROWN' }, true],
    ['text', { text: 'quick bro' }, false],
    ['text', { text: ' ,' }, false],
    ['text', { phrase: 'FOX - naïve' }, true],
    ['text', { phrase: 'quick fox' }, false],
    ['text', { phrase: '' }, false],
    ['text', { text_any: ' lazy  fox ' }, true],
    ['text', { text_any: 'lazy dog' }, false],
    ['text', { text_any: '' }, false],
    ['count', { text: '3' }, false],
  ])('%s: %j is %s', (key, match, expected) => {
    expect(matches(field(key, { match }), PAYLOAD)).toBe(expected)
  })
})

describe('a field is within a range', () => {
  it.each<[string, object, boolean]>([
    ['price', { gt: 12.5 }, false],
    ['price', { gte: 12.5, lt: 13 }, true],
    ['price', { lte: 12.4 }, false],
    ['price', { gt: null }, true],
    ['price', {}, true],
    ['mixed', { gte: 1, lte: 1 }, true],
    ['city', { gte: 0 }, false],
    ['nothing', {}, false],
    ['at', { gte: '2026-03-01T10:30:00Z', lte: '2026-03-01 10:30:00' }, true],
    ['at', { gt: '2026-03-01T10:30:00.000000001Z' }, false],
    ['day', { gte: '2026-03-01', lt: '2026-03-01 00:01' }, true],
    ['city', { gte: '2000-01-01' }, false],
    ['price', { gte: '1970-01-01' }, false],
  ])('%s: %j is %s', (key, range, expected) => {
    expect(matches(field(key, { range }), PAYLOAD)).toBe(expected)
  })
})

describe('a field is a place within an area', () => {
  const ring = (...corners: [number, number][]) => ({ points: [...corners, corners[0]].map((corner) => place(corner)) })
  const place = ([lon, lat]: [number, number] = [0, 0]) => ({ lon, lat })
  const square = ring([10, 50], [20, 50], [20, 60], [10, 60])
  it.each<[string, object, boolean]>([
    ['place', { geo_radius: { center: place([13.4, 52.5]), radius: 0.001 } }, true],
    ['place', { geo_radius: { center: place([13.4, 52.5]), radius: 0 } }, false],
    ['place', { geo_radius: { center: place([13.4, 53.5]), radius: 111_194 } }, false],
    ['place', { geo_radius: { center: place([13.4, 53.5]), radius: 111_196 } }, true],
    ['places', { geo_radius: { center: place([179, 10]), radius: 300_000 } }, true],
    ['city', { geo_radius: { center: place([13.4, 52.5]), radius: 1e9 } }, false],
    ['place', { geo_bounding_box: { top_left: place([13, 53]), bottom_right: place([14, 52]) } }, true],
    ['place', { geo_bounding_box: { top_left: place([13.4, 53]), bottom_right: place([14, 52]) } }, false],
    ['places', { geo_bounding_box: { top_left: place([170, 20]), bottom_right: place([-170, 0]) } }, true],
    ['place', { geo_bounding_box: { top_left: place([170, 60]), bottom_right: place([-170, 0]) } }, false],
    ['place', { geo_polygon: { exterior: square } }, true],
    ['place', { geo_polygon: { exterior: square, interiors: [ring([12, 51], [14, 51], [14, 54], [12, 54])] } }, false],
    ['place', { geo_polygon: { exterior: square, interiors: [ring([15, 51], [16, 51], [16, 54], [15, 54])] } }, true],
    ['place', { geo_polygon: { exterior: ring([10, 52.5], [20, 52.5], [15, 60]) } }, false],
    ['place', { geo_polygon: { exterior: ring([0, 0], [5, 0], [5, 5]) } }, false],
  ])('%s: %j is %s', (key, test, expected) => {
    expect(matches(field(key, test), PAYLOAD)).toBe(expected)
  })
})

describe('a field is empty, null, or has so many values', () => {
  it.each<[object, boolean]>([
    [{ is_empty: { key: 'missing' } }, true],
    [{ is_empty: { key: 'nothing' } }, true],
    [{ is_empty: { key: 'none' } }, true],
    [{ is_empty: { key: 'nulls' } }, false],
    [{ is_empty: { key: 'city' } }, false],
    [{ is_null: { key: 'missing' } }, false],
    [{ is_null: { key: 'nothing' } }, true],
    [{ is_null: { key: 'none' } }, false],
    [{ is_null: { key: 'nulls' } }, true],
    [{ is_null: { key: 'nulls[]' } }, true],
    [{ key: 'missing', is_empty: true }, true],
    [{ key: 'city', is_empty: false }, true],
    [{ key: 'none', is_empty: true }, true],
    [{ key: 'nulls', is_null: true }, true],
    [{ key: 'missing', is_null: false }, true],
    [{ key: 'tags', values_count: { gte: 3, lt: 4 } }, true],
    [{ key: 'city', values_count: { lte: 1, gt: 0 } }, true],
    [{ key: 'nothing', values_count: { lt: 1 } }, true],
    [{ key: 'missing', values_count: { gte: 0 } }, true],
    [{ key: 'missing', values_count: { gt: 0 } }, false],
    [{ key: 'lists[]', values_count: { lt: 1 } }, true],
  ])('%j is %s', (condition, expected) => {
    expect(matches({ must: [condition] }, PAYLOAD)).toBe(expected)
  })
})

describe('conditions are combined', () => {
  const yes = { key: 'count', match: { value: 3 } }
  const no = { key: 'count', match: { value: 4 } }
  it.each<[string, object, boolean]>([
    ['nothing is asked for', {}, true],
    ['empty clauses are absent', { must: [], should: [], must_not: null, min_should: {} }, true],
    ['an empty condition is a filter that asks for nothing', { must: [{}] }, true],
    ['must holds if all do', { must: [yes, no] }, false],
    ['should holds if one does', { should: [no, yes] }, true],
    ['should stands beside must, and does not only rank', { must: [yes], should: [no] }, false],
    ['must_not holds if none does', { must_not: [no, yes] }, false],
    ['a clause may be one condition', { must: yes, must_not: no }, true],
    ['so many of min_should', { min_should: { conditions: [yes, no, yes], min_count: 2 } }, true],
    ['fewer than min_should', { min_should: { conditions: [yes, no], min_count: 2 } }, false],
    ['none of min_should is always there', { min_should: { conditions: [], min_count: 0 } }, true],
    ['nothing of min_should', { min_should: { conditions: [], min_count: 1 } }, false],
    ['filters within filters', { must: [{ should: [no, { must_not: [no] }] }] }, true],
  ])('%s', (_what, filter, expected) => {
    expect(matches(filter, PAYLOAD)).toBe(expected)
  })
})

describe('ids and vectors', () => {
  const uuid = '550e8400-e29b-41d4-a716-446655440000'
  it.each<[unknown, object, boolean]>([
    [7, { has_id: [1, 7] }, true],
    [7, { has_id: ['7'] }, false],
    [7, { has_id: [] }, false],
    [2n ** 64n - 1n, { has_id: [2n ** 64n - 1n] }, true],
    [uuid, { has_id: [uuid.replaceAll('-', '').toUpperCase()] }, true],
    [7, { has_vector: '' }, true],
    [7, { has_vector: 'image' }, false],
  ])('the point %s: %o is %s', (id, condition, expected) => {
    expect(matches({ must: [condition] }, PAYLOAD, id)).toBe(expected)
  })
})

describe('an object of a list matches alone', () => {
  const of = (key: string, ...must: object[]) => ({ must: [{ nested: { key, filter: { must } } }] })
  const meat = { key: 'food', match: { value: 'meat' } }
  const likes = (value: boolean) => ({ key: 'likes', match: { value } })
  it.each<[object, boolean]>([
    [of('diet', meat, likes(true)), true],
    [of('diet[]', meat, likes(true)), true],
    [of('diet', meat, likes(false)), false],
    [
      {
        must: [
          { key: 'diet[].food', match: { value: 'meat' } },
          { key: 'diet[].likes', match: { value: false } },
        ],
      },
      true,
    ],
    [of('one', meat), false],
    [of('diet[].parts', { key: 'n', match: { value: 2 } }), true],
    [of('tags', meat), false],
  ])('%j is %s', (filter, expected) => {
    expect(matches(filter, PAYLOAD)).toBe(expected)
  })
})

describe('integers are exact', () => {
  const big = '{"n":9007199254740993,"list":[18446744073709551615]}'
  it.each<[object, boolean]>([
    [field('n', { match: { value: 9007199254740993n } }), true],
    [field('n', { match: { value: 9007199254740992n } }), false],
    [field('n', { match: { any: [1, 9007199254740993n] } }), true],
    [field('n', { match: { except: [9007199254740993n] } }), false],
    [field('n', { range: { gt: 9007199254740992 } }), true],
    [field('n', { range: { gte: 9007199254740993n, lte: 9007199254740993n } }), true],
    [field('n', { range: { lt: 9007199254740993n } }), false],
    [field('list', { match: { value: 2n ** 64n - 1n } }), true],
    [field('list', { range: { lt: 18446744073709551616 } }), true],
  ])('%o is %s', (filter, expected) => {
    expect(matches(filter, big)).toBe(expected)
  })
})

it('the name of the default vector stands for the empty one', () => {
  const named = (name: string) => compileFilter(parseFilter({ must: [{ has_vector: name }] }, 'filter', 'text'))
  const row = new StoredRow(idKey(1), () => '')
  expect(['text', '', 'image'].map((name) => named(name)(row))).toEqual([true, true, false])
})

it('a payload is parsed once for all filters, and not at all for a filter of ids', () => {
  let read = 0
  const row = new StoredRow(idKey(1), () => {
    read++
    return '{"a":1}'
  })
  compileFilter(parseFilter({ must: [{ has_id: [1] }] }, 'filter'))(row)
  expect(read).toBe(0)
  for (const value of [1, 2, 3]) compileFilter(parseFilter(field('a', { match: { value } }), 'filter'))(row)
  expect(read).toBe(1)
})

it('a filter without any condition is known as such', () => {
  expect([{}, { must: [] }, { min_should: null }].map((one) => isUnconditional(parseFilter(one, 'filter')))).toEqual([
    true,
    true,
    true,
  ])
  expect(isUnconditional(parseFilter({ should: [{ has_id: [] }] }, 'filter'))).toBe(false)
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJsonPath } from './json/json-path.ts'
import { parsePayloadSelector, selectPayload } from './payload-selector.ts'

const PAYLOAD = {
  name: 'one',
  nested: { a: 1, b: { c: 2, d: 3 } },
  tags: ['x', 'y', 'z'],
  cast: [{ name: 'Ann', age: 40 }, { name: 'Bo' }, 'unknown'],
  grid: [
    [1, 2],
    [3, 4],
  ],
  'a.b': { c: 5 },
  'say "hi"': 6,
  'two words': 7,
  größe: 8,
  '': 9,
  empty: [],
}

const select = (with_payload: unknown): unknown =>
  JSON.parse(selectPayload(parsePayloadSelector(with_payload, false), JSON.stringify(PAYLOAD)) || 'null')

describe('a path into a payload', () => {
  it.each<[string, unknown]>([
    ['name', { name: 'one' }],
    ['nested.a', { nested: { a: 1 } }],
    ['nested.b.d', { nested: { b: { d: 3 } } }],
    ['tags', { tags: ['x', 'y', 'z'] }],
    ['tags[]', { tags: ['x', 'y', 'z'] }],
    ['tags[1]', { tags: ['y'] }],
    ['tags[9]', { tags: [] }],
    ['cast[].name', { cast: [{ name: 'Ann' }, { name: 'Bo' }, 'unknown'] }],
    ['cast[0].age', { cast: [{ age: 40 }] }],
    ['cast[].salary', { cast: [{}, {}, 'unknown'] }],
    ['grid[][1]', { grid: [[2], [4]] }],
    ['"a.b"', { 'a.b': { c: 5 } }],
    ['"a.b".c', { 'a.b': { c: 5 } }],
    ['a.b', {}],
    ['"say \\"hi\\""', { 'say "hi"': 6 }],
    ['two words', { 'two words': 7 }],
    ['größe', { größe: 8 }],
    ['""', { '': 9 }],
    ['empty[].x', { empty: [] }],
    ['name.further', { name: 'one' }],
    ['cast.name', { cast: [] }],
    ['nested[0]', { nested: {} }],
    ['__proto__', {}],
    ['toString', {}],
  ])('%s includes what it names, and what lies on the way', (path, expected) => {
    expect(select([path])).toEqual(expected)
    expect(select({ include: [path] })).toEqual(expected)
  })

  it.each<[string, object]>([
    ['nested.b', { nested: { a: 1 } }],
    ['tags[]', { tags: [] }],
    ['tags[1]', { tags: ['x', 'z'] }],
    ['cast[].name', { cast: [{ age: 40 }, {}, 'unknown'] }],
    ['cast[0]', { cast: [{ name: 'Bo' }, 'unknown'] }],
    ['grid[][0]', { grid: [[2], [4]] }],
    ['"a.b".c', { 'a.b': {} }],
    ['nothing.here', {}],
    ['name.further', {}],
  ])('%s leaves out what it names and nothing else', (path, changed) => {
    expect(select({ exclude: [path] })).toEqual({ ...PAYLOAD, ...changed })
  })

  it.each([
    ['', /key is missing at character 1/],
    ['.a', /key is missing at character 1/],
    ['a.', /key is missing at character 3/],
    ['a..b', /key is missing at character 3/],
    ['[0]', /key is missing at character 1/],
    ['a[', /unexpected "\[" at character 2/],
    ['a[-1]', /unexpected "\["/],
    ['a[x]', /unexpected "\["/],
    ['a[0]b', /unexpected "b"/],
    ['a"b"', /unexpected "\\""/],
    ['"a', /key is missing/],
    ['"a\\x"', /not a JSON string/],
    ['a]', /unexpected "\]"/],
    [7, /must be a text/],
    [null, /must be a text/],
  ])('%j is refused by name', (path, says) => {
    expect(() => parsePayloadSelector([path], false)).toThrow(says)
    expect(() => parsePayloadSelector([path], false)).toThrow(/with_payload/)
  })

  it.each([
    { include: ['a'], exclude: ['b'] },
    { include: ['a'], also: ['b'] },
    { includes: ['a'] },
    { include: 'a' },
    { more: null, include: ['a'], x: 1 },
    'a',
    1,
  ])('with_payload %j is refused', (selector) => {
    expect(() => parsePayloadSelector(selector, false)).toThrow(/with_payload must be/)
  })

  it('that says nothing is absent', () => {
    for (const nothing of [undefined, null, {}, { include: null }])
      expect([true, false].map((fallback) => parsePayloadSelector(nothing, fallback).kind)).toEqual(['all', 'none'])
  })

  it('reads any key in quotes, and any list of steps', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('key' as const), key: fc.string({ unit: 'binary' }) }),
      fc.record({ kind: fc.constant('index' as const), index: fc.nat() }),
      fc.record({ kind: fc.constant('every' as const) }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(step), (first, rest) => {
        const path = [{ kind: 'key' as const, key: first }, ...rest]
        const text = path
          .map((one) =>
            one.kind === 'key' ? `.${JSON.stringify(one.key)}` : one.kind === 'every' ? '[]' : `[${one.index}]`,
          )
          .join('')
          .slice(1)
        expect(parseJsonPath(text, 'key')).toEqual(path)
      }),
    )
  })

  it('includes and leaves out what belongs together: the two halves share no leaf, and nothing is made up', () => {
    const leaves = (value: unknown): number =>
      typeof value === 'object' && value !== null ? Object.values(value).reduce((sum, x) => sum + leaves(x), 0) : 1
    for (const path of ['name', 'nested.b', 'tags[1]', 'cast[].age', 'grid[0][]', '"a.b".c'])
      expect(leaves(select([path])) + leaves(select({ exclude: [path] })), path).toBeGreaterThanOrEqual(leaves(PAYLOAD))
  })

  it('keeps 64-bit integers on its way', () => {
    const payload = '{"a":[18446744073709551615,1],"b":2}'
    expect(selectPayload(parsePayloadSelector(['a[0]'], false), payload)).toBe('{"a":[18446744073709551615]}')
  })
})

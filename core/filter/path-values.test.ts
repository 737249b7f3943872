import { describe, expect, it } from 'vitest'
import { parseJsonPath } from '../json/json-path.ts'
import { compareFacetValues, type FacetValue, facetText, facetValueOf } from './facet-value.ts'
import { compareOrderValues, orderValueOf, orderValueText, parseOrderValue } from './order-value.ts'
import { valuesAt } from './path-values.ts'

describe('the values at a path', () => {
  const payload = { a: { b: [1, [2], null] }, list: [{ c: 'x' }, { c: ['y', 'z'] }, 5, { d: 1 }], 'k.l': true }

  it.each<[string, unknown[]]>([
    ['a.b', [1, [2], null]],
    ['a.b[]', [1, 2, null]],
    ['a.b[1]', [2]],
    ['a', [{ b: [1, [2], null] }]],
    ['list[].c', ['x', 'y', 'z']],
    ['list[1].c', ['y', 'z']],
    ['list.c', []],
    ['list[9]', []],
    ['nothing', []],
    ['"k.l"', [true]],
  ])('%s are %j', (path, values) => {
    expect(valuesAt(payload, parseJsonPath(path, 'key'))).toEqual(values)
  })
})

describe('a value to order by', () => {
  it.each<[unknown, number | bigint | undefined]>([
    [1, 1],
    [-2.5, -2.5],
    [2n ** 60n, 2n ** 60n],
    ['1970-01-01T00:00:01Z', 1_000_000],
    ['1970-01-01 00:00:00.0000019', 1],
    ['1969-12-31T23:59:59.9999999Z', -1],
    ['2026-01-31', Date.UTC(2026, 0, 31) * 1000],
    ['9999-12-31', BigInt(Date.UTC(9999, 11, 31)) * 1000n],
    ['soon', undefined],
    [true, undefined],
    [null, undefined],
    [{}, undefined],
  ])('of %s is %s', (value, wanted) => {
    expect(orderValueOf(value)).toBe(wanted)
  })

  it('travels as text without a loss', () => {
    for (const value of [1, -0.1, 1e300, 5e-324, 2n ** 60n, -(2n ** 63n)])
      expect(parseOrderValue(orderValueText(value))).toBe(value)
  })

  it('compares integers beyond float64 exactly', () => {
    expect(compareOrderValues(2n ** 60n, 2n ** 60n + 1n)).toBe(-1)
    expect(compareOrderValues(2n ** 60n + 1n, 2 ** 60)).toBe(1)
    expect(compareOrderValues(3n, 3)).toBe(0)
  })
})

describe('a value of a facet', () => {
  const uuid = '550e8400-e29b-41d4-a716-446655440000'

  it.each<[unknown, string | undefined]>([
    ['red', '"red"'],
    ['7', '"7"'],
    [7, '7'],
    [2n ** 63n, '9223372036854775808'],
    [2 ** 63, '9223372036854775808'],
    [true, 'true'],
    [uuid, `"${uuid}"`],
    [uuid.toUpperCase().replaceAll('-', ''), `"${uuid}"`],
    [1.5, undefined],
    [null, undefined],
    [['a'], undefined],
  ])('of %s is %s', (value, text) => {
    const counted = facetValueOf(value)
    expect(counted === undefined ? undefined : facetText(counted)).toBe(text)
  })

  it('has one order: booleans, integers, texts bytewise', () => {
    const values: FacetValue[] = ['\u{1f600}', '￰', 'b', 'a', '10', 2n ** 60n, 10, 9, true, false]
    expect(values.toSorted(compareFacetValues)).toEqual(values.toReversed())
  })
})

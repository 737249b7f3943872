import { describe, expect, it } from 'vitest'
import { Fields, isEmpty, NAME_SHOWN } from './json-fields.ts'

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('a body', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['a text', '{}'],
    ['a number', 1],
  ])('that is %s is no object, and is named', (_what, value) => {
    expect(() => new Fields(value, 'points[3]')).toThrowError(
      error('BAD_REQUEST', /^points\[3\] must be a JSON object$/),
    )
  })
})

describe('a field', () => {
  const fields = () => new Fields(JSON.parse('{"a":1,"none":null,"__proto__":2}'), 'the body')

  it('has its value', () => {
    expect([fields().take('a'), fields().take('__proto__')]).toEqual([1, 2])
  })

  it.each(['none', 'absent', 'constructor', 'toString'])('"%s" that is not there, or null, is absent', (name) => {
    expect(fields().take(name)).toBeUndefined()
  })

  it('that was not read is refused by name', () => {
    const one = fields()
    one.take('a')
    one.ignore('none')
    expect(() => one.end()).toThrowError(error('UNSUPPORTED', /^the body: "__proto__" is not supported$/))
  })

  it('that was read, or is without meaning, is not refused', () => {
    const one = fields()
    one.take('a')
    one.ignore('none', '__proto__')
    expect(() => one.end()).not.toThrow()
  })

  it('with a long name is refused with the beginning of it', () => {
    const one = new Fields({ ['x'.repeat(1000)]: 1 }, 'the body')
    expect(() => one.end()).toThrowError(error('UNSUPPORTED', new RegExp(`"x{${NAME_SHOWN}}" is`)))
  })
})

describe('a number', () => {
  const read = (value: unknown, integer = true) =>
    new Fields({ limit: value }, 'the body').number('limit', { min: 1, max: 10, integer })

  it.each<[string, unknown, number | undefined]>([
    ['absent', undefined, undefined],
    ['null', null, undefined],
    ['the least', 1, 1],
    ['the most', 10, 10],
    ['a long integer', 7n, 7],
  ])('that is %s is read', (_what, value, expected) => {
    expect(read(value)).toBe(expected)
  })

  it.each<[string, unknown, RegExp]>([
    ['below the least', 0, /^the body: "limit" must be from 1 to 10, not 0$/],
    ['above the most', 11, /^the body: "limit" must be from 1 to 10, not 11$/],
    ['a long integer above the most', 2n ** 70n, /"limit" must be from 1 to 10/],
    ['a fraction', 1.5, /"limit" must be a whole number/],
    ['infinite', Number.POSITIVE_INFINITY, /"limit" must be a whole number/],
    ['no number', Number.NaN, /"limit" must be a whole number/],
    ['a text', '5', /"limit" must be a whole number/],
    ['true', true, /"limit" must be a whole number/],
    ['a list', [5], /"limit" must be a whole number/],
    ['an object', {}, /"limit" must be a whole number/],
  ])('that is %s is refused by name', (_what, value, message) => {
    expect(() => read(value)).toThrowError(error('BAD_REQUEST', message))
  })

  it('without a most may be as large as a float64', () => {
    const least = (value: unknown) =>
      new Fields({ limit: value }, 'the body').number('limit', { min: 1, max: Number.POSITIVE_INFINITY })
    expect(least(2n ** 70n)).toBe(2 ** 70)
    expect(() => least(0)).toThrowError(error('BAD_REQUEST', /^the body: "limit" must be at least 1, not 0$/))
  })

  it('may be a fraction if it need not be whole', () => {
    expect(read(1.5, false)).toBe(1.5)
    expect(() => read('x', false)).toThrowError(error('BAD_REQUEST', /"limit" must be a number/))
  })
})

describe('a boolean', () => {
  const read = (value: unknown) => new Fields({ exact: value }, 'params').boolean('exact')

  it.each([
    [true, true],
    [false, false],
    [null, undefined],
    [undefined, undefined],
  ])('of %s is %s', (value, expected) => {
    expect(read(value)).toBe(expected)
  })

  it.each([0, 1, 'true', '', [], {}])('of %j is refused by name', (value) => {
    expect(() => read(value)).toThrowError(error('BAD_REQUEST', /^params: "exact" must be true or false$/))
  })
})

const EMPTY: [string, unknown, boolean][] = [
  ['absent', undefined, true],
  ['null', null, true],
  ['an empty object', {}, true],
  ['an empty list', [], true],
  ['an object with an empty member', { text: {} }, false],
  ['a list with null', [null], false],
  ['false', false, false],
  ['0', 0, false],
  ['an empty text', '', false],
]

describe('a field without support', () => {
  it.each(EMPTY)('that is %s counts as empty: %s', (_what, value, empty) => {
    expect(isEmpty(value)).toBe(empty)
    const refuse = () => new Fields({ shard_key: value }, 'the body').refuse(' yet', 'order_by', 'shard_key')
    if (empty) expect(refuse).not.toThrow()
    else expect(refuse).toThrowError(error('UNSUPPORTED', /^the body: "shard_key" is not supported yet$/))
  })

  const form = (value: unknown) => () => {
    const fields = new Fields(value === undefined ? {} : { filter: value }, 'the body')
    fields.refuseForm(' yet', 'filter', ['must', 'should'])
    fields.end()
  }

  it.each<[string, unknown]>([
    ['absent', undefined],
    ['null', null],
    ['an empty object', {}],
    ['an empty list', []],
    ['a form of empty parts', { must: [], should: null }],
  ])('may be sent as %s', (_what, value) => {
    expect(form(value)).not.toThrow()
  })

  it.each<[string, unknown, RegExp]>([
    ['a part with members', { must: [], should: [{}] }, /^the body: "filter" is not supported yet$/],
    ['an unknown part', { must: [], may: [] }, /^filter: "may" is not supported$/],
    ['a text', 'a = 1', /^the body: "filter" is not supported yet$/],
    ['a list with members', [1], /^the body: "filter" is not supported yet$/],
  ])('is refused by name with %s', (_what, value, message) => {
    expect(form(value)).toThrowError(error('UNSUPPORTED', message))
  })
})

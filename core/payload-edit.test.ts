import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJsonPath } from './json/json-path.ts'
import { checkEditDepth, editPayload, type Members } from './payload-edit.ts'

const path = (text: string) => parseJsonPath(text, 'key')
const set = (payload: unknown, members: Members, at?: string) =>
  editPayload({ is: 'set', members, ...(at === undefined ? {} : { at: path(at) }) }, textOf(payload))
const remove = (payload: unknown, ...paths: string[]) =>
  editPayload({ is: 'remove', paths: paths.map(path) }, textOf(payload))
const textOf = (payload: unknown) => (payload === undefined ? '' : JSON.stringify(payload))

describe('a payload is set', () => {
  it.each<[string, unknown, Members, string]>([
    ['into none', undefined, { a: 1 }, '{"a":1}'],
    ['beside other members', { a: 1 }, { b: 2 }, '{"a":1,"b":2}'],
    ['over a member, which is replaced as a whole', { a: { x: 1 } }, { a: { y: 2 } }, '{"a":{"y":2}}'],
    ['with null, which removes the member', { a: 1, b: 2 }, { a: null, c: null }, '{"b":2}'],
    ['with null below a member, which stays', {}, { a: { b: null } }, '{"a":{"b":null}}'],
    ['with null for the only member', { a: 1 }, { a: null }, ''],
    ['with nothing', { a: 1 }, {}, '{"a":1}'],
  ])('%s', (_what, payload, members, text) => {
    expect(set(payload, members)).toBe(text)
  })

  // The cases of Qdrant's tests of `value_set`, and those that its code shows.
  it.each<[string, unknown, string, string]>([
    ['an object that is there', { a: { b: 1 } }, 'a', '{"a":{"b":1,"n":1}}'],
    ['an object that is not there', {}, 'a.b', '{"a":{"b":{"n":1}}}'],
    ['a plain value on the way, which is replaced', { a: 5 }, 'a.b', '{"a":{"b":{"n":1}}}'],
    ['a list on the way to a key, which is replaced', { a: [1] }, 'a.b', '{"a":{"b":{"n":1}}}'],
    ['every element of a list', { a: [{ b: 1 }, 2, null] }, 'a[]', '{"a":[{"b":1,"n":1},{"n":1},{"n":1}]}'],
    ['a field of every element', { a: [{ b: { c: 0 } }, {}] }, 'a[].b', '{"a":[{"b":{"c":0,"n":1}},{"b":{"n":1}}]}'],
    ['one element', { a: [{}, { b: 1 }] }, 'a[1]', '{"a":[{},{"b":1,"n":1}]}'],
    ['an element that is not there', { a: [{}] }, 'a[7].b', '{"a":[{}]}'],
    ['every element of no list, which becomes an empty one', { a: { b: 1 } }, 'a[]', '{"a":[]}'],
    ['an element of no list', {}, 'a[0]', '{"a":[]}'],
    ['a key with a dot in it', { 'x.y': { b: 1 } }, '"x.y"', '{"x.y":{"b":1,"n":1}}'],
  ])('at %s', (_what, payload, at, text) => {
    expect(set(payload, { n: 1 }, at)).toBe(text)
  })

  it('at a path with null, which removes the member there', () => {
    expect(set({ a: { b: 1, c: 2 } }, { b: null }, 'a')).toBe('{"a":{"c":2}}')
  })
})

describe('of a payload are removed', () => {
  it.each<[string, unknown, string[], string]>([
    ['members', { a: 1, b: 2, c: 3 }, ['a', 'c'], '{"b":2}'],
    ['the only member', { a: 1 }, ['a'], ''],
    ['members that are not there', { a: 1 }, ['b', 'a.b', 'a[]', 'a[].c'], '{"a":1}'],
    ['a field below', { a: { b: 1, c: 2 } }, ['a.b'], '{"a":{"c":2}}'],
    ['a field of every element', { a: [{ b: 1 }, 2, { b: 3, c: 4 }] }, ['a[].b'], '{"a":[{},2,{"c":4}]}'],
    ['a field of one element', { a: [{ b: 1 }, { b: 2 }] }, ['a[0].b'], '{"a":[{},{"b":2}]}'],
    ['all elements', { a: [1, 2] }, ['a[]'], '{"a":[]}'],
    ['no element by its number', { a: [1, 2] }, ['a[0]'], '{"a":[1,2]}'],
  ])('%s', (_what, payload, paths, text) => {
    expect(remove(payload, ...paths)).toBe(text)
  })

  it('nothing, if there is no payload', () => {
    expect(remove(undefined, 'a')).toBe('')
  })
})

it('a payload is replaced as a whole, and cleared', () => {
  expect(editPayload({ is: 'overwrite', payload: '{"b":null}' }, '{"a":1}')).toBe('{"b":null}')
  expect(editPayload({ is: 'clear' }, '{"a":1}')).toBe('')
})

it('integers beyond 2^53 stay as they are, and a member may have the name of a prototype', () => {
  expect(editPayload({ is: 'set', members: { b: 18446744073709551615n } }, '{"a":9007199254740993}')).toBe(
    '{"a":9007199254740993,"b":18446744073709551615}',
  )
  expect(set({}, JSON.parse('{"__proto__":{"x":1}}') as Members)).toBe('{"__proto__":{"x":1}}')
  expect(set({}, { n: 1 }, '__proto__')).toBe('{"__proto__":{"n":1}}')
  expect(({} as { n?: number }).n).toBeUndefined()
})

it('an edit that is done twice has done the same as once', () => {
  const keys = fc.constantFrom('a', 'b')
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: 'small' }, fc.constantFrom(1, null, 'x'), tie('list'), tie('object')),
    list: fc.array(tie('any'), { maxLength: 3 }),
    object: fc.dictionary(keys, tie('any')),
  })).object as fc.Arbitrary<Members>
  const at = fc.constantFrom('a', 'b', 'a.b', 'a[]', 'a[].b', 'a[0]', 'a[1].a', 'b.a[]')
  fc.assert(
    fc.property(value, value, fc.option(at, { nil: undefined }), (payload, members, place) => {
      const once = set(payload, members, place)
      expect(set(once === '' ? undefined : JSON.parse(once), members, place)).toBe(once)
      const removed = remove(payload, place ?? 'a')
      expect(remove(removed === '' ? undefined : JSON.parse(removed), place ?? 'a')).toBe(removed)
    }),
  )
})

it('a path and what is set at it are no deeper together than a payload may be', () => {
  const deep = (levels: number): Members => (levels === 1 ? {} : { a: deep(levels - 1) })
  expect(() => checkEditDepth(path('a.b'), deep(126), 'payload')).not.toThrow()
  expect(() => checkEditDepth(path('a.b'), deep(127), 'payload')).toThrow(/payload would be nested deeper than 128/)
})

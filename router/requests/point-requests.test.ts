import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Write } from '../write/writes.ts'
import { onlyVector, parseCount, parseFacet, parseRetrieve, parseScroll } from './point-requests.ts'
import { parseDelete, wholeBody } from './write-requests.ts'

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

type Refusal = [what: string, body: unknown, code: string, message: RegExp]

/** Bodies with a list of ids: how each is read, its field, its limit, and what else it has. */
const ID_LISTS: [string, (body: object) => unknown, string, 'WRITE_POINTS_MAX' | 'RETRIEVE_IDS_MAX'][] = [
  [
    'delete',
    (body) => (parseDelete(body, wholeBody(config)) as { is: 'writes'; writes: Write[] }).writes.map(({ key }) => key),
    'points',
    'WRITE_POINTS_MAX',
  ],
  ['retrieve', (body) => parseRetrieve(body, config).keys, 'ids', 'RETRIEVE_IDS_MAX'],
]

describe.each(ID_LISTS)('the ids of a %s', (_route, read, field, limit) => {
  it('may be numbers, UUIDs and texts, each once', () => {
    const uuid = '00000000-0000-0000-0000-00000000000a'
    const keys = read({ [field]: [7, 'a', uuid, 7] }) as string[]
    expect(keys.toSorted()).toEqual(['i7', 'sa', `u${uuid.replaceAll('-', '')}`])
  })

  it('may be none', () => {
    expect(read({ [field]: [] })).toEqual([])
  })

  it.each([undefined, null, 1, 'a', {}])('are no %j', (value) => {
    expect(() => read({ [field]: value })).toThrowError(
      error('BAD_REQUEST', new RegExp(`^"${field}" must be a list of ids`)),
    )
  })

  it.each([null, true, 1.5, -1, '', {}])('do not contain %j, whose place is named', (id) => {
    expect(() => read({ [field]: [1, id] })).toThrowError(
      error('BAD_REQUEST', new RegExp(`^${field}\\[1\\]: (a|the) point id`)),
    )
  })

  it('are as many as the limit, and not one more', () => {
    const ids = Array.from({ length: LIMITS[limit].value + 1 }, (_, id) => id)
    expect(read({ [field]: ids.slice(1) })).toHaveLength(LIMITS[limit].value)
    expect(() => read({ [field]: ids })).toThrowError(
      error('PAYLOAD_TOO_LARGE', new RegExp(`^"${field}": .*\\(${limit}\\)$`)),
    )
  })

  it.each([
    ['shard_key', 'a'],
    ['more', 1],
  ])('come with no "%s"', (name, value) => {
    expect(() => read({ [field]: [1], [name]: value })).toThrowError(
      error('UNSUPPORTED', new RegExp(`^the body: "${name}" is not supported`)),
    )
  })
})

const SELECTIONS: [string, (body: object) => { payload: { kind: string }; withVector: boolean }][] = [
  ['retrieve', (body) => parseRetrieve({ ids: [1], ...body }, config)],
  ['scroll', (body) => parseScroll(body, config)],
]

describe.each(SELECTIONS)('the selection of a %s', (_route, read) => {
  it.each<[unknown, boolean]>([
    [undefined, false],
    [null, false],
    [false, false],
    [true, true],
    [[], false],
    [[''], true],
    [['', ''], true],
  ])('has with_vector %j as %s', (value, expected) => {
    expect(read({ with_vector: value }).withVector).toBe(expected)
  })

  it.each<[unknown, RegExp]>([
    [1, /^with_vector must be true or false$/],
    ['', /^with_vector must be true or false$/],
    [{}, /^with_vector must be true or false$/],
    [['image'], /^with_vector: there is no vector named "image"$/],
    [['', 'image'], /^with_vector: there is no vector named "image"$/],
    [[null], /^with_vector: the name of a vector must be a text$/],
    [[1], /^with_vector: the name of a vector must be a text$/],
  ])('refuses with_vector %j by name', (value, message) => {
    expect(() => read({ with_vector: value })).toThrowError(error('BAD_REQUEST', message))
  })

  it.each<[unknown, string]>([
    [undefined, 'all'],
    [null, 'all'],
    [true, 'all'],
    [false, 'none'],
    [['a.b'], 'include'],
    [{ exclude: ['a'] }, 'exclude'],
  ])('has with_payload %j as %s', (value, kind) => {
    expect(read({ with_payload: value }).payload.kind).toBe(kind)
  })

  it.each([1, 'a', { only: ['a'] }, ['a..b'], [1]])('refuses with_payload %j by name', (value) => {
    expect(() => read({ with_payload: value })).toThrowError(error('BAD_REQUEST', /^with_payload/))
  })
})

describe('a scroll', () => {
  it('has ten points from the first on if nothing else is asked for', () => {
    expect(parseScroll({}, config)).toMatchObject({ from: null, limit: 10, withVector: false })
    expect(parseScroll({ offset: null, limit: null, order_by: null, filter: {} }, config)).toMatchObject({
      from: null,
      limit: 10,
    })
  })

  it.each([
    [0, 'i0'],
    ['a', 'sa'],
  ])('begins at the id %j', (offset, from) => {
    expect(parseScroll({ offset }, config).from).toBe(from)
  })

  it.each([true, [], {}, -1, ''])('refuses the offset %j by name', (offset) => {
    expect(() => parseScroll({ offset }, config)).toThrowError(error('BAD_REQUEST', /^offset: a point id/))
  })

  it.each([1, 999_999_999])('takes the limit %d', (limit) => {
    expect(parseScroll({ limit }, config).limit).toBe(limit)
  })

  it('takes the largest integer of a client as a limit beyond every collection', () => {
    const { limit } = parseScroll({ limit: 18446744073709551615n }, config)
    expect([limit > 2 ** 40, Number.isSafeInteger(2 * limit + 1)]).toEqual([true, true])
  })

  it.each([0, -1, 1.5, '10', true])('refuses the limit %j by name', (limit) => {
    expect(() => parseScroll({ limit }, config)).toThrowError(error('BAD_REQUEST', /^the body: "limit" must be/))
  })

  it('may be in the order of a key, and then begins at a value, not at an id', () => {
    const path = [{ kind: 'key', key: 'price' }]
    expect(parseScroll({ order_by: 'price' }, config).order).toEqual({ path, direction: 'asc' })
    const from = { key: 'price', direction: 'desc', start_from: 2n ** 60n }
    expect(parseScroll({ order_by: from }, config).order).toEqual({
      path,
      direction: 'desc',
      startFrom: '1152921504606846976',
    })
    expect(() => parseScroll({ order_by: 'price', offset: 1 }, config)).toThrowError(
      error('BAD_REQUEST', /^"offset" cannot be used with "order_by"/),
    )
  })

  it.each([
    ['shard_key', 'a'],
    ['more', 1],
  ])('refuses "%s" by name', (name, value) => {
    expect(() => parseScroll({ [name]: value }, config)).toThrowError(
      error('UNSUPPORTED', new RegExp(`"${name}" is not supported`)),
    )
  })
})

describe('a facet', () => {
  const path = [{ kind: 'key', key: 'color' }]

  it('has ten values, whether exact or not', () => {
    expect(parseFacet({ key: 'color' }, config)).toEqual({ path, limit: 10 })
    expect(parseFacet({ key: 'color', exact: true, limit: 3, filter: null }, config)).toEqual({ path, limit: 3 })
  })

  it.each<[object, string, RegExp]>([
    [{}, 'BAD_REQUEST', /^key is missing$/],
    [{ key: '' }, 'BAD_REQUEST', /^key: "" is not a path/],
    [{ key: 'a', limit: 0 }, 'BAD_REQUEST', /"limit" must be at least 1/],
    [{ key: 'a', shard_key: 'b' }, 'UNSUPPORTED', /"shard_key" is not supported/],
  ])('refuses %j by name', (body, code, message) => {
    expect(() => parseFacet(body, config)).toThrowError(error(code, message))
  })
})

describe.each<[string, (body: object) => { filter?: string }]>([
  ['scroll', (body) => parseScroll(body, config)],
  ['facet', (body) => parseFacet({ key: 'a', ...body }, config)],
  ['count', (body) => parseCount(body, config)],
])('the filter of a %s', (_route, read) => {
  it('is what the body has, and nothing if it has no condition', () => {
    expect(read({ filter: { must: { has_id: [1] } } }).filter).toBe(
      '{"must":[{"is":"hasId","keys":["i1"]}],"mustNot":[],"should":[]}',
    )
    for (const filter of [null, {}, { must: [] }, { min_should: {} }])
      expect(read({ filter })).not.toHaveProperty('filter')
  })

  it.each<Refusal>([
    ['a list', { filter: [1] }, 'BAD_REQUEST', /^filter must be a JSON object$/],
    ['a clause that is none', { filter: { may: [] } }, 'UNSUPPORTED', /^filter: "may" is not supported$/],
    [
      'a wrong condition',
      { filter: { must: [{ key: 'a' }] } },
      'BAD_REQUEST',
      /^filter\.must\[0\] must have one of "match"/,
    ],
  ])('is refused as %s, with its place', (_what, body, code, message) => {
    expect(() => read(body as object)).toThrowError(error(code, message))
  })
})

describe('a count', () => {
  it.each([{}, { exact: null }, { exact: true }, { exact: false }, { filter: { must: [] } }, { shard_key: null }])(
    'takes %j',
    (body) => {
      expect(() => parseCount(body, config)).not.toThrow()
    },
  )

  it.each<Refusal>([
    ['a list', [], 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['exact as a number', { exact: 1 }, 'BAD_REQUEST', /^the body: "exact" must be true or false$/],
    ['a shard key', { shard_key: 1 }, 'UNSUPPORTED', /"shard_key" is not supported/],
    ['an unknown field', { limit: 1 }, 'UNSUPPORTED', /"limit" is not supported/],
  ])('refuses %s by name', (_what, body, code, message) => {
    expect(() => parseCount(body, config)).toThrowError(error(code, message))
  })
})

const named = { ...config, vectorName: 'text' }

describe('a collection whose vector has a name', () => {
  it.each([[['text']], [['']], [['text', '']]])('shows its vector if with_vector is %j', (with_vector) => {
    expect(parseRetrieve({ ids: [1], with_vector }, named).withVector).toBe(true)
    expect(parseScroll({ with_vector }, named).withVector).toBe(true)
  })

  it('may be asked by its name, by the empty one, and by no other', () => {
    for (const name of [undefined, '', 'text']) expect(() => onlyVector('using', name, named)).not.toThrow()
    expect(() => onlyVector('using', 'image', named)).toThrowError(error('BAD_REQUEST', /no vector named "image"$/))
  })
})

describe('the name of a vector', () => {
  it.each([undefined, ''])('may be %j', (name) => {
    expect(() => onlyVector('using', name, config)).not.toThrow()
  })

  it.each<[unknown, RegExp]>([
    ['image', /^using: there is no vector named "image"$/],
    ['x'.repeat(1000), /^using: there is no vector named "x{100}"$/],
    [1, /^using: the name of a vector must be a text$/],
    [[''], /^using: the name of a vector must be a text$/],
  ])('is not %j', (name, message) => {
    expect(() => onlyVector('using', name, config)).toThrowError(error('BAD_REQUEST', message))
  })
})

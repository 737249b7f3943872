import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import { decodeRow } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import {
  type DeleteRequest,
  onlyVector,
  parseCount,
  parseDelete,
  parseFacet,
  parseRetrieve,
  parseScroll,
  parseUpsert,
} from './point-requests.ts'

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
const upsert = (body: unknown) => inSlices(parseUpsert(body, config))
const point = (part: object) => ({ points: [{ id: 1, vector: [1, 2], ...part }] })
const batch = (part: object) => ({ batch: { ids: [1], vectors: [[1, 2]], ...part } })

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

type Refusal = [what: string, body: unknown, code: string, message: RegExp]

describe('an upsert', () => {
  it.each<[string, unknown, string[], number[], string]>([
    ['a list of points', point({}), ['i1'], [1, 2], ''],
    ['points and no batch', { ...point({}), batch: null }, ['i1'], [1, 2], ''],
    ['no points', { points: [] }, [], [], ''],
    ['an id that is a text', point({ id: 'film-7' }), ['sfilm-7'], [1, 2], ''],
    ['a vector under the empty name', point({ vector: { '': [3, 4] } }), ['i1'], [3, 4], ''],
    ['a payload', point({ payload: { a: [1n] } }), ['i1'], [1, 2], '{"a":[1]}'],
    ['an empty payload', point({ payload: {} }), ['i1'], [1, 2], ''],
    ['a payload of null', point({ payload: null }), ['i1'], [1, 2], ''],
    ['a batch', batch({}), ['i1'], [1, 2], ''],
    ['a batch and no points', { ...batch({}), points: null }, ['i1'], [1, 2], ''],
    ['a batch with payloads', batch({ payloads: [{ a: 1 }] }), ['i1'], [1, 2], '{"a":1}'],
    ['a batch with a payload of null', batch({ payloads: [null] }), ['i1'], [1, 2], ''],
    ['a batch without payloads', batch({ payloads: null }), ['i1'], [1, 2], ''],
    ['a batch with vectors under the empty name', batch({ vectors: { '': [[3, 4]] } }), ['i1'], [3, 4], ''],
    ['an empty shard key', { ...point({}), shard_key: null, update_filter: {} }, ['i1'], [1, 2], ''],
  ])('takes %s', async (_what, body, keys, vector, payload) => {
    const writes = await upsert(body)
    expect(writes.map(({ key }) => key)).toEqual(keys)
    for (const { row } of writes) {
      expect([...(row?.vector ?? [])]).toEqual(vector)
      const stored = decodeRow(row?.bytes as Uint8Array, 2)
      expect([[...stored.vector], stored.payload]).toEqual([vector, payload])
    }
  })

  it('of two points with one id has the last, in its place', async () => {
    const points = [
      { id: 1, vector: [1, 1] },
      { id: 2, vector: [2, 2] },
      { id: 1, vector: [3, 3] },
    ]
    const writes = await upsert({ points })
    expect(writes.map(({ key, row }) => [key, row?.vector[0]])).toEqual([
      ['i2', 2],
      ['i1', 3],
    ])
  })

  it.each<Refusal>([
    ['no body', undefined, 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['a list as body', [], 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['neither points nor a batch', {}, 'BAD_REQUEST', /^the body must hold either "points" or "batch"$/],
    ['null for both', { points: null, batch: null }, 'BAD_REQUEST', /either "points" or "batch"/],
    ['points and a batch', { ...point({}), ...batch({}) }, 'BAD_REQUEST', /either "points" or "batch"/],
    ['an unknown field', { ...point({}), upsert: true }, 'UNSUPPORTED', /^the body: "upsert" is not/],
    ['a shard key', { ...point({}), shard_key: 'a' }, 'UNSUPPORTED', /"shard_key" is not supported/],
    ['an update filter', { ...point({}), update_filter: { must: 1 } }, 'UNSUPPORTED', /"update_filter" is not/],
    ['an update mode', { ...point({}), update_mode: 'insert' }, 'UNSUPPORTED', /"update_mode" is not supported/],
    ['points that are no list', { points: {} }, 'BAD_REQUEST', /^"points" must be a list$/],
    ['a point that is null', { points: [null] }, 'BAD_REQUEST', /^points\[0\] must be a JSON object$/],
    ['an unknown field of a point', point({ score: 1 }), 'UNSUPPORTED', /^points\[0\]: "score" is not supported$/],
    ['no id', { points: [{ vector: [1, 2] }] }, 'BAD_REQUEST', /^points\[0\] has no id$/],
    ['an id of null', point({ id: null }), 'BAD_REQUEST', /^points\[0\] has no id$/],
    ['a negative id', point({ id: -1 }), 'BAD_REQUEST', /^points\[0\]\.id: a point id must not be negative/],
    ['a fraction as id', point({ id: 1.5 }), 'BAD_REQUEST', /^points\[0\]\.id: a point id must be a whole number/],
    ['an id above 2^64-1', point({ id: 2n ** 64n }), 'BAD_REQUEST', /^points\[0\]\.id: .* above 2\^64-1/],
    ['an empty id', point({ id: '' }), 'BAD_REQUEST', /^points\[0\]\.id: a point id must not be empty$/],
    ['a list as id', point({ id: [] }), 'BAD_REQUEST', /^points\[0\]\.id: .*not a list$/],
    ['an id of 257 bytes', point({ id: 'x'.repeat(257) }), 'BAD_REQUEST', /^points\[0\]\.id: .*at most 256 bytes$/],
    ['no vector', { points: [{ id: 1 }] }, 'BAD_REQUEST', /^points\[0\] has no vector$/],
    ['a vector of null', point({ vector: null }), 'BAD_REQUEST', /^points\[0\] has no vector$/],
    ['a short vector', point({ vector: [1] }), 'BAD_REQUEST', /^points\[0\]\.vector has 1 values, .* dimension 2$/],
    ['a long vector', point({ vector: [1, 2, 3] }), 'BAD_REQUEST', /^points\[0\]\.vector has 3 values/],
    ['a text in a vector', point({ vector: [1, '2'] }), 'BAD_REQUEST', /^points\[0\]\.vector\[1\] must be a number$/],
    [
      'a value beyond float32',
      point({ vector: [1, 1e39] }),
      'BAD_REQUEST',
      /^points\[0\]\.vector\[1\] is not a finite/,
    ],
    ['a text as vector', point({ vector: 'x' }), 'BAD_REQUEST', /^points\[0\]\.vector must be a list of 2 numbers$/],
    [
      'a vector with a name',
      point({ vector: { image: [1, 2] } }),
      'UNSUPPORTED',
      /^points\[0\]\.vector: "image" is not/,
    ],
    ['an object without a vector', point({ vector: {} }), 'BAD_REQUEST', /^points\[0\]\.vector must be a list/],
    ['a list as payload', point({ payload: [] }), 'BAD_REQUEST', /^points\[0\]\.payload must be a JSON object$/],
    [
      'half a surrogate pair',
      point({ payload: { a: '\ud800' } }),
      'BAD_REQUEST',
      /^points\[0\]\.payload\.a holds half/,
    ],
    ['a batch that is a list', { batch: [] }, 'BAD_REQUEST', /^batch must be a JSON object$/],
    ['an unknown field of a batch', batch({ scores: [] }), 'UNSUPPORTED', /^batch: "scores" is not supported$/],
    ['a batch without ids', batch({ ids: null }), 'BAD_REQUEST', /^"batch" holds lists: ids, vectors/],
    ['a batch without vectors', batch({ vectors: null }), 'BAD_REQUEST', /^"batch" holds lists/],
    ['payloads that are no list', batch({ payloads: {} }), 'BAD_REQUEST', /^"batch" holds lists/],
    ['a vector less', batch({ ids: [1, 2] }), 'BAD_REQUEST', /^the lists of "batch" differ in length$/],
    ['a payload more', batch({ payloads: [{}, {}] }), 'BAD_REQUEST', /^the lists of "batch" differ in length$/],
    ['an id of null in a batch', batch({ ids: [null] }), 'BAD_REQUEST', /^batch\[0\]\.id: .*not null$/],
    ['named vectors in a batch', batch({ vectors: { image: [] } }), 'UNSUPPORTED', /^batch\.vectors: "image" is not/],
    ['a short vector in a batch', batch({ vectors: [[1]] }), 'BAD_REQUEST', /^batch\[0\]\.vector has 1 values/],
  ])('refuses %s by name', async (_what, body, code, message) => {
    await expect(upsert(body)).rejects.toThrowError(error(code, message))
  })

  it('names the point that is wrong', async () => {
    const points = [...point({}).points, { id: 2, vector: [1, 2] }, { id: true, vector: [1, 2] }]
    await expect(upsert({ points })).rejects.toThrowError(error('BAD_REQUEST', /^points\[2\]\.id: .*not boolean$/))
  })

  it.each(['points', 'batch'])('takes the most points in "%s", and refuses one more by the limit', async (field) => {
    const small = { vectors: { '': { size: 1, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
    const ids = Array.from({ length: LIMITS.WRITE_POINTS_MAX.value + 1 }, (_, id) => id)
    const body = (of: readonly number[]) =>
      field === 'points'
        ? { points: of.map((id) => ({ id, vector: [1] })) }
        : { batch: { ids: of, vectors: of.map(() => [1]) } }
    expect(await inSlices(parseUpsert(body(ids.slice(1)), small))).toHaveLength(LIMITS.WRITE_POINTS_MAX.value)
    await expect(inSlices(parseUpsert(body(ids), small))).rejects.toThrowError(
      error('PAYLOAD_TOO_LARGE', new RegExp(`^"${field}.*: 50001 is more than 50000 \\(WRITE_POINTS_MAX\\)$`)),
    )
  })

  it('takes the longest payload, and refuses one byte more by the limit', async () => {
    const text = (bytes: number) => point({ payload: { a: 'x'.repeat(bytes - '{"a":""}'.length) } })
    expect(await upsert(text(LIMITS.PAYLOAD_BYTES_MAX.value))).toHaveLength(1)
    await expect(upsert(text(LIMITS.PAYLOAD_BYTES_MAX.value + 1))).rejects.toThrowError(
      error('PAYLOAD_TOO_LARGE', /^points\[0\]\.payload: 1048577 is more than 1048576 \(PAYLOAD_BYTES_MAX\)$/),
    )
  })
})

describe('a point beyond its share of the log', () => {
  it('is refused for good, since the log would have no room for it however long it is waited for', async () => {
    const large = { vectors: { '': { size: 1000, metric: 'L2' } }, walBudgetBytes: 40_000 } as CollectionConfig
    const vector = Array.from({ length: 1000 }, (_, i) => i)
    expect(await inSlices(parseUpsert({ points: [{ id: 1, vector }] }, large))).toHaveLength(1)
    const beyond = { id: 1, vector, payload: { text: 'x'.repeat(1000) } }
    await expect(inSlices(parseUpsert({ points: [beyond] }, large))).rejects.toThrowError(
      error('PAYLOAD_TOO_LARGE', /^points\[0\]: .* budget of a cell's log/),
    )
  })
})

const keysOf = (request: DeleteRequest) => ('writes' in request ? request.writes.map(({ key }) => key) : [])

/** Bodies with a list of ids: how each is read, its field, its limit, and what else it has. */
const ID_LISTS: [string, (body: object) => unknown, string, 'WRITE_POINTS_MAX' | 'RETRIEVE_IDS_MAX'][] = [
  ['delete', (body) => keysOf(parseDelete(body, config)), 'points', 'WRITE_POINTS_MAX'],
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

describe('a delete', () => {
  it('is by filter if it has no ids; a filter without conditions is of all points', () => {
    expect(parseDelete({ filter: { must: [{ has_id: [] }] } }, config)).toEqual({
      matching: { filter: '{"must":[{"is":"hasId","keys":[]}],"mustNot":[],"should":[]}' },
    })
    expect(parseDelete({ filter: { must: [] } }, config)).toEqual({ matching: {} })
    expect(parseDelete({ points: [1], filter: { must: [], should: null } }, config)).toEqual({
      writes: [{ key: 'i1' }],
    })
  })

  it.each<Refusal>([
    ['nothing', {}, 'BAD_REQUEST', /^"points" must be a list of ids, unless there is a "filter"$/],
    ['an empty filter', { filter: {} }, 'BAD_REQUEST', /^filter is empty; \{"must": \[\]\} deletes all points$/],
    [
      'ids and a filter',
      { points: [], filter: { must: [{}] } },
      'BAD_REQUEST',
      /^the body must hold either "points" or "filter"$/,
    ],
    ['a wrong filter', { filter: { must: [{ key: 'a' }] } }, 'BAD_REQUEST', /^filter\.must\[0\] must have one of/],
  ])('of %s is refused', (_what, body, code, message) => {
    expect(() => parseDelete(body, config)).toThrowError(error(code, message))
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
  it.each<[string, unknown]>([
    ['a list', [3, 4]],
    ['under its name', { text: [3, 4] }],
    ['under the empty name', { '': [3, 4] }],
    ['under its name beside null', { text: [3, 4], '': null }],
  ])('takes the vector of a point as %s', async (_what, vector) => {
    const [write] = await inSlices(parseUpsert(point({ vector }), named))
    expect([...(write?.row?.vector ?? [])]).toEqual([3, 4])
  })

  it('takes the vectors of a batch under its name', async () => {
    const [write] = await inSlices(parseUpsert(batch({ vectors: { text: [[3, 4]] } }), named))
    expect([...(write?.row?.vector ?? [])]).toEqual([3, 4])
  })

  it.each<Refusal>([
    ['another name', { image: [3, 4] }, 'UNSUPPORTED', /^points\[0\]\.vector: "image" is not supported$/],
    ['another name beside its own', { text: [3, 4], image: [3, 4] }, 'UNSUPPORTED', /"image" is not supported$/],
    ['two vectors', { text: [3, 4], '': [3, 4] }, 'UNSUPPORTED', /^points\[0\]\.vector: "" is not supported$/],
    ['a short vector under its name', { text: [3] }, 'BAD_REQUEST', /^points\[0\]\.vector has 1 values/],
  ])('refuses %s', async (_what, vector, code, message) => {
    await expect(inSlices(parseUpsert(point({ vector }), named))).rejects.toThrowError(error(code, message))
  })

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

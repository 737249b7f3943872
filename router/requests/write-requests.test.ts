import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { LIMITS } from '../../core/limits.ts'
import { decodeRow } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { PointOperation } from '../edit/edit.ts'
import type { Write } from '../write/writes.ts'
import { parseDelete, parseDeleteVectors, parseUpdateVectors, parseUpsert, wholeBody } from './write-requests.ts'

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
const place = wholeBody(config)
const upsertIn = async (body: unknown, of: CollectionConfig): Promise<readonly Write[]> => {
  const operation = await inSlices(parseUpsert(body, wholeBody(of)))
  if (operation.is !== 'writes') throw new Error('this upsert depends on what the points are')
  return operation.writes
}
const upsert = (body: unknown) => upsertIn(body, config)
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
    ['a wrong update filter', { ...point({}), update_filter: { must: 1 } }, 'BAD_REQUEST', /^update_filter\.must/],
    ['an unknown update mode', { ...point({}), update_mode: 'insert' }, 'BAD_REQUEST', /"update_mode" must be upsert/],
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
    expect(await upsertIn(body(ids.slice(1)), small)).toHaveLength(LIMITS.WRITE_POINTS_MAX.value)
    await expect(upsertIn(body(ids), small)).rejects.toThrowError(
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
    expect(await upsertIn({ points: [{ id: 1, vector }] }, large)).toHaveLength(1)
    const beyond = { id: 1, vector, payload: { text: 'x'.repeat(1000) } }
    await expect(upsertIn({ points: [beyond] }, large)).rejects.toThrowError(
      error('PAYLOAD_TOO_LARGE', /^points\[0\]: .* budget of a cell's log/),
    )
  })
})
describe('a delete', () => {
  const matching = (body: unknown) => {
    const operation = parseDelete(body, place)
    return operation.is === 'edit' ? operation.edit : undefined
  }

  it('is by filter if it has no ids; a filter without conditions is of all points', () => {
    expect(matching({ filter: { must: [{ has_id: [] }] } })).toEqual({
      target: { matching: '{"must":[{"is":"hasId","keys":[]}],"mustNot":[],"should":[]}' },
      change: { is: 'delete' },
    })
    expect(matching({ filter: { must: [] } })).toEqual({ target: { matching: undefined }, change: { is: 'delete' } })
    expect(parseDelete({ points: [1], filter: { must: [], should: null } }, place)).toEqual({
      is: 'writes',
      writes: [{ key: 'i1' }],
    })
  })

  it.each<Refusal>([
    ['nothing', {}, 'BAD_REQUEST', /^"points" must be a list of ids, unless there is a "filter"$/],
    ['an empty filter', { filter: {} }, 'BAD_REQUEST', /^filter is empty; \{"must": \[\]\} names all points$/],
    [
      'ids and a filter',
      { points: [], filter: { must: [{}] } },
      'BAD_REQUEST',
      /^the body must hold either "points" or "filter"$/,
    ],
    ['a wrong filter', { filter: { must: [{ key: 'a' }] } }, 'BAD_REQUEST', /^filter\.must\[0\] must have one of/],
  ])('of %s is refused', (_what, body, code, message) => {
    expect(() => parseDelete(body, place)).toThrowError(error(code, message))
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
    const [write] = await upsertIn(point({ vector }), named)
    expect([...(write?.row?.vector ?? [])]).toEqual([3, 4])
  })

  it('takes the vectors of a batch under its name', async () => {
    const [write] = await upsertIn(batch({ vectors: { text: [[3, 4]] } }), named)
    expect([...(write?.row?.vector ?? [])]).toEqual([3, 4])
  })

  it.each<Refusal>([
    ['another name', { image: [3, 4] }, 'UNSUPPORTED', /^points\[0\]\.vector: "image" is not supported$/],
    ['another name beside its own', { text: [3, 4], image: [3, 4] }, 'UNSUPPORTED', /"image" is not supported$/],
    ['two vectors', { text: [3, 4], '': [3, 4] }, 'UNSUPPORTED', /^points\[0\]\.vector: "" is not supported$/],
    ['a short vector under its name', { text: [3] }, 'BAD_REQUEST', /^points\[0\]\.vector has 1 values/],
  ])('refuses %s', async (_what, vector, code, message) => {
    await expect(upsertIn(point({ vector }), named)).rejects.toThrowError(error(code, message))
  })
})

const condition = { must: [{ key: 'a', match: { value: 1 } }] }
const encoded =
  '{"must":[{"is":"field","path":[{"kind":"key","key":"a"}],"test":{"is":"any","values":[1]}}],"mustNot":[],"should":[]}'
const editOf = (operation: PointOperation) => {
  if (operation.is !== 'edit') throw new Error('this operation does not depend on what the points are')
  return operation.edit
}

describe('an upsert with a condition', () => {
  it.each([
    [{ update_filter: condition }, { mode: 'upsert', onlyIf: encoded }],
    [{ update_mode: 'insert_only' }, { mode: 'insert_only', onlyIf: undefined }],
    [
      { update_mode: 'update_only', update_filter: condition },
      { mode: 'update_only', onlyIf: encoded },
    ],
  ])('%j depends on what the points are', async (part, { mode, onlyIf }) => {
    const edit = editOf(await inSlices(parseUpsert({ ...point({}), ...part }, place)))
    expect(edit).toMatchObject({ target: { keys: ['i1'] }, change: { is: 'upserts', mode } })
    expect(edit.onlyIf).toBe(onlyIf)
    expect(edit.change.is === 'upserts' && edit.change.writes.get(idKey(1))?.row?.vector[1]).toBe(2)
  })

  it('is none if its mode is the default and its filter has no condition', async () => {
    expect(await upsert({ ...point({}), update_mode: 'upsert', update_filter: { must: [] } })).toHaveLength(1)
  })
})

describe('an edit of vectors', () => {
  const vectors = (body: unknown) => inSlices(parseUpdateVectors(body, place))

  it('has the last of two vectors for one id', async () => {
    const points = [
      { id: 1, vector: [1, 2] },
      { id: 1, vector: { '': [3, 4] } },
    ]
    const edit = editOf(await vectors({ points, update_filter: condition }))
    expect(edit).toMatchObject({ target: { keys: ['i1'] }, onlyIf: encoded })
    expect(edit.change.is === 'vectors' && [...edit.change.vectors.values()].map(([x]) => x)).toEqual([3])
  })

  it.each<Refusal>([
    ['no points', {}, 'BAD_REQUEST', /^"points" must be a list of ids with vectors$/],
    ['an empty list', { points: [] }, 'BAD_REQUEST', /^"points" must be a list of ids with vectors$/],
    ['no vector', { points: [{ id: 1 }] }, 'BAD_REQUEST', /^points\[0\] has no vector$/],
    ['a wrong name', { points: [{ id: 1, vector: { image: [1, 2] } }] }, 'UNSUPPORTED', /"image" is not supported$/],
    ['no names', { points: [{ id: 1, vector: {} }] }, 'BAD_REQUEST', /^points\[0\]\.vector must be a list/],
    ['a payload', { points: [{ id: 1, vector: [1, 2], payload: {} }] }, 'UNSUPPORTED', /"payload" is not supported$/],
    ['a wrong filter', { ...point({}), update_filter: { must: [1] } }, 'BAD_REQUEST', /^update_filter\.must\[0\]/],
  ])('with %s is refused', async (_what, body, code, message) => {
    await expect(vectors(body)).rejects.toThrowError(error(code, message))
  })

  it.each<Refusal>([
    ['the only vector', { points: [1], vector: [''] }, 'UNSUPPORTED', /^vector: "" is the only vector of a point/],
    ['a vector that there is not', { points: [1], vector: ['b'] }, 'BAD_REQUEST', /^vector: .*no vector named "b"$/],
    ['no vector', { points: [1], vector: [] }, 'BAD_REQUEST', /^"vector" must be a list of names/],
    ['vectors of no points', { vector: [''] }, 'BAD_REQUEST', /^"points" must be a list of ids/],
  ])('cannot delete %s', (_what, body, code, message) => {
    expect(() => parseDeleteVectors(body, place)).toThrowError(error(code, message))
  })
})

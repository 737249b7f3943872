/** Edits of points on real processes, over several cells: payloads, vectors, conditional upserts, batches of operations. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'

const COLLECTION = '/collections/things/points'
/** More than one page of an edit. */
const MANY = 1500

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 3, centroids: { source: 'Random', seed: 1 }, redundantStorage: '1.3' },
  })
  await cluster.collection.ingest(
    Array.from({ length: MANY }, (_, i) => ({
      id: 1000 + i,
      vector: [Math.sin(i), Math.cos(i)],
      payload: { many: i % 3 },
    })),
    { batch: 500 },
  )
  await cluster.filled(MANY)
})
afterAll(() => cluster.close())

const request = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  cluster.fetch(method, `${COLLECTION}${path}${path.includes('?') ? '' : '?wait=true'}`, body, headers)
const ok = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}) => {
  const answer = await request(method, path, body, headers)
  expect(answer.status, answer.raw).toBe(200)
  return answer.json.result as { operation_id: number; status: string }
}
const errorOf = ({ json }: { json: unknown }) => (json as { status: { error?: string } }).status.error
const payloads = async (...ids: number[]) =>
  Object.fromEntries((await cluster.collection.get(ids)).map(({ id, payload }) => [id, payload]))

beforeEach(async () => {
  await cluster.collection.upsert([
    { id: 1, vector: [1, 1], payload: { colour: 'red', size: { h: 1, w: 2 }, parts: [{ n: 1 }, { n: 2 }] } },
    { id: 2, vector: [2, 2], payload: { colour: 'blue' } },
    { id: 3, vector: [-3, 3] },
  ])
})

describe('payloads', () => {
  it('are set: members are merged, null removes one, and a key names the objects to merge into', async () => {
    const result = await ok('POST', '/payload', { points: [1, 3], payload: { price: 9, colour: null } })
    expect(result).toEqual({ operation_id: expect.any(Number), status: 'completed' })
    expect(await payloads(1, 3)).toEqual({
      1: { size: { h: 1, w: 2 }, parts: [{ n: 1 }, { n: 2 }], price: 9 },
      3: { price: 9 },
    })
    await ok('POST', '/payload', { points: [1], payload: { h: 5 }, key: 'size' })
    await ok('POST', '/payload', { points: [1], payload: { ok: true }, key: 'parts[]' })
    await ok('POST', '/payload', { points: [1], payload: { n: 7 }, key: 'parts[0]' })
    expect(await payloads(1)).toEqual({
      1: {
        size: { h: 5, w: 2 },
        parts: [
          { n: 7, ok: true },
          { n: 2, ok: true },
        ],
        price: 9,
      },
    })
  })

  it('are replaced, removed by paths, and cleared; vectors stay', async () => {
    await ok('PUT', '/payload', { points: [2], payload: { a: { b: 1, c: 2 }, d: 3 } })
    await ok('POST', '/payload/delete', { points: [1, 2], keys: ['a.b', 'parts[].n', 'size', 'nothing'] })
    expect(await payloads(1, 2)).toEqual({ 1: { colour: 'red', parts: [{}, {}] }, 2: { a: { c: 2 }, d: 3 } })
    await ok('POST', '/payload/clear', { points: [1] })
    const [one] = await cluster.collection.get([1], { withVector: true })
    expect(one).toEqual({ id: 1, payload: {}, vector: [1, 1] })
    const { points } = await cluster.collection.query([1, 1], { limit: 1, exact: true })
    expect(points.map(({ id }) => id)).toEqual([1])
  })

  it('are edited where a filter matches, over many pages and all cells', async () => {
    const filter = { must: [{ key: 'many', match: { value: 1 } }] }
    await ok('POST', '/payload', { filter, payload: { many: 2, seen: true } })
    const count = (value: number) =>
      cluster.collection.count({ filter: { must: [{ key: 'many', match: { value } }] }, consistency: 'strong' })
    expect([await count(0), await count(1), await count(2)]).toEqual([500, 0, 1000])
    expect(await cluster.collection.count({ filter: { must: [{ key: 'seen', match: { value: true } }] } })).toBe(500)
    await ok('POST', '/payload/delete', { filter: { must: [] }, keys: ['seen'] })
    expect(await cluster.collection.count({ filter: { must: [{ key: 'seen', match: { value: true } }] } })).toBe(0)
  })

  it('of ids that are not there are 404 with the first of them, after the others were edited', async () => {
    const answer = await request('POST', '/payload', { points: [71, 2, 72], payload: { seen: 1 } })
    expect([answer.status, errorOf(answer)]).toEqual([404, 'Not found: No point with id 71 found'])
    expect(await payloads(2)).toEqual({ 2: { colour: 'blue', seen: 1 } })
  })

  it('lose no edit of many that come at the same time', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`)
    await Promise.all(names.map((name) => ok('POST', '/payload', { points: [2, 3], payload: { [name]: 1 } })))
    for (const payload of Object.values(await payloads(2, 3)))
      expect(Object.keys(payload as object).filter((name) => name.startsWith('n'))).toHaveLength(names.length)
  })

  it('are edited once under an idempotency key, though the point was written in between', async () => {
    const headers = { 'idempotency-key': 'edit-1' }
    const edit = { points: [1], payload: { n: 1 } }
    const first = await ok('POST', '/payload', edit, headers)
    await cluster.collection.upsert([{ id: 1, vector: [5, 5], payload: { n: 2 } }])
    expect(await ok('POST', '/payload', edit, headers)).toEqual(first)
    expect(await payloads(1)).toEqual({ 1: { n: 2 } })
    expect((await request('POST', '/payload', { points: [1], payload: { n: 3 } }, headers)).status).toBe(409)
    const absent = { points: [81], payload: { n: 1 } }
    const missing = { 'idempotency-key': 'edit-2' }
    expect((await request('POST', '/payload', absent, missing)).status).toBe(404)
    await cluster.collection.upsert([{ id: 81, vector: [5, 5] }])
    expect((await request('POST', '/payload', absent, missing)).status).toBe(404)
    expect(await payloads(81)).toEqual({ 81: {} })
    await cluster.collection.delete([81])
  })

  it('are edited if the point has the version that is named', async () => {
    const { version } = await cluster.collection.upsert([{ id: 1, vector: [1, 1] }])
    const edit = (n: number) => cluster.collection.setPayload([1], { n }, { ifVersion: version })
    expect((await edit(1)).version).toBeGreaterThan(version)
    await expect(edit(2)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await payloads(1)).toEqual({ 1: { n: 1 } })
  })
})

describe('vectors', () => {
  it('are updated, and the point moves to its cell with its payload', async () => {
    await cluster.collection.updateVectors([
      { id: 1, vector: [-9, 9] },
      { id: 2, vector: [9, -9] },
    ])
    const [one, two] = await cluster.collection.get([1, 2], { withVector: true })
    expect([one?.vector, one?.payload.colour, two?.vector]).toEqual([[-9, 9], 'red', [9, -9]])
    const { points } = await cluster.collection.query([9, -9], { limit: 1 })
    expect(points[0]?.id).toBe(2)
  })

  it('are updated where the filter of the update matches', async () => {
    await ok('PUT', '/vectors', {
      points: [
        { id: 1, vector: [7, 7] },
        { id: 2, vector: [7, 7] },
      ],
      update_filter: { must: [{ key: 'colour', match: { value: 'red' } }] },
    })
    const found = await cluster.collection.get([1, 2], { withVector: true })
    expect(found.map(({ vector }) => vector)).toEqual([
      [7, 7],
      [2, 2],
    ])
  })

  it('cannot be deleted, for a point has one', async () => {
    const answer = await request('POST', '/vectors/delete', { points: [1], vector: [''] })
    expect([answer.status, errorOf(answer)]).toEqual([400, expect.stringContaining('is the only vector of a point')])
  })
})

it('a conditional upsert replaces what matches, and writes what is not there', async () => {
  const points = [1, 2, 4].map((id) => ({ id, vector: [0, 1], payload: { new: true } }))
  await cluster.collection.upsert(points, { updateFilter: { must: [{ key: 'colour', match: { value: 'red' } }] } })
  expect(await payloads(1, 2, 4)).toEqual({ 1: { new: true }, 2: { colour: 'blue' }, 4: { new: true } })
  await cluster.collection.upsert([{ id: 2, vector: [0, 1] }], { updateMode: 'insert_only' })
  await cluster.collection.upsert([{ id: 5, vector: [0, 1] }], { updateMode: 'update_only' })
  expect(await payloads(2, 5)).toEqual({ 2: { colour: 'blue' } })
  await cluster.collection.delete([4])
})

describe('a batch of operations', () => {
  it('is carried out in order, each operation seeing those before it', async () => {
    const versions = await cluster.collection.batch([
      { upsert: { points: [{ id: 7, vector: [1, 0], payload: { a: 1 } }] } },
      { set_payload: { points: [7], payload: { b: 2 } } },
      { set_payload: { filter: { must: [{ key: 'b', match: { value: 2 } }] }, payload: { c: 3 } } },
      { delete_payload: { points: [7], keys: ['a'] } },
      { update_vectors: { points: [{ id: 7, vector: [0, 1] }] } },
      { overwrite_payload: { points: [2], payload: { d: 4 } } },
      { clear_payload: { points: [1] } },
      { delete: { points: [3] } },
    ])
    expect(versions.map(({ version }) => version)).toEqual(
      versions.map(({ version }) => version).toSorted((a, b) => a - b),
    )
    expect(await payloads(1, 2, 3, 7)).toEqual({ 1: {}, 2: { d: 4 }, 7: { b: 2, c: 3 } })
    const [seven] = await cluster.collection.get([7], { withVector: true })
    expect(seven?.vector).toEqual([0, 1])
  })

  it('that fails says what was applied', async () => {
    const answer = await request('POST', '/batch', {
      operations: [
        { set_payload: { points: [1], payload: { first: 1 } } },
        { set_payload: { points: [99], payload: { second: 1 } } },
        { set_payload: { points: [2], payload: { third: 1 } } },
      ],
    })
    expect([answer.status, errorOf(answer)]).toEqual([
      404,
      'operations[1]: Not found: No point with id 99 found; the 1 operations before it are applied',
    ])
    expect(answer.json.maksdb).toMatchObject({ operations: ['applied', 'failed', 'not applied'] })
    expect(await payloads(1, 2)).toMatchObject({ 1: { first: 1 }, 2: { colour: 'blue' } })
  })

  it('with a wrong operation is refused as a whole', async () => {
    const answer = await request('POST', '/batch', {
      operations: [{ clear_payload: { points: [1] } }, { upsert: { points: [{ id: 1, vector: [1] }] } }],
    })
    expect(answer.status).toBe(400)
    expect(await payloads(1)).toMatchObject({ 1: { colour: 'red' } })
  })

  it('is carried out once under an idempotency key', async () => {
    const operations = [
      { set_payload: { points: [1], payload: { n: 1 } } },
      { set_payload: { points: [1], payload: { m: 1 } } },
    ]
    const headers = { 'idempotency-key': 'batch-1' }
    const first = await ok('POST', '/batch', { operations }, headers)
    await cluster.collection.overwritePayload([1], { o: 1 })
    expect(await ok('POST', '/batch', { operations }, headers)).toEqual(first)
    expect(await payloads(1)).toEqual({ 1: { o: 1 } })
    expect((await request('POST', '/batch', { operations: operations.slice(1) }, headers)).status).toBe(409)
  })
})

/** Payload indexes on real processes: what they change is how much is read, and what the words of texts are. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'

const POINTS = 2000
const COLLECTION = '/collections/things'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 4, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
  const points = Array.from({ length: POINTS }, (_, id) => ({
    id,
    vector: [id % 7, id % 11, id % 13, 1],
    payload: { tenant: `t${id % 100}`, n: id, note: id % 2 === 0 ? 'An even number' : 'An odd number' },
  }))
  await cluster.collection.ingest(points, { batch: 500 })
  await cluster.filled(POINTS)
})
afterAll(() => cluster.close())

const index = (field_name: string, field_schema: unknown, wait = 'true') =>
  cluster.fetch('PUT', `${COLLECTION}/index?wait=${wait}`, { field_name, field_schema })
const schema = async () =>
  ((await cluster.fetch('GET', COLLECTION)).json.result as { payload_schema: Record<string, unknown> }).payload_schema
const query = async (filter: object) => {
  const body = { query: [1, 2, 3, 4], limit: 30, filter, params: { exact: true, explain: true } }
  const { json } = await cluster.fetch('POST', `${COLLECTION}/points/query`, body)
  const { explain } = json.maksdb as { explain: { cell: number; plan: string; indexes: string[]; checked: number }[] }
  return { ids: (json.result as { points: { id: number }[] }).points.map(({ id }) => id), explain }
}
const count = async (filter: object) =>
  ((await cluster.fetch('POST', `${COLLECTION}/points/count`, { filter })).json.result as { count: number }).count
const summary = (explain: { cell: number; plan: string; indexes: string[] }[]) =>
  explain.map(({ cell, plan, indexes }) => ({ cell, plan, indexes }))

const filter = {
  must: [
    { key: 'tenant', match: { value: 't7' } },
    { key: 'n', range: { gte: 1000 } },
  ],
}

it('an index that is waited for is used by the next query, which finds what it found before', async () => {
  const before = await query(filter)
  expect(summary(before.explain)).toEqual([0, 1].map((cell) => ({ cell, plan: 'scan', indexes: [] })))
  expect(before.explain.reduce((sum, { checked }) => sum + checked, 0)).toBe(POINTS)
  expect((await index('tenant', { type: 'keyword', is_tenant: true })).json.result).toMatchObject({
    status: 'completed',
  })
  expect((await query(filter)).explain.reduce((sum, { checked }) => sum + checked, 0)).toBe(POINTS / 100)
  expect((await index('n', 'integer')).json.result).toMatchObject({ status: 'completed' })
  const after = await query(filter)
  expect(after.ids).toEqual(before.ids)
  // All of them are in one cell.
  expect(after.explain.map(({ plan }) => plan).sort()).toEqual(['index', 'none'])
  expect([...new Set(after.explain.flatMap(({ indexes }) => indexes))].sort()).toEqual(['n', 'tenant'])
  expect(await schema()).toEqual({
    tenant: { data_type: 'keyword', params: { type: 'keyword', is_tenant: true }, points: POINTS },
    n: { data_type: 'integer', points: POINTS },
  })
  expect(await count(filter)).toBe(10)
})

it('cells without a row of a tenant answer from the index, and a point is found by the first query after its write (S42, R42)', async () => {
  const tenant = (name: string) => ({ must: [{ key: 'tenant', match: { value: name } }] })
  expect(summary((await query(tenant('nobody'))).explain)).toEqual(
    [0, 1].map((cell) => ({ cell, plan: 'none', indexes: [] })),
  )
  for (let n = 0; n < 20; n++) {
    const name = `new${n}`
    expect((await query(tenant(name))).ids).toEqual([])
    const point = { id: POINTS + n, vector: [n, 1, n % 3, 1], payload: { tenant: name, n: -1 } }
    expect((await cluster.fetch('PUT', `${COLLECTION}/points?wait=true`, { points: [point] })).status).toBe(200)
    const { ids, explain } = await query(tenant(name))
    expect(ids).toEqual([POINTS + n])
    expect(explain.filter(({ plan }) => plan === 'none')).toHaveLength(1)
  }
  const ids = Array.from({ length: 20 }, (_, n) => POINTS + n)
  await cluster.fetch('POST', `${COLLECTION}/points/delete?wait=true`, { points: ids })
  expect(await count(tenant('new0'))).toBe(0)
})

it('full-text conditions compare the words that the index of their field has, and whole words without one', async () => {
  const [parts, whole] = ['num EV', 'number, even'].map((text) => ({ must: [{ key: 'note', match: { text } }] }))
  expect([await count(parts as object), await count(whole as object)]).toEqual([0, POINTS / 2])
  await index('note', { type: 'text', tokenizer: 'prefix', min_token_len: 2 })
  expect([await count(parts as object), await count(whole as object)]).toEqual([POINTS / 2, POINTS / 2])
  await cluster.fetch('DELETE', `${COLLECTION}/index/note?wait=true`)
  expect([await count(parts as object), await count(whole as object)]).toEqual([0, POINTS / 2])
  expect(Object.keys(await schema())).toEqual(['tenant', 'n'])
})

it('an index that is not waited for comes in the background, and its state is in the topology and the metrics', async () => {
  expect((await index('later', 'bool', 'false')).json.result).toMatchObject({ status: 'acknowledged' })
  await until('the index', async () => Object.hasOwn(await schema(), 'later'))
  const { cells } = await cluster.topology()
  for (const { pods } of cells) for (const { memory } of pods) expect(memory?.row_bytes.indexes).toBeGreaterThan(0)
})

it('processes that start again build their indexes from the payloads', async () => {
  await cluster.killAll(({ kind }) => kind === 'shard')
  await until('the cells', async () => (await query(filter).catch(() => undefined)) !== undefined)
  expect((await index('tenant', { type: 'keyword', is_tenant: true })).json.result).toMatchObject({
    status: 'completed',
  })
  const { ids, explain } = await query(filter)
  expect([ids.length, ...explain.map(({ plan }) => plan).sort()]).toEqual([10, 'index', 'none'])
})

it('more indexes than a collection may have are refused by name', async () => {
  const most = LIMITS.PAYLOAD_INDEXES_MAX.value
  for (let n = 3; n < most; n++) expect((await index(`field${n}`, 'keyword', 'false')).status).toBe(200)
  const refused = await index('another', 'keyword')
  expect([refused.status, refused.json.status]).toEqual([
    413,
    { error: expect.stringMatching(/\(PAYLOAD_INDEXES_MAX\)$/) as string },
  ])
})

/** Idempotency-Key: a request that was executed is not executed again, over REST and across a failover. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { kill, TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
  await cluster.settled()
})
afterAll(() => cluster.close())

const put = (body: unknown, key: string) =>
  cluster.fetch('PUT', '/collections/things/points?wait=true', body, { 'idempotency-key': key })
const points = (n: number) => ({
  points: [
    { id: 1, vector: [9, 9], payload: { n } },
    { id: 2, vector: [-9, -9], payload: { n } },
  ],
})
const stored = async () => (await cluster.collection.get([1, 2])).map(({ payload }) => payload.n)

it('a request that is sent again, after a failover of each cell and after newer writes, changes nothing and answers the same', async () => {
  const first = await put(points(1), 'a')
  expect(first.status).toBe(200)
  await cluster.collection.upsert([{ id: 1, vector: [-9, -9], payload: { n: 2 } }])
  for (const cell of [0, 1]) {
    const primary = await cluster.primary(cell)
    kill(primary)
    await until('another primary', async () => ((await cluster.primary(cell)).pid !== primary.pid ? true : undefined))
  }
  const again = await put(points(1), 'a')
  expect([again.status, again.json.result]).toEqual([200, first.json.result])
  expect(await stored()).toEqual([2, 1])
  // The same under another key is another request.
  await put(points(3), 'b')
  expect(await stored()).toEqual([3, 3])
})

it('a request that is sent again after Redis has lost everything is not executed again', async () => {
  const first = await put(points(10), 'lost')
  await cluster.collection.upsert([{ id: 1, vector: [9, 9], payload: { n: 11 } }])
  const redis = await cluster.redis()
  await redis.flushall()
  redis.disconnect()
  await cluster.repaired()
  await cluster.writable([{ id: 3, vector: [1, 1] }])
  const again = await put(points(10), 'lost')
  expect([again.status, again.json.result]).toEqual([200, first.json.result])
  expect(await stored()).toEqual([11, 10])
})

it('another request under the same key is 409 and changes nothing', async () => {
  await put(points(4), 'c')
  const other = await put(points(5), 'c')
  expect([other.status, other.json.maksdb?.code]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED'])
  expect(await stored()).toEqual([4, 4])
  // How it is written down does not matter.
  const spaced = await cluster.fetch(
    'PUT',
    '/collections/things/points?wait=true',
    JSON.stringify({ points: points(4).points.map(({ id, ...rest }) => ({ ...rest, id })) }, null, 3),
    { 'idempotency-key': 'c' },
  )
  expect(spaced.status).toBe(200)
})

it('a conditional write may be repeated under its key, though its version has gone', async () => {
  const { version } = await cluster.collection.upsert([{ id: 1, vector: [9, 9], payload: { n: 6 } }])
  const write = () =>
    cluster.collection.upsert([{ id: 1, vector: [9, 9], payload: { n: 7 } }], {
      ifVersion: version,
      idempotencyKey: 'd',
    })
  expect(await write()).toEqual(await write())
  expect((await stored())[0]).toBe(7)
})

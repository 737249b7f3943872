/** A shard with little memory is filled until it refuses: it is not ended, reads go on, and deletes make room (rule S41). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { metricOf } from '../support/process-metrics.ts'

const MiB = 1024 * 1024
/** Above what an idle shard takes, and its reserve, by a few tens of MiB. */
const LIMIT = 320 * MiB
const DIMENSION = 128
/** Less than a MiB, which is the least room. */
const BATCH = 300
const TEXT = 'x'.repeat(1024)

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: DIMENSION, clusters: 1, replicas: 1, centroids: { source: 'Random', seed: 1 } },
    env: { MAKSDB_MEMORY_LIMIT_BYTES: String(LIMIT), MAKSDB_SNAPSHOT_ENTRIES: '2000' },
  })
  await cluster.settled()
})
afterAll(() => cluster?.close())

const vector = (id: number) => Array.from({ length: DIMENSION }, (_, i) => ((id * 31 + i * 7) % 97) - 48)
const ids = (from: number, count = BATCH) => Array.from({ length: count }, (_, i) => from + i)
const put = (from: number) =>
  cluster.fetch('PUT', '/collections/things/points?wait=true', {
    points: ids(from).map((id) => ({ id, vector: vector(id), payload: { text: `${id} ${TEXT}` } })),
  })
const memory = async () => (await cluster.topology()).cells[0]?.pods[0]?.memory
const count = async () =>
  ((await cluster.fetch('POST', '/collections/things/points/count', {})).json.result as { count: number }).count

it('a shard refuses upserts before its limit ends it, answers reads, takes snapshots, and deletes make room', async () => {
  const { pid } = await cluster.find({ kind: 'shard' })
  let written = 0
  let answer = await put(0)
  for (; answer.status === 200; answer = await put(written)) written += BATCH
  expect(answer, `${answer.raw}\n${cluster.logs()}`).toMatchObject({
    status: 507,
    json: { maksdb: { code: 'MEMORY_FULL', retriable: true } },
  })
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)

  expect(await count()).toBe(written)
  const found = await cluster.fetch('POST', '/collections/things/points/query', { query: vector(7), limit: 3 })
  expect(found.json.result).toMatchObject({ points: [{ id: 7, score: 0 }, {}, {}] })
  await until('a snapshot', async () => (await cluster.topology()).cells[0]?.pods[0]?.newest_snapshot ?? undefined)

  // Rows that were just admitted count twice for half a second.
  await until('the shard to be full', async () => {
    for (let last = await put(written); last.status === 200; last = await put(written)) written += BATCH
    return (await memory())?.full
  })
  expect(written).toBeGreaterThan(5000)
  const shard = await cluster.find({ kind: 'shard' })
  expect(shard).toMatchObject({ pid, memoryFull: true })
  expect(await metricOf(shard, 'maksdb_memory_room_bytes')).toBeLessThanOrEqual(0)
  expect(await metricOf(shard, 'maksdb_memory_refusals_total')).toBeGreaterThan(0)
  expect((await memory())?.used_bytes).toBeLessThan(LIMIT)

  const half = ids(0, Math.floor(written / 2))
  expect((await cluster.fetch('POST', '/collections/things/points/delete?wait=true', { points: half })).status).toBe(
    200,
  )
  await until('room for upserts', async () => (await put(0)).status === 200, 60_000, 500)
  expect(await count()).toBe(written - half.length + BATCH)
  expect((await cluster.find({ kind: 'shard' })).pid).toBe(pid)
})

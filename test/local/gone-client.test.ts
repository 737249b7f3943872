/** What the servers do with the work of a client that has gone: searches are dropped, writes are brought to their end. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until, within } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { metricsOf } from '../support/process-metrics.ts'

const DIMENSION = 256
const ROWS = 24_000
const QUERIES = 1000
const CELL = 'vectorcluster="main",collection="main",cell="0"'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ name: 'main', spec: { dimension: DIMENSION, clusters: 1, replicas: 1 } })
  const points = Array.from({ length: ROWS }, (_, id) => ({
    id,
    vector: Float32Array.from({ length: DIMENSION }, (_value, i) => Math.sin(id * 7 + i * i)),
  }))
  await cluster.collection.ingest(points, { batch: 1000 })
})
afterAll(() => cluster?.close())

async function shard(): Promise<Map<string, number>> {
  return metricsOf(await cluster.find({ kind: 'shard' }))
}

/** Undefined if the client has gone before the answer. */
function send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response | undefined> {
  return fetch(`${cluster.url}/collections/main/points${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  }).catch(() => undefined)
}

it('queries that wait leave the queue of the shard, are counted, and are no error of the router', async () => {
  const searches = Array.from({ length: QUERIES }, (_, n) => ({
    query: Array.from({ length: DIMENSION }, (_value, i) => Math.cos(n + i)),
    limit: 10,
  }))
  const before = await metricsOf(await cluster.find({ kind: 'router' }))
  await until(
    'queries to be cancelled',
    async () => {
      const gone = new AbortController()
      const sent = [1, 2, 3].map(() => send('POST', '/query/batch', { searches }, gone.signal))
      await within(
        { limitMs: 2000, everyMs: 5 },
        async () => Number((await shard()).get(`maksdb_queue_depth{${CELL},queue="search"}`)) > 0,
      )
      gone.abort()
      await Promise.all(sent)
      return Number((await shard()).get(`maksdb_searches_cancelled_total{${CELL}}`)) > 0
    },
    60_000,
  )
  await until(
    'the queue to be empty',
    async () => (await shard()).get(`maksdb_queue_depth{${CELL},queue="search"}`) === 0,
  )
  const after = await metricsOf(await cluster.find({ kind: 'router' }))
  const rejected = (from: Map<string, number>) =>
    [...from].filter(([series]) => series.startsWith('maksdb_rejected_requests_total'))
  expect(rejected(after)).toEqual(rejected(before))
  expect((await cluster.collection.query({ id: 7 }, { limit: 1 })).points).toHaveLength(1)
})

it('a write whose client has gone is whole: all of its points are there, or none', async () => {
  for (let time = 0; time < 5; time++) {
    const gone = new AbortController()
    const ids = Array.from({ length: 500 }, (_, n) => ROWS + time * 500 + n)
    const points = ids.map((id) => ({ id, vector: Array.from({ length: DIMENSION }, () => id) }))
    const sent = send('PUT', '?wait=true', { points }, gone.signal)
    setTimeout(() => gone.abort(), time * 30)
    await sent
    const found = async () => (await cluster.collection.get(ids)).length
    // It may be under way still: what has begun to arrive must become whole.
    expect(
      await until('a whole write', async () => {
        const count = await found()
        return count === 0 || count === ids.length ? `${count}` : undefined
      }),
    ).toMatch(/^(0|500)$/)
  }
})

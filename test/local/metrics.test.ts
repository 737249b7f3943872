/** What processes export of others that can no longer tell, and the labels by which series are found. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { METRICS } from '../../protocol/metrics/metrics.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { metricsOf } from '../support/process-metrics.ts'

let cluster: TestCluster
const NAME = 'vectorcluster="things",collection="things"'

beforeAll(async () => {
  cluster = await TestCluster.start({
    name: 'things',
    spec: { dimension: 2, clusters: 2, replicas: 1, centroids: { source: 'Random' } },
  })
})
afterAll(() => cluster.close())

async function scrape(kind: 'router' | 'shard'): Promise<Map<string, number>> {
  return metricsOf(await cluster.find({ kind }))
}

function routerSays(series: string, value: number | undefined): Promise<unknown> {
  return until(
    `${series} to be ${value}`,
    async () => ((await scrape('router')).get(series) === value ? true : undefined),
    30_000,
  )
}

it('routers tell of cells and of Redis, shards of their volume', async () => {
  for (const cell of [0, 1]) {
    await routerSays(`maksdb_router_cell_leased{${NAME},cell="${cell}"}`, 1)
    await routerSays(`maksdb_router_cell_pods{${NAME},cell="${cell}"}`, 1)
  }
  await routerSays(`maksdb_redis_up{${NAME}}`, 1)
  await routerSays(`maksdb_redis_persistence_ok{${NAME}}`, 1)
  // Redis is asked only every ten seconds, at first perhaps before anything was written to its file.
  const router = await until(
    'the router to have seen a file of Redis',
    async () => {
      const seen = await scrape('router')
      return Number(seen.get(`maksdb_redis_aof_bytes{${NAME}}`)) > 0 ? seen : undefined
    },
    30_000,
  )
  for (const name of [
    'memory_bytes',
    'memory_limit_bytes',
    'clients',
    'commands_total',
    'cpu_seconds_total',
    'aof_bytes',
  ])
    expect(router.get(`maksdb_redis_${name}{${NAME}}`), name).toBeGreaterThan(0)
  const shard = await scrape('shard')
  const [size] = [...shard].filter(([series]) => series.startsWith('maksdb_volume_bytes{')).map(([, value]) => value)
  const [free] = [...shard]
    .filter(([series]) => series.startsWith('maksdb_volume_free_bytes{'))
    .map(([, value]) => value)
  expect(free).toBeGreaterThan(0)
  expect(size).toBeGreaterThan(free as number)
})

it('the topology has the memory of each pod by part, as the pod exports it', async () => {
  const memory = await until('the heap of the index thread to be measured', async () => {
    const of = (await cluster.topology()).cells[0]?.pods[0]?.memory
    return of && of.heap_bytes.index.total > 0 ? of : undefined
  })
  const { main, index } = memory.heap_bytes
  expect(main.used).toBeGreaterThan(0)
  expect(index.used).toBeGreaterThan(0)
  expect(memory.resident_bytes).toBeGreaterThan(main.total + index.total)
  const shard = await metricsOf(await cluster.find({ kind: 'shard', cluster: 0 }))
  const parts = [...shard.keys()].flatMap((series) => /^maksdb_row_bytes\{.*part="(\w+)"/.exec(series)?.[1] ?? [])
  expect(Object.keys(memory.row_bytes).sort()).toEqual(parts.sort())
  expect(parts).toContain('vectors')
})

it('every series of a shard has a name of ours, or the label that ours alone carry', async () => {
  const series = [...(await scrape('shard')).keys()]
  expect(series.some((one) => one.startsWith('process_resident_memory_bytes{maksdb_program="shard"'))).toBe(true)
  for (const one of series) {
    const [name = ''] = one.split('{')
    const own = name.replace(/_(bucket|sum|count)$/, '')
    if (!(name in METRICS) && !(own in METRICS)) expect(one).toContain('maksdb_program="shard"')
    expect(one).toContain('vectorcluster="things"')
  }
})

it('routers say that a cell has lost its lease while its only pod cannot, and counts requests of known collections only', async () => {
  await cluster.fetch('POST', '/collections/things/points/query', { query: [1, 2], limit: 1 })
  await cluster.fetch('POST', '/collections/no-such/points/query', { query: [1, 2], limit: 1 })
  const counted = [...(await scrape('router')).keys()].filter((one) =>
    one.startsWith('maksdb_http_request_seconds_count'),
  )
  expect(counted.some((one) => one.includes('vectorcluster="things",method="POST"'))).toBe(true)
  expect(counted.join('\n')).not.toContain('no-such')
  const { pid } = await cluster.find({ kind: 'shard', cluster: 1 })
  process.kill(pid, 'SIGSTOP')
  await routerSays(`maksdb_router_cell_leased{${NAME},cell="1"}`, 0)
  expect((await scrape('router')).get(`maksdb_router_cell_leased{${NAME},cell="0"}`)).toBe(1)
  process.kill(pid, 'SIGKILL')
  await routerSays(`maksdb_router_cell_leased{${NAME},cell="1"}`, 1)
})

it('series of a collection go with it', async () => {
  await cluster.fetch('PUT', '/collections/other', { vectors: { size: 2, distance: 'Euclid' } })
  const name = 'vectorcluster="other",collection="other"'
  await routerSays(`maksdb_redis_up{${name}}`, 1)
  await cluster.fetch('DELETE', '/collections/other')
  await routerSays(`maksdb_redis_up{${name}}`, undefined)
  await routerSays(`maksdb_router_cell_leased{${name},cell="0"}`, undefined)
})

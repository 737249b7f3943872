/** The directory loses keys, and says what is not so, under a running collection with writers: the primaries make it good. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { keysOf } from '../../protocol/keys.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { metricOf } from '../support/process-metrics.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: {
      dimension: 2,
      clusters: 3,
      replicas: 2,
      centroids: { source: 'Dynamic', sampleSize: 400 },
      redundantStorage: '1.5',
    },
  })
})
afterAll(() => cluster.close())

const POINTS = 600
const point = (id: number, n: unknown = id) => ({ id, vector: [Math.sin(id), Math.cos(id)], payload: { n } })

const ofAll = (metric: string) =>
  Promise.all([0, 1, 2].map(async (cell) => metricOf(await cluster.primary(cell), metric)))

/** The sum over the present primaries. */
async function sumOf(metric: string): Promise<number> {
  return (await ofAll(metric)).reduce((sum, value) => sum + value, 0)
}

/** Every primary has gone over everything that there was when this was called. */
async function audited(): Promise<void> {
  const passes = async () => Math.min(...(await ofAll('maksdb_directory_audited_timestamp_seconds')))
  // A pass that ends now may have begun before: the one after it has not.
  for (let i = 0; i < 2; i++) {
    const since = Date.now() / 1000
    await until('the directory to be audited', async () => (await passes()) > since || undefined, 90_000)
  }
}

it('an audit beside writers, a training and moves finds nothing to correct', { timeout: 240_000 }, async () => {
  const end = new AbortController()
  const writing = (async () => {
    for (let n = 0; !end.signal.aborted; n++)
      await cluster.collection.upsert(Array.from({ length: 20 }, (_, i) => point((n * 20 + i) % POINTS)))
  })()
  await cluster.settled()
  await audited()
  end.abort()
  await writing
  await cluster.collection.upsert(Array.from({ length: POINTS }, (_, id) => point(id)))
  expect(await sumOf('maksdb_directory_checked_total')).toBeGreaterThan(POINTS)
  expect(await sumOf('maksdb_directory_corrected_total')).toBe(0)
})

it('lost and wrong entries are made good from the rows, on line', { timeout: 240_000 }, async () => {
  const redis = await cluster.redis()
  const keys = keysOf('default', 'things')
  const buckets = await redis.keys(`${keys.directory(0).replace(/\d+$/, '')}*`)
  expect(buckets.length).toBeGreaterThan(POINTS / 2)
  const [some, others] = [buckets.slice(0, 200), buckets.slice(200, 230)]
  await redis.del(...some)
  for (const bucket of others)
    for (const [id, value] of Object.entries(await redis.hgetall(bucket)))
      await redis.hset(
        bucket,
        id,
        value.replace(/^(\d)\|[^|]*\|/, (_, owner: string) => `${(Number(owner) + 1) % 3}||`),
      )
  // Some are written meanwhile: what the writer could not find stays behind in another cell.
  const turned = (id: number) => ({ id, vector: [Math.cos(7 * id), Math.sin(7 * id)], payload: { n: `new ${id}` } })
  await cluster.collection.upsert(Array.from({ length: 60 }, (_, id) => turned(id)))
  await audited()
  expect(await sumOf('maksdb_directory_corrected_total')).toBeGreaterThan(200)
  expect(await sumOf('maksdb_directory_missing')).toBe(0)
  const found = await cluster.collection.get(
    Array.from({ length: POINTS }, (_, id) => id),
    { consistency: 'strong' },
  )
  expect(found.map(({ id, payload }) => [id, payload])).toEqual(
    Array.from({ length: POINTS }, (_, id) => [id, { n: id < 60 ? `new ${id}` : id }]),
  )
  expect(await cluster.collection.count({ consistency: 'strong' })).toBe(POINTS)
  // The counters follow at the end of a pass.
  await audited()
  expect((await cluster.topology()).points).toBe(POINTS)
  const corrected = await sumOf('maksdb_directory_corrected_total')
  await audited()
  expect(await sumOf('maksdb_directory_corrected_total')).toBe(corrected)
  expect(cluster.linesWith('did not say what the cells hold, and was corrected')).not.toEqual([])
})

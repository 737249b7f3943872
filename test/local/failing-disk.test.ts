/** Volumes that answer with errors, or slowly: nothing is called durable that is not, nobody is deposed for it, reads go on. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { FailingDisk } from '../support/failing-disk.ts'
import { metricOf } from '../support/process-metrics.ts'

const disk = FailingDisk.make()
let cluster: TestCluster
afterEach(async () => {
  disk?.heal()
  await cluster.close()
})
afterAll(() => disk?.close())

async function started(durability: string): Promise<void> {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 1, replicas: 2, durability, centroids: { source: 'Random', seed: 1 } },
    env: { ...disk?.env, MAKSDB_SNAPSHOT_ENTRIES: '100' },
  })
  await cluster.settled()
}

const put = (from: number, count: number, timeoutS = 3) =>
  cluster.fetch('PUT', `/collections/things/points?timeout=${timeoutS}`, {
    points: Array.from({ length: count }, (_, i) => ({
      id: from + i,
      vector: [Math.sin(from + i), Math.cos(from + i)],
      payload: { n: from + i },
    })),
  })

const volumeOf = (ordinal: number | null) => join(cluster.dataDir, 'clusters', 'things', `shard-0-${ordinal}`)

async function metric(name: string): Promise<number> {
  return metricOf(await cluster.primary(0), name)
}

const count = () => cluster.collection.count({ consistency: 'strong' })
const processes = async () => (await cluster.processes()).map(({ kind, pid }) => `${kind} ${pid}`).sort()

describe.skipIf(!disk)('a volume that answers with EIO', () => {
  it('gets no snapshot: the log is kept, writes and reads go on, and the next snapshot is whole', async () => {
    await started('Fsync')
    expect((await put(0, 250)).status).toBe(200)
    await until('a snapshot', async () => ((await metric('maksdb_snapshot_seconds_count')) > 0 ? true : undefined))
    const before = await processes()
    const { ordinal } = await cluster.primary(0)
    disk?.fail(volumeOf(ordinal))
    await until('a snapshot that fails', async () => {
      expect((await put(1000, 250)).status).toBe(200)
      return (await metric('maksdb_snapshot_failures_total')) > 0 || undefined
    })
    expect([await count(), await processes()]).toEqual([500, before])
    disk?.heal()
    const failures = await metric('maksdb_snapshot_failures_total')
    const taken = await metric('maksdb_snapshot_seconds_count')
    await put(2000, 250)
    await until('a new snapshot', async () =>
      (await metric('maksdb_snapshot_seconds_count')) > taken ? true : undefined,
    )
    expect(await metric('maksdb_snapshot_failures_total')).toBe(failures)
    await cluster.stop()
    await cluster.start()
    expect(await count()).toBe(750)
  })

  it('acknowledges nothing at Journal until it is well, and what was acknowledged then outlives Redis', async () => {
    await started('Journal')
    expect((await put(0, 50)).status).toBe(200)
    const { ordinal } = await cluster.primary(0)
    disk?.fail(volumeOf(ordinal))
    const held = await put(100, 20)
    expect([held.status, held.json.maksdb?.code]).toEqual([504, 'UNKNOWN_OUTCOME'])
    expect(await metric('maksdb_journal_failures_total')).toBeGreaterThan(0)
    const found = await cluster.fetch(
      'POST',
      '/collections/things/points',
      { ids: [1] },
      { 'maksdb-consistency': 'eventual' },
    )
    expect(found.status).toBe(200)
    disk?.heal()
    await until('writes again', async () => ((await put(200, 30)).status === 200 ? true : undefined))
    await cluster.killAll()
    rmSync(join(cluster.redisFiles, 'appendonlydir'), { recursive: true })
    await cluster.start()
    await until('what was acknowledged', async () => ((await count().catch(() => 0)) >= 80 ? true : undefined), 60_000)
    expect((await cluster.collection.get([0, 49, 200, 229], { consistency: 'strong' })).length).toBe(4)
  })
})

describe.skipIf(!disk)('a volume whose syncs take a second and a half', () => {
  it.each(['Fsync', 'Journal'])(
    'deposes nobody at %s: writes are taken, reads answered, copies equal',
    async (level) => {
      await started(level)
      await put(0, 50)
      const leader = await cluster.primary(0)
      disk?.slow(volumeOf(leader.ordinal), 1500)
      const reads: number[] = []
      const end = new AbortController()
      const reading = (async () => {
        while (!end.signal.aborted) {
          const body = { vector: [1, 0], limit: 3 }
          reads.push((await cluster.fetch('POST', '/collections/things/points/search', body)).status)
        }
      })()
      // More than one snapshot's worth of entries.
      for (let batch = 0; batch < 3; batch++) expect((await put(100 + 60 * batch, 60, 20)).status).toBe(200)
      end.abort()
      await reading
      expect(new Set(reads)).toEqual(new Set([200]))
      expect((await cluster.primary(0)).pid).toBe(leader.pid)
      expect(await metric('maksdb_lease_losses_total')).toBe(0)
      disk?.heal()
      expect(await count()).toBe(230)
      await until('copies compared', async () =>
        (await metric('maksdb_divergence_checks_total')) > 0 ? true : undefined,
      )
      expect(await metric('maksdb_replicas_diverged')).toBe(0)
    },
  )
})

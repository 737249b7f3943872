/** Volumes that are full: the older snapshot stays, searches go on, and nothing is called durable that is not. */
import { existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { metricOf } from '../support/process-metrics.ts'
import { type SmallVolume, smallVolume } from '../support/small-volume.ts'

let cluster: TestCluster | undefined
let volume: SmallVolume | undefined
afterEach(async () => {
  await cluster?.close()
  volume?.close()
  cluster = undefined
})
const probe = smallVolume(64)
probe?.close()

/** One cell, one pod, whose files are on a volume of 600 KiB. */
async function onSmallVolume(durability: string): Promise<TestCluster> {
  const started = await TestCluster.start({
    spec: { dimension: 8, clusters: 1, replicas: 1, durability, centroids: { source: 'Random', seed: 1 } },
    env: { MAKSDB_SNAPSHOT_ENTRIES: '200' },
  })
  await started.settled()
  await started.stop()
  volume = smallVolume(600)
  const folder = join(started.dataDir, 'clusters', 'things', 'shard-0-0')
  rmSync(folder, { recursive: true })
  symlinkSync((volume as SmallVolume).path, folder)
  await started.start()
  return started
}

const put = (ids: readonly number[]) =>
  (cluster as TestCluster).fetch('PUT', '/collections/things/points?timeout=3', {
    points: ids.map((id) => ({ id, vector: Array.from({ length: 8 }, (_, i) => Math.sin(id + i)), payload: { id } })),
  })

async function metric(name: string): Promise<number> {
  const [shard] = (await (cluster as TestCluster).processes()).filter(({ kind }) => kind === 'shard')
  if (!shard) throw new Error('no shard runs')
  return metricOf(shard, name)
}

const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

describe.skipIf(!probe)('a volume that is full', () => {
  it('takes no new snapshot: the older one stays, writes and reads go on, and it is told', async () => {
    cluster = await onSmallVolume('Fsync')
    const { path } = volume as SmallVolume
    await put(ids(0, 250))
    await until('a snapshot', async () => existsSync(join(path, 'snapshots')) || undefined)
    fill(path)
    await until(
      'a snapshot that fails',
      async () => {
        expect((await put(ids(1000, 250))).status).toBe(200)
        return (await metric('maksdb_snapshot_failures_total')) > 0 || undefined
      },
      60_000,
    )
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(500)
    // What is there is whole: the pod starts again from it and the log.
    await cluster.stop()
    await cluster.start()
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(500)
    rmSync(join(path, 'ballast'))
    const failures = await metric('maksdb_snapshot_failures_total')
    await put(ids(2000, 250))
    await until('a new snapshot', async () => ((await metric('maksdb_snapshot_age_seconds')) < 20 ? true : undefined))
    expect(await metric('maksdb_snapshot_failures_total')).toBe(failures)
  })

  it('acknowledges nothing at Journal, while reads go on, until there is room again', async () => {
    cluster = await onSmallVolume('Journal')
    const { path } = volume as SmallVolume
    expect((await put(ids(0, 50))).status).toBe(200)
    fill(path)
    const held = await until('a write that is not acknowledged', async () => {
      const answer = await put(ids(100, 20))
      return answer.status === 200 ? undefined : answer
    })
    expect([held.status, held.json.maksdb?.code]).toEqual([504, 'UNKNOWN_OUTCOME'])
    expect(await metric('maksdb_journal_failures_total')).toBeGreaterThan(0)
    expect(
      (await cluster.fetch('POST', '/collections/things/points', { ids: [1] }, { 'maksdb-consistency': 'eventual' }))
        .status,
    ).toBe(200)
    rmSync(join(path, 'ballast'))
    await until('writes again', async () => ((await put(ids(200, 5))).status === 200 ? true : undefined))
    expect(await cluster.collection.count({ consistency: 'strong' })).toBeGreaterThanOrEqual(75)
  })
})

/** Nothing more fits. */
function fill(path: string): void {
  for (let kilobytes = 512; kilobytes >= 1; ) {
    try {
      writeFileSync(join(path, 'ballast'), Buffer.alloc(kilobytes * 1024), { flag: 'a' })
    } catch {
      kilobytes = Math.floor(kilobytes / 2)
    }
  }
}

/** Redis comes back with less than the shards hold; a replica comes back with nothing. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { kill, runCli, TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const points = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: [Math.sin(from + i), Math.cos(from + i), 1],
    payload: { n: from + i },
  }))

const change = (to: (text: string) => string) =>
  writeFileSync(cluster.manifest, to(readFileSync(cluster.manifest, 'utf8')))

/** A collection whose Redis was killed and got an append-only file of 100 points ago back, and its shards with it or not. */
async function restored(which: 'the shards live' | 'the shards died too'): Promise<void> {
  cluster = await TestCluster.start({
    spec: { dimension: 3, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
  await cluster.settled()
  await cluster.collection.upsert(points(0, 100))
  await cluster.stop()
  const appended = join(cluster.redisFiles, 'appendonlydir')
  const saved = join(cluster.folder, 'saved')
  cpSync(appended, saved, { recursive: true })
  await cluster.start()
  await cluster.collection.upsert(points(100, 100))
  // The marks on the volumes are as new as the last heartbeat.
  await sleep(1000)
  await cluster.killAll(({ kind }) => which === 'the shards died too' || kind === 'supervisor' || kind === 'redis')
  rmSync(appended, { recursive: true })
  cpSync(saved, appended, { recursive: true })
}

describe('an old append-only file under a running cluster', () => {
  it('costs nothing where the shards live: they repair the log from what they hold', async () => {
    await restored('the shards live')
    await cluster.start()
    await cluster.repaired()
    await cluster.writable(points(500, 10))
    await cluster.allReady()
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(210)
  })

  it('stops writes where everything died with it: searches go on, "maksdb accept-loss" opens the collection again', async () => {
    await restored('the shards died too')
    const start = runCli(['start', '--data-dir', cluster.dataDir, '--port', String(cluster.port)])
    const refused = await until(
      'writes to be refused',
      async () => {
        const answer = await cluster
          .fetch('PUT', '/collections/things/points?timeout=2', { points: points(500, 1) })
          .catch(() => undefined)
        return answer?.raw.includes('no pod holds') ? answer : undefined
      },
      60_000,
    )
    expect([refused.status, refused.json?.maksdb?.code]).toEqual([503, 'WAL_REGRESSED'])
    expect(refused.raw).toContain('accept-loss')
    expect((await cluster.topology()).gate).toBe('regressed')
    const search = () =>
      cluster.fetch('POST', '/collections/things/points/query', { query: [0, 1, 1], params: { exact: true } })
    await until('searches', async () => ((await search()).status === 200 ? true : undefined))
    const accepted = await runCli(['accept-loss', '--collection', 'things', '--data-dir', cluster.dataDir, '--yes'])
    expect([accepted.code, accepted.stdout]).toEqual([0, expect.stringContaining('open again')])
    await start
    await cluster.allReady()
    await cluster.collection.upsert(points(500, 10))
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(110)
  })
})

describe('a replica that lost its volume', () => {
  it('copies a snapshot from its peer where the log no longer goes back to the start, and follows', async () => {
    cluster = await TestCluster.start({
      spec: { dimension: 3, clusters: 1, replicas: 2, centroids: { source: 'Random', seed: 1 } },
      env: { MAKSDB_SNAPSHOT_ENTRIES: '300' },
    })
    // Two snapshots are kept, so the log is cut as long as writing goes on.
    await until('the log to be cut', async () => {
      await cluster.collection.upsert(points(0, 400))
      return ((await cluster.topology()).cells[0]?.trimmed_below ?? 0) > 500 || undefined
    })
    const replica = await cluster.find({ kind: 'shard', role: 'replica' })
    const folder = join(cluster.dataDir, 'clusters', 'things', `shard-0-${replica.ordinal}`)
    kill(replica)
    rmSync(folder, { recursive: true, force: true })
    const reborn = await until('the replica to be whole again', async () =>
      (await cluster.processes()).find(
        ({ name, pid, ready, points: held }) => name === replica.name && pid !== replica.pid && ready && held === 400,
      ),
    )
    expect(reborn.role).toBe('replica')
    await cluster.collection.upsert(points(400, 5))
    const primary = await cluster.primary(0)
    kill(primary)
    await until('the copy to lead', async () =>
      (await cluster.topology()).cells[0]?.primary === `0/${replica.ordinal}` ? true : undefined,
    )
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(405)
    expect((await cluster.collection.get([7, 404])).map(({ payload }) => payload)).toEqual([{ n: 7 }, { n: 404 }])
  })

  it('a changed recall target holds for the next search and restarts no process', async () => {
    cluster = await TestCluster.start({
      spec: { dimension: 3, clusters: 4, search: { recallTarget: 0.1 }, centroids: { source: 'Random', seed: 1 } },
    })
    await cluster.collection.upsert(points(0, 20))
    await cluster.settled()
    const probed = async () => (await cluster.collection.query([1, 2, 3])).report.probed
    const pids = async () => (await cluster.processes()).map(({ name, pid }) => [name, pid])
    const before = { probed: await probed(), pids: await pids() }
    change((text) => text.replace('recallTarget: 0.1', 'recallTarget: 1'))
    await cluster.start()
    await until('all cells to be asked', async () => ((await probed()) === 4 ? true : undefined))
    expect(before.probed).toBeLessThan(4)
    expect(await pids()).toEqual(before.pids)
  })

  it('replicas are added and taken away by applying the manifest again', async () => {
    cluster = await TestCluster.start({
      spec: { dimension: 3, clusters: 1, replicas: 1, centroids: { source: 'Random', seed: 1 } },
    })
    await cluster.collection.upsert(points(0, 50))
    const apply = async (replicas: number) => {
      change((text) => text.replace(/replicas: \d/, `replicas: ${replicas}`))
      await cluster.start()
    }
    const members = async () => {
      const { json } = await cluster.fetch('GET', `/v1/collections/${cluster.name}/topology`)
      return (json as { result: { cells: { pods: unknown[] }[] } }).result.cells.flatMap(({ pods }) => pods)
    }
    await apply(3)
    await until('three full copies', async () =>
      (await cluster.processes()).filter(({ points: held, ready }) => held === 50 && ready).length === 3
        ? true
        : undefined,
    )
    await apply(2)
    await until('two copies', async () =>
      (await cluster.processes()).filter(({ kind }) => kind === 'shard').length === 2 ? true : undefined,
    )
    await until('two members', async () => ((await members()).length === 2 ? true : undefined))
    // What a supervisor that died has left to do, the next one does: here a member without a process.
    const redis = await cluster.redis()
    const [key = ''] = await redis.keys('*:members')
    const left = { ...(JSON.parse((await redis.hget(key, '0/1')) ?? '') as object), pod: '0/2', ordinal: 2 }
    await redis.hset(key, '0/2', JSON.stringify(left))
    kill(await cluster.find({ kind: 'supervisor' }))
    await cluster.start()
    await until('two members again', async () => ((await members()).length === 2 ? true : undefined))
    redis.disconnect()
    await cluster.collection.upsert(points(50, 5))
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(55)
  })
})

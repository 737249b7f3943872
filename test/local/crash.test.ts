import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { portIsFree } from '../../supervisor/os-process.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { flowing, violations, Writers } from '../support/writers.ts'

let cluster: TestCluster
let writers: Writers
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 8, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
    env: { MAKSDB_SNAPSHOT_ENTRIES: '1000' },
  })
  writers = new Writers(cluster, {
    writers: 4,
    idsPerWriter: 100,
    deletes: 0.1,
    vector: (id, n) => Array.from({ length: 8 }, (_, i) => Math.sin(id + n * (i + 1))),
  })
  await flowing(writers, 100)
})
afterAll(async () => {
  await writers.stop()
  await cluster.close()
})

describe('kill -9 under load', () => {
  it('of redis-server: the pods compare their copies, and writes go on', async () => {
    const before = await cluster.find({ kind: 'redis' })
    kill(before)
    await flowing(writers)
    expect((await cluster.find({ kind: 'redis' })).pid).not.toBe(before.pid)
    expect((await cluster.topology()).gate).toBe('open')
  })

  it('of redis-server: searches go on while it is away', async () => {
    const redis = await cluster.find({ kind: 'redis' })
    kill(await cluster.find({ kind: 'supervisor' }))
    kill(redis)
    for (let i = 0; i < 20; i++) {
      const search = await cluster.fetch('POST', '/collections/things/points/query', {
        query: [1, 0, 0, 0, 0, 0, 0, 0],
        params: { exact: true },
      })
      expect(search.status, search.raw).toBe(200)
    }
    const strong = await cluster.fetch('POST', '/collections/things/points/query?maksdb-consistency=strong', {
      query: [1, 0, 0, 0, 0, 0, 0, 0],
    })
    expect([strong.status, strong.headers.get('retry-after')]).toEqual([503, '1'])
    const write = await cluster.fetch('PUT', '/collections/things/points?timeout=2', {
      points: [{ id: 1, vector: [1, 0, 0, 0, 0, 0, 0, 0] }],
    })
    expect(write.status).toBe(503)
    await cluster.start()
    await flowing(writers)
  })

  it('of the router: the supervisor brings it back on the same port', async () => {
    kill(await cluster.find({ kind: 'router' }))
    await flowing(writers)
  })

  it('of the supervisor: everything goes on, and the next one adopts what runs', async () => {
    const before = await cluster.processes()
    kill(await cluster.find({ kind: 'supervisor' }))
    await flowing(writers)
    await cluster.start()
    const after = await cluster.processes()
    const pids = (list: typeof before) =>
      list
        .filter(({ kind }) => kind !== 'supervisor')
        .map(({ name, pid }) => `${name} ${pid}`)
        .sort()
    expect(pids(after)).toEqual(pids(before))
    // It is in charge: what dies is restarted.
    const victim = await cluster.find({ kind: 'shard', role: 'replica' })
    kill(victim)
    await until('a restart by the new supervisor', async () =>
      (await cluster.processes()).find(({ name, pid, ready }) => name === victim.name && pid !== victim.pid && ready),
    )
  })

  it('of redis-server, whose port another program then takes: it comes back on another one', async () => {
    const redis = await cluster.find({ kind: 'redis' })
    kill(await cluster.find({ kind: 'supervisor' }))
    kill(redis)
    const squatter = createServer((socket) => socket.destroy())
    await until('the port to be free', async () =>
      (await portIsFree(redis.port ?? 0, '127.0.0.1')) ? true : undefined,
    )
    await new Promise<void>((resolve) => squatter.listen(redis.port ?? 0, '127.0.0.1', resolve))
    await cluster.start()
    await flowing(writers, 50, 60_000)
    expect((await cluster.find({ kind: 'redis' })).port).not.toBe(redis.port)
    await new Promise((resolve) => squatter.close(resolve))
  })

  it('of everything at once: after a start all that was acknowledged is there', async () => {
    for (const one of await cluster.processes()) kill(one)
    await cluster.start()
    await flowing(writers)
    const state = await writers.stop()
    expect(await violations(cluster, state)).toEqual([])
    const { points } = await cluster.topology()
    expect(points).toBe(await cluster.collection.count({ consistency: 'strong' }))
    console.log(
      `${state.writes} writes acknowledged over five kinds of crashes; refused or unknown: ${JSON.stringify([...state.failures])}`,
    )
  })
})

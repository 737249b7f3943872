/** Levels of durability on real servers: a Redis with a replica of its own, and a journal on volumes that are full. */
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../runtime/until.ts'
import { checkDurability } from '../../store/connection.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { TestRedis } from '../support/redis.ts'

let cluster: TestCluster | undefined
const servers: TestRedis[] = []
afterEach(async () => {
  await cluster?.close()
  cluster = undefined
  for (const server of servers.splice(0)) await server.close()
})

async function newServer(): Promise<TestRedis> {
  const one = await TestRedis.start()
  servers.push(one)
  return one
}

async function follow(replica: TestRedis, master: TestRedis): Promise<void> {
  await replica.client.replicaof('127.0.0.1', master.port)
  await until(
    'the replica to follow',
    async () => /slave0:.*state=online/.test(await master.client.info('replication')) || undefined,
  )
}

const put = (id: number) =>
  (cluster as TestCluster).fetch('PUT', '/collections/things/points?timeout=6', {
    points: [{ id, vector: [Math.sin(id), Math.cos(id)], payload: { n: id } }],
  })

const SPEC = { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } }

describe('Replicated', () => {
  it('acknowledges what a replica of Redis has, and a failover to it loses nothing', async () => {
    const master = await newServer()
    const replica = await newServer()
    await follow(replica, master)
    await master.client.config('SET', 'min-replicas-to-write', '1')
    cluster = await TestCluster.start({
      spec: {
        ...SPEC,
        durability: 'Replicated',
        redis: { external: { urlSecretRef: { name: 'redis', key: 'url' } } },
      },
      documents: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'redis' }, stringData: { url: master.url } }],
    })
    await cluster.settled()
    for (let id = 0; id < 50; id++) expect((await put(id)).status).toBe(200)

    // A replica that does not answer: the log has the write, and nobody can say how safely.
    process.kill(replica.pid, 'SIGSTOP')
    const unsafe = await put(100)
    expect([unsafe.status, unsafe.json.maksdb?.code]).toEqual([504, 'UNKNOWN_OUTCOME'])
    process.kill(replica.pid, 'SIGCONT')
    await until('writes with the replica back', async () => ((await put(101)).status === 200 ? true : undefined))

    // Without a replica Redis refuses, before anything is done.
    await replica.client.replicaof('NO', 'ONE')
    const refused = await until('Redis to refuse', async () => {
      const answer = await put(102)
      return answer.status === 503 ? answer : undefined
    })
    expect(refused.raw).toContain('NOREPLICAS')

    // The master dies with its disk; what was the replica takes its place.
    await master.client.config('SET', 'min-replicas-to-write', '0')
    await master.become(replica)
    await follow(await newServer(), master)
    await until('writes after the failover', async () => ((await put(103)).status === 200 ? true : undefined))
    const ids = [...Array.from({ length: 50 }, (_, id) => id), 101, 103]
    const found = await cluster.collection.get(ids, { consistency: 'strong' })
    expect(found.map(({ id }) => id)).toEqual(ids)
    expect((await cluster.topology()).last_repair?.lost ?? '').toBe('')
  })

  it('says of a Redis without replicas, or one that writes without them, that it does not carry the level', async () => {
    const master = await newServer()
    const { client } = master
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    expect(await checkDurability(client, 'Fsync')).toBe('yes')
    expect(await checkDurability(client, 'Replicated')).toBe('no')
    await follow(await newServer(), master)
    expect(await checkDurability(client, 'Replicated')).toBe('no')
    await client.config('SET', 'min-replicas-to-write', '1')
    expect(await checkDurability(client, 'Replicated')).toBe('yes')
    await client.config('SET', 'appendfsync', 'everysec')
    expect(await checkDurability(client, 'Replicated')).toBe('no')
  })
})

describe('Journal', () => {
  it('keeps every acknowledged write where all of Redis is lost and every process was killed', async () => {
    cluster = await TestCluster.start({
      spec: { ...SPEC, durability: 'Journal' },
      env: { MAKSDB_SNAPSHOT_ENTRIES: '40' },
    })
    await cluster.settled()
    for (let id = 0; id < 150; id++) expect((await put(id)).status).toBe(200)
    // What does not wait is not acknowledged before the journal has it either.
    const answer = await cluster.fetch('PUT', '/collections/things/points?wait=false', {
      points: [{ id: 150, vector: [0, 1], payload: { n: 150 } }],
    })
    expect(answer.json.result).toMatchObject({ status: 'completed' })
    const redis = await cluster.redis()
    for (const one of await cluster.processes()) if (one.kind !== 'redis') kill(one)
    await redis.flushall()
    await cluster.start()
    await until('writes', async () => ((await put(151)).status === 200 ? true : undefined), 60_000)
    expect((await cluster.topology()).last_repair).toMatchObject({ lost: '', points: 151 })
    const found = await cluster.collection.get(
      Array.from({ length: 152 }, (_, id) => id),
      { consistency: 'strong' },
    )
    expect(found).toHaveLength(152)
  })
})

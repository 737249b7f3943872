/** Redis loses something under a running collection: the pods notice, and repair the log from what they hold. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Keys, keysOf } from '../../protocol/keys.ts'
import { until } from '../../runtime/until.ts'
import { HighWaterMark } from '../../shard-server/recovery/high-water-mark.ts'
import type { Redis } from '../../store/connection.ts'
import type { LogTip } from '../../store/log-entry.ts'
import { runCli, TestCluster } from '../support/cluster.ts'
import { TestRedis } from '../support/redis.ts'

let cluster: TestCluster
afterEach(() => cluster?.close())

const CELLS = 2
const points = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: [Math.sin(from + i), Math.cos(from + i), 1],
    payload: { n: from + i },
  }))

const SPEC = {
  dimension: 3,
  clusters: CELLS,
  replicas: 2,
  centroids: { source: 'Random', seed: 1 },
  redundantStorage: '1.5',
}

/** 300 points, of which 50 were written twice; 50 more were deleted again. */
async function fill(): Promise<void> {
  await cluster.collection.upsert(points(0, 350))
  await cluster.collection.upsert(points(0, 50).map((point) => ({ ...point, payload: { n: `again ${point.id}` } })))
  await cluster.collection.delete(Array.from({ length: 50 }, (_, i) => 300 + i))
}

async function filled(): Promise<{ redis: Redis; keys: Keys }> {
  cluster = await TestCluster.start({ spec: SPEC })
  await cluster.settled()
  await fill()
  return { redis: await cluster.redis(), keys: keysOf('default', 'things') }
}

/** All of one Redis into another, as a replica has it that does not follow any more. */
async function copyInto(from: Redis, into: TestRedis): Promise<void> {
  for (const key of await from.keys('*')) {
    const dump = await from.dumpBuffer(key)
    if (dump) await into.client.restore(key, Math.max(0, await from.pttl(key)), dump)
  }
}

const writable = () => cluster.writable(points(1000, 20))

async function expectEverything(): Promise<void> {
  expect(await cluster.collection.count({ consistency: 'strong' })).toBe(320)
  const found = await cluster.collection.get(Array.from({ length: 400 }, (_, i) => i))
  expect(found.map(({ id, payload }) => [id, payload])).toEqual(
    Array.from({ length: 300 }, (_, i) => [i, { n: i < 50 ? `again ${i}` : i }]),
  )
  const near = await cluster.collection.query([Math.sin(77), Math.cos(77), 1], { limit: 1, consistency: 'strong' })
  expect(near.points[0]?.id).toBe(77)
  await cluster.allFollow()
}

type Loss = [what: string, lose: (redis: Redis, keys: Keys) => Promise<unknown>]
const LOSSES: Loss[] = [
  ['FLUSHALL', (redis) => redis.flushall()],
  ['a deleted log', (redis, keys) => redis.del(keys.log(1))],
  ['a deleted meta of a cell', (redis, keys) => redis.del(keys.cell(0))],
  ['a deleted meta of the collection', (redis, keys) => redis.del(keys.meta)],
  ['a log that somebody else cut', (redis, keys) => redis.xtrim(keys.log(0), 'MAXLEN', 10)],
  [
    'an entry that somebody took out of the middle',
    async (redis, keys) => {
      const entries = await redis.xrange(keys.log(0), '-', '+')
      await redis.xdel(keys.log(0), entries[Math.floor(entries.length / 2)]?.[0] as string)
    },
  ],
]

describe('after a loss in Redis that the shards can make good', () => {
  it.each(LOSSES)(
    '%s: nothing that was acknowledged is missing, and writes go on by themselves',
    async (_what, lose) => {
      const { redis, keys } = await filled()
      await lose(redis, keys)
      const repair = await cluster.repaired()
      expect(repair).toMatchObject({ lost: '', lostIds: [], points: 300 })
      await writable()
      await expectEverything()
    },
  )

  it('older data put in its place and led on from: a failover that lost its tail', async () => {
    cluster = await TestCluster.start({ spec: SPEC })
    await cluster.settled()
    await cluster.collection.upsert(points(0, 200))
    const redis = await cluster.redis()
    const older = await TestRedis.start()
    try {
      await copyInto(redis, older)
      await fill()
      await redis.replicaof('127.0.0.1', older.port)
      await until(
        'the old data',
        async () => /master_link_status:up/.test(await redis.info('replication')) || undefined,
      )
      await redis.replicaof('NO', 'ONE')
      expect(await cluster.repaired()).toMatchObject({ lost: '', lostIds: [], points: 300 })
      await writable()
      await expectEverything()
    } finally {
      await older.close()
    }
  })

  it.each<Loss>([
    ['FLUSHALL', (redis) => redis.flushall()],
    ['a deleted log', (redis, keys) => redis.del(keys.log(2))],
  ])('%s in the middle of training: every point is there, once, and comes to its cell', async (_what, lose) => {
    cluster = await TestCluster.start({
      spec: { dimension: 3, clusters: 4, replicas: 2, centroids: { source: 'Dynamic', sampleSize: 3000, seed: 1 } },
    })
    await cluster.collection.upsert(points(0, 6000))
    await until(
      'the points to move',
      async () => ((await cluster.topology()).centroids.cells_still_moving > 0 ? true : undefined),
      30_000,
    )
    const redis = await cluster.redis()
    await lose(redis, keysOf('default', 'things'))
    expect(await cluster.repaired()).toMatchObject({ lost: '', lostIds: [], points: 6000 })
    await writable()
    expect((await cluster.settled()).centroids.version).toBe(1)
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(6000)
    const seen = new Set<unknown>()
    for await (const { id } of cluster.collection.scroll()) seen.add(id)
    expect(seen.size).toBe(6000)
  })
})

describe('a loss that no shard can make good', () => {
  it('is told with the range of the entries; writes wait until a person accepts it, then the rest goes on', async () => {
    const { redis } = await filled()
    // The volumes say that more had been applied than any copy holds: they came back from an older backup together.
    await cluster.stop()
    const folder = join(cluster.dataDir, 'clusters', 'things')
    const shards = readdirSync(folder).filter((name) => name.startsWith('shard-0-'))
    for (const shard of shards) {
      const mark = new HighWaterMark(join(folder, shard))
      const { position } = mark.read() as LogTip
      mark.write({ position: { ...position, seq: position.seq + 7 }, hash: 'of entries that are gone' })
    }
    redis.disconnect()
    const started = runCli(['start', '--data-dir', cluster.dataDir, '--port', String(cluster.port)])
    const why = await until('the loss to be told', async () => {
      const { regressed } = await cluster.topology().catch(() => ({ regressed: null }))
      return regressed?.includes('no pod holds') ? regressed : undefined
    })
    expect(why).toMatch(/cell 0: no pod holds the entries after \d+-\d+ up to \d+-\d+/)
    const refused = await cluster.fetch('PUT', '/collections/things/points?timeout=2', { points: points(1000, 1) })
    expect([refused.status, refused.json?.maksdb?.code]).toEqual([503, 'WAL_REGRESSED'])
    expect((await cluster.fetch('POST', '/collections/things/points/query', { query: [0, 1, 1] })).status).toBe(200)
    const accepted = await runCli(['accept-loss', '--collection', 'things', '--data-dir', cluster.dataDir, '--yes'])
    expect([accepted.code, accepted.stdout]).toEqual([
      0,
      expect.stringMatching(/is open again; lost entries: .*no pod holds/),
    ])
    await started
    expect((await cluster.repaired()).lost).toContain('cell 0: no pod holds')
    await writable()
    await expectEverything()
  })
})

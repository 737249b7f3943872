/** The reads of a router, before pods that are played: what each pod is asked, and what the report says of the answers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import { idKey } from '../../core/ids.ts'
import { type ReadScope, RPC, type SearchResponse } from '../../protocol/shard-rpc.ts'
import { CutSource } from '../../router/cluster/cut-source.ts'
import { ShardClient } from '../../router/cluster/shard-client.ts'
import type { ReadRequest } from '../../router/query/consistency.ts'
import { Reads } from '../../router/query/reads.ts'
import type { Query } from '../../router/query/search.ts'
import { OpenCall } from '../../runtime/call.ts'
import { until } from '../../runtime/until.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { upsert } from '../support/log-harness.ts'
import { type Answering, PlayedCollection, type PlayedShard } from '../support/played-shards.ts'
import { TestRedis } from '../support/redis.ts'

const TIMEOUT_MS = 5000
let redis: TestRedis
let played: PlayedCollection
const shards = new ShardClient('token', () => undefined)
const reads = new Reads(shards)
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(async () => {
  await shards.close()
  await redis.close()
})
afterEach(() => played.close())

const answers: Answering = ({ path }) =>
  path === RPC.search
    ? { header: { hits: [[]], scanned: 1 } satisfies SearchResponse }
    : { header: { count: 1, redundantRows: 0 } }
const refuses: Answering = () => {
  throw new MaksError('NOT_PRIMARY', 'refused by the test', { details: { notExecuted: true } })
}

const reading = (part: Partial<ReadRequest> = {}): ReadRequest => ({
  consistency: 'default',
  token: undefined,
  maxStalenessMs: 5000,
  ...part,
})
const call = () => new OpenCall(TIMEOUT_MS)

async function search(part: Partial<ReadRequest> = {}, spec: Partial<Query['spec']> = {}) {
  const query: Query = {
    vector: Float32Array.of(1, 1),
    spec: { limit: 1, offset: 0, withPayload: false, withVector: false, exact: true, partial: false, ...spec },
  }
  return (await reads.search(played.collection, [query], reading(part), call())).report
}
const count = (part: Partial<ReadRequest> = {}) => reads.count(played.collection, reading(part), call())

const lastScope = (shard: PlayedShard) => shard.asked.at(-1)?.header.scope as ReadScope
const lastCuts = () => played.shards.map((shard) => lastScope(shard).cut)
const commit = async (id: number, cell = 0) =>
  expect((await played.log.commit(played.primaries[cell] as never, [upsert(id, cell)])).code).toBe('OK')
const version = async () => Number(await redis.client.hget(played.log.cell(0).keys.meta, 'ver'))

/** The centroids of all cells are published, and each cell has found every row in its place. */
async function settle(): Promise<void> {
  const { log, primaries, collection } = played
  const [first] = primaries
  const centroids = Float32Array.from({ length: 2 * log.cells.length }, (_, i) => i)
  expect((await log.cell(0).publish(redis.client, first?.lead as never, 0, Buffer.from(centroids.buffer)))[0]).toBe(
    'OK',
  )
  for (const [cell, { lead }] of primaries.entries()) await log.cell(cell).finishMigrationScan(redis.client, lead, 1)
  await until('a settled partition', async () => {
    await collection.refresh()
    return !collection.unsettled
  })
}

describe('a default read', () => {
  it('is answered by the primary, and its report says so; if a replica has to answer, it says eventual (R5)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': answers, '0/1': answers })
    expect((await search()).consistency).toBe('primary')
    expect(played.shards.map(({ asked }) => asked.length)).toEqual([1, 0])
    expect(lastScope(played.shard('0/0'))).toEqual({ primary: true })
    played.shard('0/0').answer = refuses
    expect((await search()).consistency).toBe('eventual')
    expect(lastScope(played.shard('0/1'))).toEqual({ primary: false })
    await played.shard('0/0').close()
    expect((await search()).consistency).toBe('eventual')
  })

  it('goes on from the cached topology while Redis is away, and a strong one does not (R9)', async () => {
    played = await PlayedCollection.start(redis, 2, { '0/0': answers, '1/0': answers })
    await redis.kill()
    try {
      expect(await search()).toMatchObject({ consistency: 'primary', exact: true })
      expect(played.shards.map((shard) => shard.of(RPC.search).length)).toEqual([1, 1])
      await expect(search({ consistency: 'strong' })).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' })
    } finally {
      await redis.launch()
    }
  })
})

describe('a limit far above the number of points', () => {
  const ALL = 999_999_999
  const scroll = () =>
    reads.scroll(
      played.collection,
      { from: null, limit: ALL },
      { withPayload: false, withVector: false },
      reading(),
      call(),
    )

  it('is what the cells are asked for, and is refused only if so many rows exist', async () => {
    const page: Answering = (asked) => (asked.path === RPC.scroll ? { header: { rows: [] } } : answers(asked))
    played = await PlayedCollection.start(redis, 2, { '0/0': page, '1/0': page })
    await search({}, { limit: ALL, offset: ALL })
    expect(played.shard('1/0').asked.at(-1)?.header.queries).toMatchObject([{ limit: ALL, offset: ALL }])
    expect((await scroll()).points).toEqual([])
    await redis.client.hset(played.log.cell(0).keys.meta, 'rows', 1_000_000)
    await until('the number of rows', async () => {
      await played.collection.refresh()
      return played.collection.topology?.rows === 1_000_000
    })
    const refusal = { code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining('(CANDIDATES_MAX)') as unknown }
    await expect(search({}, { limit: ALL })).rejects.toMatchObject(refusal)
    await expect(scroll()).rejects.toMatchObject(refusal)
    await search({}, { limit: 1000 })
  })
})

describe('a read of one state', () => {
  it('has one cut for all cells while writers are at work: strong, and default while rows move (R6)', async () => {
    played = await PlayedCollection.start(redis, 3, { '0/0': answers, '1/0': answers, '2/0': answers })
    const life = { writing: true }
    const writers = [0, 1, 2].map(async (cell) => {
      for (let id = 0; life.writing; id++) await commit(3 * id + cell, cell)
    })
    const seen = new Set<number>()
    try {
      for (let i = 0; i < 30; i++) {
        const before = await version()
        const report = await (i % 2 ? search() : search({ consistency: 'strong' }))
        expect(report.consistency).toBe('strong')
        const cuts = lastCuts()
        expect(new Set(cuts.map((cut) => `${cut?.version} ${cut?.timeline}`)).size).toBe(1)
        expect(cuts[0]?.version).toBeGreaterThanOrEqual(before)
        seen.add(cuts[0]?.version ?? 0)
      }
    } finally {
      life.writing = false
      await Promise.all(writers)
    }
    expect(seen.size).toBeGreaterThan(10)
    expect(lastCuts().map((cut) => cut?.seq)).not.toContain(0)
  })

  it('shares a cut with reads that arrive together, and none with one that was sent before it arrived (R6)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': answers })
    const link = new RedisLink(redis.url)
    const [answered, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let sent = 0
    // A slow way back: Redis has answered, and the router does not have the answer yet.
    const slow = {
      use: async (work: Parameters<typeof link.use>[0]) => {
        sent++
        const answer = await link.use(work)
        answered.resolve()
        await released.promise
        return answer
      },
    } as RedisLink
    const source = new CutSource(slow, played.collection.scope)
    const early = source.take()
    await answered.promise
    await commit(1)
    const committed = await version()
    const late = [source.take(), source.take(), source.take()]
    released.resolve()
    expect((await early).version).toBeLessThan(committed)
    expect((await Promise.all(late)).map((cut) => cut.version)).toEqual([committed, committed, committed])
    expect(sent).toBe(2)
    link.drop()
  })
})

describe('a read of a session, and a bounded one', () => {
  it('is at a cut that holds all that its token names, a new one if the known one does not (R10)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': answers })
    const known = played.collection.seen?.cut.version ?? 0
    const session = { consistency: 'session', token: { generation: 0, version: known } } as const
    await commit(1)
    const newest = await version()
    await count({ ...session, token: { generation: 0, version: newest } })
    expect(lastCuts()[0]?.version).toBe(newest)
    await expect(count({ ...session, token: { generation: 0, version: newest + 1 } })).rejects.toMatchObject({
      code: 'SESSION_RESET',
    })
    await expect(count({ ...session, token: { generation: 1, version: 0 } })).rejects.toMatchObject({
      code: 'SESSION_RESET',
    })
  })

  it('is at the known cut if that suffices, also while Redis is away, and at a new one if it is too old (R10)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': answers })
    await redis.kill()
    try {
      const known = played.collection.seen?.cut.version ?? -1
      await count({ consistency: 'session', token: { generation: 0, version: known } })
      expect(lastCuts()[0]?.version).toBe(known)
      expect((await count({ consistency: 'bounded', maxStalenessMs: 60_000 })).report.consistency).toBe('bounded')
      await expect(count({ consistency: 'bounded', maxStalenessMs: 0 })).rejects.toMatchObject({
        code: 'REDIS_UNAVAILABLE',
      })
    } finally {
      await redis.launch()
    }
  })
})

describe('the report of a search', () => {
  it('has exact true only if every cell answered (R8)', async () => {
    played = await PlayedCollection.start(redis, 2, { '0/0': answers, '1/0': answers })
    await settle()
    expect(await search()).toMatchObject({ exact: true, probed: 2, cells: 2 })
    expect(await search({}, { exact: false, probes: 1 })).toMatchObject({ exact: false, probed: 1, cells: 2 })
    expect(await search({}, { exact: false, probes: 2 })).toMatchObject({ exact: true, probed: 2 })
    await played.shard('1/0').close()
    expect(await search({}, { partial: true })).toMatchObject({ exact: false, missing: [1] })
    await expect(search()).rejects.toMatchObject({ code: 'CELL_UNAVAILABLE' })
  })
})

describe('a query with a filter', () => {
  const filter = '{}' as FilterText
  /** A cell in which these points match. */
  const holding =
    (...ids: number[]): Answering =>
    () => {
      const hits = ids.map((id) => ({ key: idKey(id), version: 1, userVersion: 1, distance: id }))
      return { header: { hits: [hits], scanned: 1 } satisfies SearchResponse }
    }
  const askedCells = () => played.shards.map((shard) => shard.of(RPC.search).length)

  it('asks the cells that its probes left out if it has found fewer points than it wants (R22)', async () => {
    played = await PlayedCollection.start(redis, 3, { '0/0': holding(1, 2), '1/0': holding(2), '2/0': holding() })
    await settle()
    const narrow = { exact: false, probes: 1 }
    expect(await search({}, { ...narrow, filter, limit: 2 })).toMatchObject({ probed: 1, exact: false })
    expect(await search({}, { ...narrow, filter, limit: 3 })).toMatchObject({ probed: 3, exact: true })
    expect(await search({}, { ...narrow, filter, limit: 1, offset: 2 })).toMatchObject({ probed: 3, exact: true })
    expect(await search({}, { ...narrow, filter, limit: 2, exclude: [idKey(1)] })).toMatchObject({ probed: 3 })
    expect(await search({}, { ...narrow, limit: 3 })).toMatchObject({ probed: 1, exact: false })
    expect(askedCells()).toEqual([5, 3, 3])
  })

  it('is sent whole to every cell, as are the filters of scrolls and counts', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': answers })
    await search({}, { filter })
    await reads.count(played.collection, reading(), call(), filter)
    const { asked } = played.shard('0/0')
    expect(asked.map(({ header }) => header)).toMatchObject([{ queries: [{ filter }] }, { filter }])
  })
})

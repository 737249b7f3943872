/** The parts of one pod on a real Redis: what its replay takes, when it answers as the primary, and what it sends again. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { QUEUES } from '../../core/limits.ts'
import { formatPosition } from '../../core/log/position.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import type { Operation } from '../../store/cell-log.ts'
import { type Disturbance, FaultProxy } from '../support/fault-proxy.ts'
import { LogHarness, upsert } from '../support/log-harness.ts'
import { PodInProcess } from '../support/pod-in-process.ts'
import { TestRedis } from '../support/redis.ts'

const LEASE_TTL_MS = 2000
/** Rows of a snapshot that takes a while to load. */
const ROWS = 30_000
/** Entries, of several blocks that the replay reads. */
const LONG_LOG = 4000
const QUEUED_MAX = QUEUES.QUEUE_OPERATIONS_MAX.value
let redis: TestRedis
let proxy: FaultProxy
let h: LogHarness
let pod: PodInProcess
beforeAll(async () => {
  redis = await TestRedis.start()
  proxy = await FaultProxy.start(redis.port)
})
afterAll(async () => {
  proxy.close()
  await redis.close()
})
beforeEach(async () => {
  h = new LogHarness(redis.client, 1)
  await h.create()
  pod = new PodInProcess({
    collection: h.name,
    cells: 1,
    redisUrl: `redis://127.0.0.1:${proxy.port}`,
    leaseTtlMs: LEASE_TTL_MS,
  })
})
afterEach(async () => {
  heal()
  await pod.close()
})

let heal: () => void = () => undefined
/** Until the end of the test, or until `heal` is called. */
function disturb(disturbance: Disturbance): void {
  heal = proxy.disturb(disturbance)
}

const owned = async () => (await pod.pod.index.call('count', { at: undefined })).count
const rowsOfLog = async () => (await h.entries(0)).filter(({ type }) => type === 'U').length
const hasApplied = (position: { seq: number }) =>
  until('the replay', async () => pod.replica.tip.position.seq >= position.seq)

describe('the replay of a pod', () => {
  it('takes what is in the log, entry by entry, and nothing else (S1, S2)', async () => {
    const primary = await h.lead(0, '0/1')
    await pod.follow()
    for (let id = 0; id < 5; id++) {
      await h.commit(primary, [upsert(id, 0)])
      await hasApplied(await h.head(0))
      expect(await owned()).toBe(id + 1)
    }
    expect(pod.replica.tip).toEqual(await h.end(0))
  })

  it('reads a long log in full blocks, each while the one before is applied, and misses no entry (S2, S3)', async () => {
    const primary = await h.lead(0, '0/1')
    const perBatch = 500
    for (let at = 0; at < LONG_LOG; at += perBatch)
      await h.commit(
        primary,
        Array.from({ length: perBatch }, (_, i) => upsert(at + i, 0)),
      )
    await pod.follow()
    await hasApplied(await h.head(0))
    expect(await owned()).toBe(LONG_LOG)
    expect(pod.replica.tip).toEqual(await h.end(0))
  })

  it('applies an operation of its own only after the log has given it back (S2)', async () => {
    await pod.lead()
    await pod.committer.commit([upsert(1, 0)])
    await hasApplied(await h.head(0))
    disturb({ hold: 'replies' })
    const answer = pod.committer.commit([upsert(2, 0)])
    await until('the operation to be in the log', async () => (await rowsOfLog()) === 2)
    expect(await owned()).toBe(1)
    heal()
    await answer
    await hasApplied(await h.head(0))
    expect(await owned()).toBe(2)
  })

  it('applies no entry that does not continue the one before it (S3)', async () => {
    const primary = await h.lead(0, '0/1')
    await h.commit(primary, [upsert(1, 0)])
    await pod.follow()
    await hasApplied(await h.head(0))
    const { position } = await h.end(0)
    // An entry as another timeline would have it: complete, at the next position, and of another past.
    const log = h.cell(0).keys.log(0)
    const [last] = (await redis.client.xrevrangeBuffer(log, '+', '-', 'COUNT', 1)) as [Buffer, Buffer[]][]
    const fields = last?.[1] ?? []
    const head = fields.findIndex((field) => field.toString() === 'e') + 1
    const other = fields[head]?.toString().replace(`|${idKey(1)}|`, `|${idKey(2)}|`) ?? ''
    expect(other).toContain(idKey(2))
    const foreign = formatPosition({ ...position, seq: position.seq + 1 })
    await redis.client.xadd(log, foreign, ...fields.with(head, Buffer.from(other)))
    await sleep(1500)
    const wanted = { keys: [idKey(2)], at: undefined, withPayload: false, withVector: false }
    expect(Buffer.from((await pod.pod.index.call('rows', wanted)).headers).toString()).toBe('[]')
    expect(pod.replica.tip.position.seq).toBeLessThanOrEqual(position.seq)
  })
})

describe('a pod that starts', () => {
  it('leaves its main thread free while the index thread loads a snapshot (S17)', async () => {
    const primary = await h.lead(0, '0/1')
    for (let from = 0; from < ROWS; from += 1000)
      await h.commit(
        primary,
        Array.from({ length: 1000 }, (_, i) => upsert(from + i, 0)),
      )
    await pod.follow()
    await hasApplied(await h.head(0))
    await pod.pod.index.call('snapshot', { dir: pod.pod.snapshotDir })
    await pod.stop()
    const { folder } = pod
    pod = new PodInProcess({ collection: h.name, cells: 1, redisUrl: redis.url, folder })
    // Once its thread has answered, though it has nothing to answer with yet.
    await expect(pod.pod.index.call('centroids', null)).rejects.toThrow()
    const before = performance.eventLoopUtilization()
    await pod.replica.load()
    const { utilization } = performance.eventLoopUtilization(before)
    expect(pod.replica.stats?.points).toBe(ROWS)
    expect(utilization).toBeLessThan(0.3)
  })
})

describe('a pod that has acquired the lease', () => {
  it('leads after it has applied the entry of its epoch, and not before (S4)', async () => {
    await pod.follow()
    const release = pod.holdApply()
    void pod.election.run()
    await until('the lease', async () => pod.election.lead !== undefined)
    await sleep(LEASE_TTL_MS / 4)
    expect([pod.election.role, pod.election.leads()]).toEqual(['candidate', false])
    release()
    await until('the lead', async () => pod.election.leads())
    expect(pod.replica.tip.position.epoch).toBe(Number(pod.election.lead?.epoch))
  })

  it('ends its answers as the primary before the lease ends in Redis, which it cannot reach (S4)', async () => {
    await pod.lead()
    const lease = h.cell(0).keys.lease(0)
    disturb({ hold: 'both' })
    const since = performance.now()
    await until('the end of the lead', async () => !pod.election.leads())
    expect(await redis.client.pttl(lease)).toBeGreaterThan(0)
    expect(performance.now() - since).toBeLessThan(LEASE_TTL_MS)
  })
})

describe('a batch of a primary', () => {
  const commit = (operations: Operation[]) => pod.committer.commit(operations)

  it('whose reply is lost is looked up and not sent again (S9)', async () => {
    await pod.lead()
    await commit([upsert(1, 0)])
    disturb({ hold: 'replies' })
    const answer = commit([upsert(2, 0)])
    await until('the batch to be in the log', async () => (await rowsOfLog()) === 2)
    proxy.cut()
    heal()
    expect((await answer).results).toMatchObject([{ outcome: 'applied', version: 2 }])
    expect(await rowsOfLog()).toBe(2)
  })

  it('that did not reach Redis is sent again, once (S9)', async () => {
    await pod.lead()
    await commit([upsert(1, 0)])
    disturb({ hold: 'requests' })
    const answer = commit([upsert(2, 0)])
    await sleep(300)
    proxy.cut()
    heal()
    expect((await answer).results).toMatchObject([{ outcome: 'applied', version: 2 }])
    expect(await rowsOfLog()).toBe(2)
  })

  it('waits in a queue with a limit; if nothing waits, a request beyond the limit is taken (S10)', async () => {
    await pod.lead()
    await commit([upsert(1, 0)])
    const many = (count: number) => Array.from({ length: count }, (_, id) => upsert(id % 100, 0))
    disturb({ hold: 'replies' })
    const taken = commit(many(QUEUED_MAX + 1)).catch((error: unknown) => error)
    const full = commit(many(QUEUED_MAX))
    await expect(full).rejects.toMatchObject({ code: 'OVERLOADED', details: { notExecuted: true } })
    proxy.cut()
    heal()
    await pod.election.close()
    expect(await taken).not.toMatchObject({ code: 'OVERLOADED' })
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ORIGIN } from '../../core/position.ts'
import type { LogPoint } from '../../store/log-entry.ts'
import { acceptLoss, readTopology } from '../../store/topology.ts'
import { LogHarness, START, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
beforeEach(async () => {
  redis = await TestRedis.start()
  h = new LogHarness(redis.client, 2)
})
afterEach(() => redis.close())

const scope = () => ({ namespace: 'test', name: h.name, clusters: 2 })
const KNOWN = 4
const LONG_WINDOW_MS = 60_000

const claim = (pod: string, point: LogPoint, windowMs = LONG_WINDOW_MS) =>
  h.cell(Number(pod.split('/')[0])).claim(redis.client, pod, point, KNOWN, windowMs)

/** Four pods claim nothing, each cell gets a primary and a row. */
async function running() {
  for (const pod of ['0/0', '0/1', '1/0', '1/1']) await claim(pod, START)
  const pods = [await h.lead(0), await h.lead(1)] as const
  await h.commit(pods[0], [upsert(1, 0, '"a"')])
  await h.commit(pods[1], [upsert(2, 1, '"b"')])
  const end = async (cell: number): Promise<LogPoint> => {
    const last = (await h.entries(cell)).at(-1)
    return { position: last?.position ?? ORIGIN, hash: last?.hash ?? '' }
  }
  return { pods, ends: [await end(0), await end(1)] as const }
}

async function reconnect(): Promise<void> {
  await redis.restart()
  Object.assign(h, { redis: redis.client })
}

describe('a new collection', () => {
  it('is created only when every known pod has said that it holds nothing', async () => {
    expect(await claim('0/0', START, 0)).toEqual(['WAIT', '1'])
    expect(await claim('0/1', START, 0)).toEqual(['WAIT', '2'])
    expect(await claim('1/0', START, 0)).toEqual(['WAIT', '3'])
    expect(await claim('1/1', START, 0)).toEqual(['OPEN'])
    expect((await readTopology(redis.client, scope())).gateOpen).toBe(true)
  })

  it('is not created where a pod holds data that Redis does not know', async () => {
    const reply = await claim('0/0', { position: { epoch: 5, seq: 9 }, hash: 'abc' })
    expect(reply[0]).toBe('REGRESSED')
    expect((await claim('0/1', START))[0]).toBe('REGRESSED')
  })
})

describe('after a restart of Redis', () => {
  it('nothing is written before the gate is open', async () => {
    const { pods } = await running()
    await reconnect()
    expect((await h.commit(pods[0], [upsert(3, 0)])).code).toBe('GATE')
    expect((await pods[0].log.renew(redis.client, pods[0].lead, 3000))[0]).toBe('GATE')
    expect((await h.cell(0).acquire(redis.client, '0/1', '0/1#1#x', 3000, ORIGIN))[0]).toBe('GATE')
  })

  it('the gate opens at once when all pods hold what the log has', async () => {
    const { ends } = await running()
    await reconnect()
    for (const pod of ['0/0', '0/1', '1/0']) expect((await claim(pod, ends[Number(pod[0]) as 0 | 1]))[0]).toBe('WAIT')
    expect(await claim('1/1', ends[1])).toEqual(['OPEN'])
  })

  it('the gate opens after the window when the leader of each cell has claimed, and not before', async () => {
    const { ends, pods } = await running()
    await reconnect()
    expect((await claim('0/0', ends[0], 0))[0]).toBe('WAIT')
    expect((await claim('1/1', ends[1], 0))[0]).toBe('WAIT')
    expect(await claim('1/0', ends[1], 0)).toEqual(['OPEN'])
    // A lead that nobody has taken goes on under its epoch.
    expect((await h.commit(pods[0], [upsert(3, 0)])).code).toBe('OK')
  })
})

describe('a log that lost its tail', () => {
  /** What a restored old backup looks like: the state of an earlier moment under a new incarnation. */
  async function regress() {
    for (const pod of ['0/0', '0/1', '1/0', '1/1']) await claim(pod, START)
    const pod = await h.lead(0)
    const keys = await redis.client.keys('*')
    const saved = await Promise.all(keys.map((key) => redis.client.dumpBuffer(key)))
    await h.commit(pod, [upsert(1, 0, '"lost"')])
    const last = (await h.entries(0)).at(-1)
    const held: LogPoint = { position: last?.position ?? ORIGIN, hash: last?.hash ?? '' }
    await redis.client.flushall()
    for (const [i, key] of keys.entries()) await redis.client.restore(key, 0, saved[i] as Buffer)
    // DUMP keeps no expiry, and by now the lease would have expired.
    await redis.client.del(h.cell(0).keys.lease(0))
    await reconnect()
    return { pod, held }
  }

  it('stops writes, names the pod that holds more, and stays stopped', async () => {
    const { pod, held } = await regress()
    expect(await claim('0/0', held)).toMatchObject(['REGRESSED', expect.stringContaining('pod 0/0 holds')])
    expect((await claim('0/1', START))[0]).toBe('REGRESSED')
    expect((await h.commit(pod, [upsert(2, 0)])).code).toBe('GATE')
    expect((await readTopology(redis.client, scope())).regressed).toContain('0/0')
  })

  it('goes on after a person accepts the loss; pods that are ahead are told to step back', async () => {
    const { held } = await regress()
    await claim('0/0', held)
    expect((await acceptLoss(redis.client, scope()))[0]).toBe('OK')
    expect(await claim('0/0', held)).toEqual(['FORK'])
    expect(await claim('0/1', START)).toEqual(['OPEN'])
    const next = await h.lead(0, '0/1')
    expect((await h.commit(next, [upsert(2, 0)])).code).toBe('OK')
  })

  it('that took another turn at the same length is found by its hash', async () => {
    const { held } = await regress()
    for (const pod of ['0/1', '1/0', '1/1']) await claim(pod, START)
    expect(
      (await claim('0/0', { position: { ...held.position, seq: held.position.seq - 1 }, hash: 'another' }))[0],
    ).toBe('REGRESSED')
  })
})

describe('while Redis runs', () => {
  it('FLUSHALL is found by the next write and claim', async () => {
    const { pods, ends } = await running()
    await redis.client.flushall()
    expect((await h.commit(pods[0], [upsert(3, 0)])).code).toBe('GATE')
    expect((await claim('0/0', ends[0]))[0]).toBe('REGRESSED')
  })

  it('a deleted log is found by the next write and claim', async () => {
    const { pods, ends } = await running()
    await redis.client.del(h.cell(1).keys.log(1))
    expect((await h.commit(pods[1], [upsert(3, 1)])).code).toBe('CORRUPT')
    expect((await claim('1/0', ends[1]))[0]).toBe('REGRESSED')
  })

  it('a log that was accepted as lost starts again above what was in it, and empty pods follow it', async () => {
    const { ends } = await running()
    await redis.client.del(h.cell(1).keys.log(1))
    expect((await claim('1/0', ends[1]))[0]).toBe('REGRESSED')
    expect((await acceptLoss(redis.client, scope()))[0]).toBe('OK')
    expect(await claim('1/0', ends[1])).toEqual(['FORK'])
    expect(await claim('1/0', START)).toEqual(['OPEN'])
    await redis.client.del(h.cell(1).keys.lease(1))
    const next = await h.lead(1, '1/1')
    expect((await h.commit(next, [upsert(9, 1, '"new"')])).code).toBe('OK')
    const entries = await h.entries(1)
    expect(entries[0]?.position.seq).toBeGreaterThan(ends[1].position.seq)
    expect(entries.map(({ type }) => type)).toEqual(['I', 'E', 'U'])
  })

  it('accepting a loss where nothing was lost changes nothing', async () => {
    await running()
    const before = await h.dump()
    expect(await acceptLoss(redis.client, scope())).toEqual(['OPEN'])
    expect(await h.dump()).toEqual(before)
  })
})

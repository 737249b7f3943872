import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { type IdempotencyRecord, parseIdempotencyRecord } from '../../core/log/idempotency.ts'
import { formatPosition, ORIGIN } from '../../core/log/position.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { type LogTip, verifyChain } from '../../store/log-entry.ts'
import { parsePlan, RepairLog } from '../../store/repair-log.ts'
import { acceptLoss, readTopology, reportRegression } from '../../store/topology.ts'
import { identity, LogHarness, remove, START, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
beforeEach(async () => {
  redis = await TestRedis.start()
  h = new LogHarness(redis.client, 2)
})
afterEach(() => redis.close())

const scope = () => ({ namespace: 'test', name: h.name, clusters: 2, uid: identity(2).uid })
const KNOWN = 4
const LONG_WINDOW_MS = 60_000

const claim = (pod: string, point: LogTip, windowMs = LONG_WINDOW_MS, settled = true) =>
  h.claim(pod, point, { knownPods: KNOWN, windowMs, settled })

/** Four pods claim nothing, each cell gets a primary and a row. */
async function running() {
  for (const pod of ['0/0', '0/1', '1/0', '1/1']) await claim(pod, START)
  const pods = [await h.lead(0), await h.lead(1)] as const
  await h.commit(pods[0], [upsert(1, 0, '"a"')])
  await h.commit(pods[1], [upsert(2, 1, '"b"')])
  return { pods, ends: [await h.end(0), await h.end(1)] as const }
}

const repairBy = (pod: string) => new RepairLog(redis.client, scope(), `repair by ${pod}`)

async function reconnect(): Promise<void> {
  await redis.restart()
  Object.assign(h, { redis: redis.client })
}

describe('a new collection', () => {
  it('is created only when every known pod has said that it holds nothing', async () => {
    expect(await claim('0/0', START, 0)).toEqual(['WAIT', '1'])
    expect(await claim('0/1', START, 0)).toEqual(['WAIT', '2'])
    expect(await claim('1/0', START, 0)).toEqual(['WAIT', '3'])
    expect((await claim('1/1', START, 0))[0]).toBe('OPEN')
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
    expect((await h.cell(0).acquire(redis.client, '0/1', '0/1#1#x', 3000, ORIGIN, await h.timeline()))[0]).toBe('GATE')
  })

  it('the gate opens at once when all pods hold what the log has', async () => {
    const { ends } = await running()
    await reconnect()
    for (const pod of ['0/0', '0/1', '1/0']) expect((await claim(pod, ends[Number(pod[0]) as 0 | 1]))[0]).toBe('WAIT')
    expect((await claim('1/1', ends[1]))[0]).toBe('OPEN')
  })

  it('the gate opens after the window when the leader of each cell has claimed, and not before', async () => {
    const { ends, pods } = await running()
    await reconnect()
    expect((await claim('0/0', ends[0], 0))[0]).toBe('WAIT')
    expect((await claim('1/1', ends[1], 0))[0]).toBe('WAIT')
    expect((await claim('1/0', ends[1], 0))[0]).toBe('OPEN')
    // Who slept meanwhile has to claim before it leads.
    expect((await h.cell(0).acquire(redis.client, '0/1', '0/1#1#x', 3000, ORIGIN, 1))[0]).toBe('GATE')
    // No lead outlives the closed gate: what is still on its way from before comes to nothing.
    expect((await h.commit(pods[0], [upsert(3, 0)])).code).toBe('FENCED')
    await h.cell(0).release(redis.client, pods[0].lead.token)
    const next = await h.lead(0)
    expect((await h.commit(next, [upsert(3, 0)])).code).toBe('OK')
    expect(BigInt(next.lead.epoch)).toBeGreaterThan(BigInt(pods[0].lead.epoch))
  })
})

describe('a Redis that has forgotten a takeover', () => {
  it('does not know who led last: the gate waits for everyone', async () => {
    const { ends } = await running()
    const taken = Number(await redis.client.hget(h.cell(0).keys.meta, 'taken'))
    expect(taken).toBeGreaterThan(1_000_000_000_000)
    await reconnect()
    const say = (pod: string, seen: number) =>
      h.claim(pod, ends[Number(pod[0])] ?? START, { knownPods: KNOWN, windowMs: 0, seen })
    expect((await say('0/0', taken + 1))[0]).toBe('WAIT')
    expect((await say('1/0', taken))[0]).toBe('WAIT')
    expect((await say('0/1', 0))[0]).toBe('WAIT')
    expect((await say('1/1', 0))[0]).toBe('OPEN')
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
    const held: LogTip = { position: last?.position ?? ORIGIN, hash: last?.hash ?? '' }
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

  it('is repaired from the fullest copy when every pod has settled, by one of them at a time', async () => {
    const { held } = await regress()
    const behind = await h.end(0)
    const other = await h.end(1)
    await claim('0/0', held, LONG_WINDOW_MS, false)
    await claim('0/0', held)
    expect((await claim('0/1', behind))[1]).toContain('2 of 4 pods have said what they hold')
    await claim('1/0', other, LONG_WINDOW_MS, false)
    expect((await claim('1/1', other))[1]).toContain('3 of 4 pods')
    const plan = await claim('1/0', other)
    expect([plan[0], parsePlan(plan).map((copy) => copy && [copy.pod, copy.tip])]).toEqual([
      'REPAIR',
      [
        ['0/0', held],
        ['1/0', other],
      ],
    ])
    expect(await claim('0/0', held)).toMatchObject(['REGRESSED', expect.stringContaining('being repaired')])
    // Who has not been told to repair may not.
    await expect(repairBy('0/0').finish(0, 0, '')).rejects.toThrow(/another pod repairs/)

    const repair = repairBy('1/0')
    const none = { version: 0, bytes: new Uint8Array(0) }
    expect(await repair.begin(parsePlan(plan), 7, none)).toEqual([0])
    await repair.finish(1, 0, 'report')
    expect((await claim('0/0', held))[0]).toBe('OPEN')
    expect((await claim('1/1', other))[0]).toBe('OPEN')
    expect(await readTopology(redis.client, scope())).toMatchObject({
      gateOpen: true,
      regressed: '',
      repaired: 'report',
    })
    // The log goes on from the copy, under the epoch of another timeline.
    await redis.client.del(h.cell(0).keys.lease(0))
    await h.lead(0, '0/1')
    const entries = await h.cell(0).read(redis.client, held.position, 10, 0)
    expect(entries.map(({ type, position }) => [type, position.seq])).toEqual([
      ['R', held.position.seq + 1],
      ['E', held.position.seq + 2],
    ])
    expect(entries[0]?.position.epoch).toBeGreaterThan(held.position.epoch)
    expect(() => verifyChain(held, entries)).not.toThrow()
    // A pod that holds something else steps back.
    expect(await claim('0/0', { position: { ...held.position, seq: held.position.seq + 1 }, hash: 'x' })).toEqual([
      'FORK',
    ])
  })

  it('waits for a person where a pod knows of entries that no copy has, and goes on without them', async () => {
    const { held } = await regress()
    const behind = await h.end(0)
    const [known, copy] = [held, behind]
    const settle = async () => {
      await claim('0/1', behind)
      await claim('1/0', await h.end(1))
      await claim('1/1', await h.end(1))
      return h.claim('0/0', copy, { known, knownPods: KNOWN })
    }
    await settle()
    expect((await settle())[1]).toContain(
      `cell 0: no pod holds the entries after ${formatPosition(copy.position)} up to ${formatPosition(known.position)}`,
    )
    const before = (await readTopology(redis.client, scope())).generation
    expect((await acceptLoss(redis.client, scope()))[1]).toContain('no pod holds')
    expect((await readTopology(redis.client, scope())).generation).toBeGreaterThan(before)
    const plan = await h.claim('0/0', copy, { known, knownPods: KNOWN, windowMs: 0 })
    expect([plan[0], plan[2]]).toEqual(['REPAIR', expect.stringContaining('no pod holds')])
  })

  it('is repaired without pods that do not answer once a person says so', async () => {
    const { held } = await regress()
    await claim('0/0', held, 0)
    expect((await claim('0/0', held, 0))[0]).toBe('REGRESSED')
    await acceptLoss(redis.client, scope())
    expect((await claim('0/0', held, 0))[1]).toContain('no pod of cell 1 has said what it holds')
    const plan = await claim('1/0', await h.end(1), 0)
    expect([plan[0], parsePlan(plan).map(({ pod }) => pod)]).toEqual(['REPAIR', ['0/0', '1/0']])
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

  it('what a deleted log held is told where the pods of its cell are empty, and given up they begin it anew', async () => {
    const { ends } = await running()
    await redis.client.del(h.cell(1).keys.log(1))
    await claim('1/0', ends[1], 0, false)
    for (const pod of ['1/0', '1/1']) await claim(pod, START)
    await claim('0/1', ends[0])
    expect((await claim('0/0', ends[0]))[1]).toContain(
      `cell 1: no pod holds the entries after 0-0 up to ${formatPosition(ends[1].position)}`,
    )
    await acceptLoss(redis.client, scope())
    const plan = await claim('0/0', ends[0], 0)
    expect(plan[0]).toBe('REPAIR')
    const repair = repairBy('0/0')
    expect(await repair.begin(parsePlan(plan), 7, { version: 0, bytes: new Uint8Array(0) })).toEqual([1])
    await repair.finish(1, 0, '')
    expect((await claim('1/0', START))[0]).toBe('OPEN')
    await redis.client.del(h.cell(1).keys.lease(1))
    const next = await h.lead(1, '1/1')
    expect((await h.commit(next, [upsert(9, 1, '"new"')])).code).toBe('OK')
    const entries = await h.entries(1)
    expect(entries[0]?.position.epoch).toBeGreaterThan(ends[1].position.epoch)
    expect(entries.map(({ type }) => type)).toEqual(['R', 'E', 'U'])
  })

  it('what requests with idempotency keys have come to is known again after a repair, of entries that are left', async () => {
    const { pods, ends } = await running()
    const underKey = (key: string) => ({ idempotency: { key, digest: 'asked' } })
    const requests = [
      { ...upsert(1, 0, '"done"', { copy: 1 }), ...underKey('k1') },
      { ...remove(2), ...underKey('k1') },
      { ...remove(77), ...underKey('k1') },
    ]
    const done = (await h.commit(pods[0], requests)).outcome
    expect(done?.results.map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'absent'])
    const kept = [await h.end(0), await h.end(1)] as const
    const recordsOf = async (cell: number) =>
      (await h.entries(cell))
        .filter((entry) => entry.idempotency !== '')
        .map(({ key, idempotency: text }) => parseIdempotencyRecord(key, text))
    const records = [...(await recordsOf(0)), ...(await recordsOf(1))]
    expect(records.map(({ id }) => id)).toEqual([idKey(1), idKey(77), idKey(1), idKey(2)])
    // Nobody has read this one when the log goes.
    const unread = { ...upsert(3, 0, '"unread"'), ...underKey('k2') }
    await h.commit(pods[0], [unread])
    await redis.client.del(h.cell(0).keys.log(0))

    await h.claim('0/0', ends[0], { knownPods: KNOWN, windowMs: 0, settled: false })
    for (const pod of ['0/0', '0/1']) await claim(pod, kept[0])
    await claim('1/1', kept[1])
    const plan = await claim('1/0', kept[1])
    expect(plan[0]).toBe('REPAIR')
    const repair = repairBy('1/0')
    await repair.begin(parsePlan(plan), 7, { version: 0, bytes: new Uint8Array(0) })
    const { keys } = h.cell(0)
    expect(
      await redis.client.exists(keys.idempotency, keys.idempotencyRecord('k1'), keys.idempotencyRecord('k2')),
    ).toBe(0)
    await repair.writeIdempotency([...records, { ...(records[0] as IdempotencyRecord), request: 'old', at: 1 }])
    await repair.finish(1, 0, '')
    expect(await redis.client.zrange(keys.idempotency, '0', '-1')).toEqual([keys.idempotencyRecord('k1')])
    expect(await redis.client.pttl(keys.idempotencyRecord('k1'))).toBeGreaterThan(3_500_000)

    for (const [pod, end] of [
      ['0/0', kept[0]],
      ['1/0', kept[1]],
    ] as const)
      expect((await claim(pod, end))[0]).toBe('OPEN')
    await redis.client.del(keys.lease(0))
    const next = await h.lead(0, '0/0')
    expect((await h.commit(next, requests)).outcome?.results).toEqual(done?.results)
    expect((await h.commit(next, [unread])).outcome?.results[0]).toMatchObject({ outcome: 'applied' })
  })

  it('what a deleted log held that its primary had not read was promised to nobody, and is not asked for', async () => {
    const { pods, ends } = await running()
    await h.commit(pods[1], [upsert(7, 1)])
    await redis.client.del(h.cell(1).keys.log(1))
    const told = async (process: string, copy = ends[1]) => {
      for (const pod of ['1/0', '1/1']) await h.claim(pod, copy, { knownPods: KNOWN, process })
      await claim('0/1', ends[0])
      return claim('0/0', ends[0])
    }
    await told('1')
    // Another process of the pod knows of no more than it holds; so the head that was written down counts.
    expect((await told('2'))[1]).toContain('cell 1: no pod holds the entries after')
    // So it does where the process has not come to the entry yet with which its lead begins.
    expect((await told('1', START))[1]).toContain('cell 1: no pod holds the entries after')
    expect((await told('1')).slice(0, 3)).toEqual(['REPAIR', expect.stringContaining('has lost entries'), ''])
  })

  it.each([
    ['somebody cut', (log: string) => redis.client.xtrim(log, 'MAXLEN', 1)],
    [
      'has a hole',
      async (log: string) => redis.client.xdel(log, (await redis.client.xrange(log, '-', '+'))[1]?.[0] ?? ''),
    ],
  ])('a log that %s is found by the next heartbeat', async (_what, damage) => {
    const { ends } = await running()
    const log = h.cell(1)
    const beat = () => log.heartbeat(redis.client, { pod: '1/0' } as Heartbeat)
    expect((await beat()).gateOpen).toBe(true)
    await damage(log.keys.log(1))
    expect((await beat()).gateOpen).toBe(false)
    expect(await claim('1/0', ends[1])).toMatchObject(['REGRESSED', expect.stringContaining('has lost entries')])
  })

  it('a collection that lost Redis and every volume is doubted by who has seen it, and goes on when that is accepted', async () => {
    const { ends } = await running()
    const seen = ends.map(({ position }) => formatPosition(position))
    expect(await reportRegression(redis.client, scope(), seen)).toEqual(['SOUND'])
    await redis.client.flushall()
    expect(await reportRegression(redis.client, scope(), seen)).toEqual(['CLOSED'])
    const empty = async () => {
      for (const pod of ['0/0', '0/1', '1/0']) await claim(pod, START)
      return claim('1/1', START)
    }
    expect((await empty())[0]).toBe('OPEN')
    expect((await reportRegression(redis.client, scope(), seen))[0]).toBe('OK')
    await empty()
    expect((await empty())[1]).toContain(`cell 1: no pod holds the entries after 0-0 up to ${seen[1]}`)
    const before = (await readTopology(redis.client, scope())).generation
    await acceptLoss(redis.client, scope())
    expect((await readTopology(redis.client, scope())).generation).toBeGreaterThan(before)
    const plan = await claim('1/1', START, 0)
    expect(plan[0]).toBe('REPAIR')
    const repair = repairBy('1/1')
    await repair.begin(parsePlan(plan), 0, { version: 0, bytes: new Uint8Array(0) })
    await repair.finish(0, 0, '')
    expect((await claim('0/0', START))[0]).toBe('OPEN')
  })

  it('a doubt that the pods can settle costs nothing: what they hold is what was seen', async () => {
    const { ends } = await running()
    await redis.client.hset(h.cell(1).cellMeta, 'head', `${ends[1].position.epoch}-1`)
    await reportRegression(
      redis.client,
      scope(),
      ends.map(({ position }) => formatPosition(position)),
    )
    const all = async () => {
      for (const [pod, end] of [
        ['0/0', ends[0]],
        ['0/1', ends[0]],
        ['1/0', ends[1]],
      ] as const)
        await claim(pod, end)
      return claim('1/1', ends[1])
    }
    await all()
    expect((await all()).slice(0, 3)).toEqual(['REPAIR', expect.stringContaining('was seen in it'), ''])
  })

  it('accepting a loss where nothing was lost changes nothing', async () => {
    await running()
    const before = await h.dump()
    expect(await acceptLoss(redis.client, scope())).toEqual(['OPEN'])
    expect(await h.dump()).toEqual(before)
  })
})

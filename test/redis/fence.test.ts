import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { checkVersion, type Redis } from '../../store/connection.ts'
import { LogMismatch, verifyChain } from '../../store/log-entry.ts'
import { LogHarness, START, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let harness: LogHarness
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())

async function fresh(clusters = 2): Promise<LogHarness> {
  harness = new LogHarness(redis.client, clusters)
  await harness.create()
  return harness
}

async function expire(cell: number): Promise<void> {
  await redis.client.del(harness.cell(cell).keys.lease(cell))
}

describe('the fence', () => {
  it('refuses the append of a deposed primary, whatever it believes, and changes nothing', async () => {
    const h = await fresh()
    const old = await h.lead(0, '0/0')
    expect((await h.commit(old, [upsert(1, 0, 'first')])).code).toBe('OK')
    await expire(0)
    const next = await h.lead(0, '0/1')
    const before = await h.dump()
    expect(await h.commit(old, [upsert(1, 0, 'late')])).toMatchObject({ code: 'FENCED', detail: next.lead.epoch })
    expect(await h.dump()).toEqual(before)
    expect((await h.fold(0)).get('i1' as never)?.payload).toBe('first')
  })

  it('refuses the deposed primary of one cell also when it would only touch other cells', async () => {
    const h = await fresh()
    const old = await h.lead(0, '0/0')
    await expire(0)
    await h.lead(0, '0/1')
    expect((await h.commit(old, [upsert(5, 1, 'x')])).code).toBe('FENCED')
    expect((await h.fold(1)).size).toBe(0)
  })

  it('refuses every other script of a deposed primary that writes to a log, and changes nothing (L1)', async () => {
    const h = await fresh()
    const { log, lead } = await h.lead(0, '0/0')
    await expire(0)
    const next = await h.lead(0, '0/1')
    const before = await h.dump()
    const refused = ['FENCED', next.lead.epoch]
    expect(await log.publish(redis.client, lead, 0, Buffer.alloc(16))).toEqual(refused)
    expect(await log.finishMigrationScan(redis.client, lead, 0)).toEqual(refused)
    expect(await log.trim(redis.client, lead, 1, [])).toEqual(refused)
    expect(await log.renew(redis.client, lead, 3000)).toEqual(refused)
    expect(await log.recoverBatch(redis.client, lead, 1)).toEqual(refused)
    expect(await h.dump()).toEqual(before)
  })

  it('lets the holder of an expired lease go on as long as nobody has taken it', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    await expire(0)
    expect((await h.commit(pod, [upsert(1, 0)])).code).toBe('OK')
    expect((await pod.log.renew(redis.client, pod.lead, 3000))[0]).toBe('OK')
  })

  it('gives a lease to one pod at a time and tells the other how long it is held', async () => {
    const h = await fresh()
    await h.lead(0, '0/0')
    const reply = await h.cell(0).acquire(redis.client, '0/1', '0/1#1#x', 3000, await h.head(0), await h.timeline())
    expect(reply[0]).toBe('HELD')
    expect(Number(reply[2])).toBeGreaterThan(0)
  })

  it('starts each epoch above the last one, though the clock of Redis may stand still', async () => {
    const h = await fresh()
    const epochs: number[] = []
    for (let i = 0; i < 5; i++) {
      epochs.push(Number((await h.lead(0, `0/${i}`)).lead.epoch))
      await expire(0)
    }
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
    expect(new Set(epochs).size).toBe(5)
  })

  it('enters an epoch in the log before its holder appends', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    await h.commit(pod, [upsert(1, 0)])
    expect((await h.entries(0)).map(({ type }) => type)).toEqual(['I', 'E', 'U'])
  })

  it('releases a lease only to its exact token', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    expect((await pod.log.release(redis.client, '0/0#2#other'))[0]).toBe('OTHER')
    expect((await pod.log.release(redis.client, pod.lead.token))[0]).toBe('OK')
  })

  it('does not let a pod lead that is below the trim point', async () => {
    const h = await fresh()
    await redis.client.hset(h.cell(0).cellMeta, 'trim', '5-9')
    expect((await h.cell(0).acquire(redis.client, '0/0', '0/0#1#x', 3000, START.position, await h.timeline()))[0]).toBe(
      'BEHIND',
    )
  })
})

describe('a lost reply', () => {
  it('is looked up on a new connection, after which the old one is refused', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    const first = await h.commit(pod, [upsert(1, 0, 'a')])
    pod.batch-- // as if the reply had never come
    pod.connection = 1
    const [code, batch, result] = await pod.log.recoverBatch(redis.client, pod.lead, 1)
    expect([code, batch, result]).toEqual(['OK', '1', first.detail])
    pod.batch = 1
    const late = { ...pod, connection: 0 }
    expect((await h.commit(late, [upsert(1, 0, 'late')])).code).toBe('CONNECTION')
    expect((await h.commit(pod, [upsert(2, 0, 'b')])).code).toBe('OK')
  })

  it('cannot make a batch run twice: the number must follow the last', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    await h.commit(pod, [upsert(1, 0)])
    const before = await h.dump()
    expect(await h.commit({ ...pod, batch: 0 }, [upsert(1, 0)])).toMatchObject({ code: 'BATCH', detail: '1' })
    expect(await h.commit({ ...pod, batch: 2 }, [upsert(1, 0)])).toMatchObject({ code: 'BATCH' })
    expect(await h.dump()).toEqual(before)
  })

  it('of a former lead is not answered to the next one', async () => {
    const h = await fresh()
    const old = await h.lead(0, '0/0')
    await h.commit(old, [upsert(1, 0)])
    await expire(0)
    const next = await h.lead(0, '0/1')
    expect((await old.log.recoverBatch(redis.client, old.lead, 1))[0]).toBe('FENCED')
    expect(await next.log.recoverBatch(redis.client, next.lead, 1)).toEqual(['OK', '0', ''])
  })
})

describe('the chain', () => {
  it('shows a changed, a missing and a foreign entry', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    for (let i = 0; i < 5; i++) await h.commit(pod, [upsert(i, 0, `p${i}`)])
    const entries = await h.entries(0)
    const changed = entries.map((entry, i) => (i === 3 ? { ...entry, row: Buffer.from('other') } : entry))
    expect(() => verifyChain(START, changed)).toThrow(LogMismatch)
    expect(() => verifyChain(START, entries.toSpliced(3, 1))).toThrow(/the log continues with/)
    expect(() => verifyChain({ ...START, hash: 'another' }, entries)).toThrow(/does not continue/)
  })

  it('refuses to append behind an entry that somebody else wrote', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    await redis.client.xadd(h.cell(0).keys.log(0), '*', 'x', 'y')
    const before = await h.dump()
    expect((await h.commit(pod, [upsert(1, 0)])).code).toBe('CORRUPT')
    expect(await h.dump()).toEqual(before)
  })

  it('refuses to append where the entries that the caller applied are gone', async () => {
    const h = await fresh()
    const pod = await h.lead(0)
    await h.commit(pod, [upsert(1, 0)])
    await redis.client.xtrim(h.cell(0).keys.log(0), 'MAXLEN', 1)
    expect((await h.commit(pod, [upsert(2, 0)])).code).toBe('CORRUPT')
  })
})

it('a Redis older than 7.0 is refused in a sentence', async () => {
  await checkVersion(redis.client)
  const old = { info: async () => 'redis_version:6.2.14' } as unknown as Redis
  await expect(checkVersion(old)).rejects.toThrow('Redis 6.2 is too old: MaksDB needs 7.0 or newer')
})

it('a lease expires by the clock of Redis alone', async () => {
  const h = await fresh()
  const log = h.cell(0)
  expect((await log.acquire(redis.client, '0/0', '0/0#1#a', 50, START.position, await h.timeline()))[0]).toBe('OK')
  await sleep(80)
  expect((await log.acquire(redis.client, '0/1', '0/1#1#b', 50, START.position, await h.timeline()))[0]).toBe('OK')
})

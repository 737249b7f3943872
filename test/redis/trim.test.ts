import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { formatPosition } from '../../core/log/position.ts'
import { bucketOf } from '../../protocol/keys.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { removeMember } from '../../store/topology.ts'
import { LogHarness, type PlayedPod, remove, row, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
let primary: PlayedPod
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())
beforeEach(async () => {
  h = new LogHarness(redis.client, 1)
  await h.create()
  primary = await h.lead(0)
  for (let i = 0; i < 10; i++) await h.commit(primary, [upsert(i, 0, `"${i}"`)])
})

async function at(index: number): Promise<string> {
  const entry = (await h.entries(0))[index]
  if (!entry) throw new Error('no such entry')
  return formatPosition(entry.position)
}

async function beat(pod: string, fields: Partial<Heartbeat>): Promise<void> {
  const heartbeat = {
    pod,
    cell: 0,
    ordinal: Number(pod.split('/')[1]),
    oldestSnapshot: null,
    retentionPin: null,
    ...fields,
  } as Heartbeat
  await h.cell(0).heartbeat(redis.client, heartbeat)
}

const trim = (replicas: number, dead: string[] = []) => primary.log.trim(redis.client, primary.lead, replicas, dead)
const length = () => redis.client.xlen(h.cell(0).keys.log(0))

describe('the log is cut', () => {
  it('at the oldest snapshot of the pod that is furthest behind, which stays as an anchor', async () => {
    const [early, late] = [await at(4), await at(8)]
    await beat('0/0', { oldestSnapshot: late })
    await beat('0/1', { oldestSnapshot: early })
    expect(await trim(2)).toEqual(['OK', early, '4'])
    expect(await length()).toBe(8)
  })

  it('not while a pod has no snapshot', async () => {
    await beat('0/0', { oldestSnapshot: await at(8) })
    await beat('0/1', {})
    expect((await trim(2))[0]).toBe('NOFLOOR')
    expect(await length()).toBe(12)
  })

  it('not on the word of one pod where there should be two', async () => {
    await beat('0/0', { oldestSnapshot: await at(8) })
    expect(await trim(2)).toEqual(['NOFLOOR', 'too few snapshots'])
  })

  it('on the word of one pod when the other is dead', async () => {
    const late = await at(8)
    await beat('0/0', { oldestSnapshot: late })
    await beat('0/1', {})
    expect(await trim(2, ['0/1'])).toEqual(['OK', late, '8'])
  })

  it('on the word of the only pod of a cell of one replica', async () => {
    const late = await at(8)
    await beat('0/0', { oldestSnapshot: late })
    expect(await trim(1)).toEqual(['OK', late, '8'])
  })

  it('not on the word of one pod where there should be two, whoever is dead in another cell or beyond the plan', async () => {
    await beat('0/0', { oldestSnapshot: await at(8) })
    await beat('0/2', { oldestSnapshot: await at(8) })
    await beat('1/0', { cell: 1 })
    await beat('1/1', { cell: 1 })
    expect(await trim(2, ['1/0', '1/1', '0/2', '9/9'])).toEqual(['NOFLOOR', 'too few snapshots'])
  })

  it('not above the snapshot that a pod is copying from its peer', async () => {
    const [first, held, late] = [await at(0), await at(5), await at(9)]
    await beat('0/0', { oldestSnapshot: late })
    await beat('0/1', { oldestSnapshot: late })
    await beat('0/2', { retentionPin: held })
    expect(await trim(3)).toEqual(['OK', held, '5'])
    const copier = { pod: '0/2', cell: 0, retentionPin: first } as Heartbeat
    expect((await h.cell(0).pinRetention(redis.client, copier, first))[0]).toBe('BEHIND')
  })

  it('only by the present primary', async () => {
    await beat('0/0', { oldestSnapshot: await at(8) })
    await redis.client.del(h.cell(0).keys.lease(0))
    const [next, before] = [await h.lead(0, '0/1'), await length()]
    expect((await trim(1))[0]).toBe('FENCED')
    expect(await length()).toBe(before)
    expect((await next.log.trim(redis.client, next.lead, 1, []))[0]).toBe('OK')
  })
})

describe('a pod that has left', () => {
  const scope = () => h.cell(0).scope
  const members = async () => (await h.cell(0).members(redis.client)).map(({ pod }) => pod).sort()
  const gone = (pod: string, startId: string) => removeMember(redis.client, scope(), { pod, cell: 0, startId })

  it('is no member any more, and the log is cut without it', async () => {
    const [early, late] = [await at(4), await at(8)]
    for (const pod of ['0/0', '0/1']) await beat(pod, { oldestSnapshot: late, startId: 'a' })
    await beat('0/2', { oldestSnapshot: early, startId: 'b' })
    expect(await trim(2)).toEqual(['OK', early, '4'])
    expect(await gone('0/2', 'b')).toBe('removed')
    expect(await members()).toEqual(['0/0', '0/1'])
    expect(await trim(2)).toEqual(['OK', late, '4'])
    expect(await gone('0/2', 'b')).toBe('absent')
  })

  it('stays a member while another process is in its place, or while it leads', async () => {
    await beat('0/0', { startId: '1' })
    await beat('0/1', { startId: 'new' })
    expect(await gone('0/1', 'old')).toBe('other')
    expect(await gone('0/0', '1')).toBe('leads')
    expect(await members()).toEqual(['0/0', '0/1'])
    await redis.client.del(h.cell(0).keys.lease(0))
    expect(await gone('0/0', '1')).toBe('removed')
  })
})

describe('the budget of a log', () => {
  it('counts what lies between trim and head, so that trimming makes room', async () => {
    const big = () => ({ ...upsert(99, 0), row: row('"x"', 500) }) as ReturnType<typeof upsert>
    h.budgetBytes = 6000
    let code = 'OK'
    for (let i = 0; i < 5 && code === 'OK'; i++) code = (await h.commit(primary, [big()])).code
    expect(code).toBe('WAL_BUDGET')
    // Deletes pass: they are how room is made.
    expect((await h.commit(primary, [remove(1)])).code).toBe('OK')
    await beat('0/0', { oldestSnapshot: await at(11) })
    expect((await trim(1))[0]).toBe('OK')
    expect((await h.commit(primary, [big()])).code).toBe('OK')
  })
})

it('the marker of a deleted id is reaped once every log has been cut above it', async () => {
  const key = idKey(3)
  const bucket = bucketOf(key)
  await h.commit(primary, [remove(3), upsert(4, 0)])
  expect(await h.cell(0).reap(redis.client, bucket)).toBe(0)
  await beat('0/0', { oldestSnapshot: await at(13) })
  await trim(1)
  expect((await h.directory(key))?.owner).toBe('-')
  expect(await h.cell(0).reap(redis.client, bucket)).toBe(1)
  expect(await h.directory(key)).toBeUndefined()
})

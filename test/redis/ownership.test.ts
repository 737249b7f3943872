/** Whose the keys of a collection are, and of what shape: two VectorClusters of one name on one Redis (rules L24, L25). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DataIdentity, LOG_FORMAT, refusalOf, shapeText, type Vectors } from '../../core/data-identity.ts'
import { idKey } from '../../core/ids.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { CellLog } from '../../store/cell-log.ts'
import { adoptKeys, disownKeys, eraseKeys } from '../../store/ownership.ts'
import { acceptLoss, readTopology, reportRegression } from '../../store/topology.ts'
import { identity, LogHarness, type PlayedPod, START, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
let pod: PlayedPod
const own = identity(2)

beforeEach(async () => {
  redis = await TestRedis.start()
  h = new LogHarness(redis.client, 2)
  await h.create()
  pod = await h.lead(0)
  await h.commit(pod, [upsert(1, 0, '"a"')])
})
afterEach(() => redis.close())

const scope = (uid = own.uid) => ({ namespace: 'test', name: h.name, clusters: 2, uid })
const other = (over: Partial<DataIdentity> = {}): DataIdentity => ({
  ...own,
  uid: 'uid-2',
  owner: 'VectorCluster test in another place',
  since: 2,
  ...over,
})

/** A pod of another VectorCluster with the same name. */
const logOf = (who: DataIdentity, cell = 0) =>
  new CellLog({ namespace: 'test', name: h.name, clusters: 2, cell, identity: who })
const claimOf = (who: DataIdentity, cell = 0, held = START, windowMs = 0) =>
  logOf(who, cell).claim(redis.client, {
    pod: `${cell}/0`,
    held,
    known: held,
    settled: true,
    version: 0,
    knownPods: 2,
    windowMs,
    token: 'repair',
    process: '2',
    seen: 0,
  })
const beat = (who: DataIdentity) =>
  logOf(who).heartbeat(redis.client, { pod: '0/0', cell: 0, address: 'elsewhere' } as Heartbeat)
const shared: [string, DataIdentity, RegExp][] = [
  [
    'another dimension',
    other({ shape: { ...own.shape, vectors: { '': { size: 3, metric: 'L2' } } } }),
    /dimension is 2 there and 3 here/,
  ],
  [
    'another metric',
    other({ shape: { ...own.shape, vectors: { '': { size: 2, metric: 'Cosine' } } } }),
    /metric is "L2" there and "Cosine" here/,
  ],
  ['fewer cells', other({ shape: { ...own.shape, cells: 1 } }), /cells is 2 there and 1 here/],
  [
    'a newer format',
    other({ shape: { ...own.shape, format: 99 } }),
    new RegExp(`format is ${LOG_FORMAT} there and 99 here`),
  ],
  [
    'other vectors',
    other({ shape: { ...own.shape, vectors: { text: { size: 2, metric: 'L2' } } as unknown as Vectors } }),
    /dimension of the vector "text" is absent there and 2 here/,
  ],
]

describe('data of another shape', () => {
  it.each(shared)(
    '%s: every claim is refused, even of the owner and with a Redis of its own, and no key is changed',
    async (_, who, why) => {
      for (const one of [who, { ...who, uid: own.uid }, { ...who, ownRedis: true }]) {
        const before = await h.dump()
        expect(await claimOf(one)).toEqual(['OTHER_SHAPE', shapeText(own.shape)])
        expect(await h.dump()).toEqual(before)
        const { claimed } = await readTopology(redis.client, scope())
        expect(refusalOf(claimed, one)).toMatchObject({
          code: 'DATA_OF_ANOTHER_SHAPE',
          message: expect.stringMatching(why),
        })
      }
    },
  )

  it('a log that does not say what it holds is refused', async () => {
    await redis.client.hdel(h.cell(0).keys.meta, 'shape')
    expect((await claimOf(own))[0]).toBe('OTHER_SHAPE')
  })

  it('keys that were claimed, and in which no log was begun, take any shape', async () => {
    const fresh = new LogHarness(redis.client, 2)
    await fresh.claim('0/0', START, { knownPods: 9 })
    const next = new CellLog({
      ...fresh.cell(0).scope,
      identity: { ...own, shape: { ...own.shape, vectors: { '': { size: 7, metric: 'L2' } } } },
    })
    const claim = { pod: '0/0', held: START, known: START, settled: true, version: 0, knownPods: 9, windowMs: 0 }
    expect((await next.claim(redis.client, { ...claim, token: 'r', process: '1', seen: 0 }))[0]).toBe('WAIT')
  })
})

describe('another VectorCluster of the same name on the same Redis', () => {
  it('is refused with both names, and can neither tell, hold, doubt, give up, let go nor erase anything', async () => {
    const before = await h.dump()
    expect(await claimOf(other())).toEqual(['OTHER_OWNER', own.uid, own.owner])
    expect((await beat(other())).gateOpen).toBe(false)
    expect(await logOf(other()).pinRetention(redis.client, { pod: '0/0' } as Heartbeat, '0-0')).toEqual(['OTHER'])
    expect(await reportRegression(redis.client, scope('uid-2'), ['1-99', '1-99'])).toEqual(['OTHER'])
    expect(await acceptLoss(redis.client, scope('uid-2'))).toEqual(['OTHER'])
    const refused = { done: false, uid: own.uid, other: own.owner }
    expect(await disownKeys(redis.client, scope('uid-2'))).toEqual(refused)
    expect(await adoptKeys(redis.client, scope('uid-2'), other(), 'uid-3')).toEqual(refused)
    expect(await eraseKeys(redis.client, scope('uid-2'))).toEqual({ uid: own.uid, other: own.owner })
    expect(await h.dump()).toEqual(before)
    const { claimed } = await readTopology(redis.client, scope('uid-2'))
    expect(refusalOf(claimed, other())?.message).toContain(own.owner)
    expect(refusalOf(claimed, other())?.message).toContain(other().owner)
    expect((await h.commit(pod, [upsert(2, 0, '"b"')])).code).toBe('OK')
  })

  it('adopts the data when the owner has let it go, once, with all that is in it', async () => {
    expect(await disownKeys(redis.client, scope())).toEqual({ done: true })
    expect((await claimOf(other(), 0, await h.end(0)))[0]).toBe('OPEN')
    expect((await readTopology(redis.client, scope())).claimed).toMatchObject({ uid: 'uid-2', released: false })
    expect(await h.directory(idKey(1))).toMatchObject({ owner: '0' })
    expect((await claimOf(other({ uid: 'uid-3' })))[0]).toBe('OTHER_OWNER')
    expect((await claimOf(own))[0]).toBe('OTHER_OWNER')
  })

  it('of a Redis that is of this name alone the later VectorCluster takes over, and the earlier one is refused from then on', async () => {
    const later = other({ ownRedis: true })
    expect((await claimOf(later, 0, await h.end(0)))[0]).toBe('OPEN')
    expect((await beat({ ...own, ownRedis: true })).gateOpen).toBe(false)
    expect((await claimOf({ ...own, ownRedis: true }))[0]).toBe('OTHER_OWNER')
    expect((await beat(later)).gateOpen).toBe(true)
  })

  it('a person gives it the data of an owner by that very uid: the gate closes, and all must claim again', async () => {
    expect(await adoptKeys(redis.client, scope('uid-2'), other(), own.uid)).toEqual({ done: true })
    expect((await h.commit(pod, [upsert(2, 0, '"b"')])).code).toBe('GATE')
    expect((await claimOf(own))[0]).toBe('OTHER_OWNER')
    expect((await claimOf(other(), 0, await h.end(0), 60_000))[0]).toBe('WAIT')
    expect((await claimOf(other(), 1, await h.end(1), 60_000))[0]).toBe('OPEN')
    // The annotation stays; it names nobody any more.
    expect(await adoptKeys(redis.client, scope('uid-2'), other(), own.uid)).toEqual({ done: true })
  })
})

it('the owner erases all of its keys, those of a namesake with a longer name stay', async () => {
  await redis.client.set(`maks:{test/${h.name}0}:meta`, 'of somebody else')
  const count = Object.keys(await h.dump()).length
  expect(count).toBeGreaterThan(5)
  expect(await eraseKeys(redis.client, scope())).toBe(count)
  expect(await redis.client.keys('*')).toEqual([`maks:{test/${h.name}0}:meta`])
  expect(await eraseKeys(redis.client, scope())).toEqual({ uid: '', other: '' })
})

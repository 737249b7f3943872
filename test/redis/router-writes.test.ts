/** The writes of a router, before pods that are played: what is sent again, what is not, and what the answer says. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'
import { hashCell } from '../../core/partition.ts'
import { type CommitResponse, RPC } from '../../protocol/shard-rpc.ts'
import { ShardClient } from '../../router/cluster/shard-client.ts'
import { type Write, Writes } from '../../router/write/writes.ts'
import { OpenCall } from '../../runtime/call.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { row } from '../support/log-harness.ts'
import { type Answering, PlayedCollection } from '../support/played-shards.ts'
import { TestRedis } from '../support/redis.ts'

const TIMEOUT_MS = 3000
let redis: TestRedis
let played: PlayedCollection
const shards = new ShardClient('token', () => undefined)
const writes = new Writes(shards)
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(async () => {
  await shards.close()
  await redis.close()
})
afterEach(() => played.close())

const hangs = () => new Promise<never>(() => undefined)
const refuses = (notExecuted: boolean): Answering => {
  return () => {
    throw new MaksError('CELL_UNAVAILABLE', 'refused by the test', { details: { notExecuted } })
  }
}

/** Applies everything, in its own log alone unless `heads` names other cells. */
const applies =
  (heads: Record<string, number> = {}): Answering =>
  ({ path, header }) => {
    if (path !== RPC.commit) return { header: {} }
    const operations = header.operations as unknown[]
    const results = operations.map(() => ({ outcome: 'applied' as const, version: 7, ordering: 7, touched: [0] }))
    return { header: { results, heads, centroidVersion: 0, timeline: 1 } satisfies CommitResponse }
  }

/** The first ids whose cell, before any training, is the asked one. */
function idsOf(cell: number, cells: number, count: number): Write[] {
  const ids = Array.from({ length: 100 }, (_, id) => id).filter((id) => hashCell(idKey(id), cells) === cell)
  const bytes = row('""')
  return ids.slice(0, count).map((id) => ({ key: idKey(id), row: { vector: Float32Array.of(1, 1), bytes } }))
}

async function write(some: readonly Write[], wait = false): Promise<MaksError | { version: number }> {
  const call = new OpenCall(TIMEOUT_MS)
  return writes.write(played.collection, some, { wait }, call).catch((error: unknown) => error as MaksError)
}

describe('an operation of a router', () => {
  it('is sent again after a refusal that proves that it was not executed (R2)', async () => {
    let refusals = 2
    played = await PlayedCollection.start(redis, 1, {
      '0/0': (asked) => (refusals-- > 0 ? refuses(true)(asked) : applies()(asked)),
    })
    expect(await write(idsOf(0, 1, 2))).toEqual({ version: 7 })
    expect(played.shard('0/0').of(RPC.commit)).toHaveLength(3)
  })

  it('is sent again after a connection that was refused (R2)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': applies() })
    const shard = played.shard('0/0')
    await shard.close()
    const answered = write(idsOf(0, 1, 1))
    await sleep(300)
    await shard.listen()
    expect(await answered).toEqual({ version: 7 })
    expect(shard.of(RPC.commit)).toHaveLength(1)
  })

  it.each<[string, Answering]>([
    ['an answer that does not prove it', refuses(false)],
    [
      'a connection that broke off after the request',
      ({ breakOff }) => {
        breakOff()
        return hangs()
      },
    ],
  ])('is not sent again after %s, and the answer is 504 (R2, R3)', async (_what, answer) => {
    played = await PlayedCollection.start(redis, 2, { '0/0': answer, '1/0': applies() })
    const error = await write([...idsOf(0, 2, 1), ...idsOf(1, 2, 1)])
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', status: 504 })
    expect((error as MaksError).details).toEqual({ cells: { 0: 'unknown', 1: 'applied' } })
    expect(played.shards.map((shard) => shard.of(RPC.commit).length)).toEqual([1, 1])
  })
})

describe('a write that is refused everywhere', () => {
  it('is 503, and 504 with the outcome of each cell if one of them has applied its part (R3)', async () => {
    played = await PlayedCollection.start(redis, 2, { '0/0': refuses(true), '1/0': refuses(true) })
    const both = [...idsOf(0, 2, 1), ...idsOf(1, 2, 1)]
    expect(await write(both)).toMatchObject({ code: 'NO_PRIMARY', status: 503 })
    played.shard('1/0').answer = applies()
    const error = await write(both)
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', status: 504 })
    expect((error as MaksError).details).toEqual({ cells: { 0: 'not applied', 1: 'applied' } })
  })
})

describe('a write that waits', () => {
  it('is answered after the primary of every cell that it touched has applied it, and of no other (R4)', async () => {
    const open: (() => void)[] = []
    const waits: Answering = (asked) =>
      asked.path === RPC.wait ? new Promise((resolve) => open.push(() => resolve({ header: {} }))) : applies()(asked)
    played = await PlayedCollection.start(redis, 3, { '0/0': applies({ 0: 5, 1: 9 }), '1/0': waits, '2/0': waits })
    let answered = false
    const answer = write(idsOf(0, 3, 1), true).finally(() => {
      answered = true
    })
    await sleep(300)
    expect([answered, open.length]).toEqual([false, 1])
    expect(played.shard('1/0').of(RPC.wait)[0]?.header).toEqual({ seq: 9, timeline: 1 })
    open[0]?.()
    expect(await answer).toEqual({ version: 7 })
    expect(played.shards.map((shard) => shard.of(RPC.wait).length)).toEqual([1, 1, 0])
  })
})

describe('a write to a primary that hangs', () => {
  it('ends soon after the router sees another leader, with an unknown outcome (R12)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': hangs, '0/1': applies() })
    const started = performance.now()
    const answer = write(idsOf(0, 1, 1))
    await sleep(200)
    await played.deposed(0, '0/1')
    expect(await answer).toMatchObject({ code: 'UNKNOWN_OUTCOME', status: 504 })
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS - 500)
    expect(played.shard('0/1').of(RPC.commit)).toHaveLength(0)
  })

  it('waits for it to its deadline as long as that pod leads (R12)', async () => {
    played = await PlayedCollection.start(redis, 1, { '0/0': hangs })
    const started = performance.now()
    const answer = write(idsOf(0, 1, 1))
    await sleep(1500)
    await played.log.cell(0).renew(redis.client, played.primaries[0]?.lead as never, 3000)
    expect(await answer).toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    expect(performance.now() - started).toBeGreaterThan(TIMEOUT_MS - 100)
  })
})

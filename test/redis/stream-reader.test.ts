/** The log read from the bytes of a connection, of a real Redis. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { type EntryBlock, entriesOf, verifyBlock } from '../../store/entry-block.ts'
import { StreamReader } from '../../store/stream-reader.ts'
import { LogHarness, type PlayedPod, START } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let harness: LogHarness
let pod: PlayedPod
let reader: StreamReader
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())
beforeEach(async () => {
  await redis.client.flushall()
  harness = new LogHarness(redis.client, 1)
  await harness.create()
  pod = await harness.lead(0)
  reader = new StreamReader(redis.url, 1000)
  return () => reader.drop()
})

const read = (blockMs = 0, tip = START, count = 1000): Promise<EntryBlock> =>
  reader.read(tip, { key: harness.cell(0).logKey, count, blockMs })

const put = (id: number, payload = '') =>
  harness.commit(pod, [
    {
      type: 'U',
      key: idKey(id),
      owner: 0,
      copy: null,
      expect: '',
      centroidVersion: 0,
      row: encodeRow({ vector: Float32Array.of(id, 1), payload }),
    },
  ])

it('the entries are those that a client library reads, whatever pieces they come in, and continue each other', async () => {
  for (let id = 0; id < 30; id++) await put(id, JSON.stringify('é'.repeat(id * 5000)))
  const block = await read()
  expect(entriesOf(block)).toEqual(await harness.entries(0))
  verifyBlock(block)
  const part = await read(0, START, 7)
  expect(part.count).toBe(7)
  const rest = await read(0, part.point)
  verifyBlock(rest)
  expect(part.count + rest.count).toBe(block.count)
})

it('blocks that are read into the memory of former ones have their own entries', async () => {
  for (let id = 0; id < 20; id++) await put(id, JSON.stringify('x'.repeat((id % 5) * 3000)))
  const entries = await harness.entries(0)
  let tip = START
  for (let n = 0; n < entries.length; n += 3) {
    const block = await read(0, tip, 3)
    expect(entriesOf(block)).toEqual(entries.slice(n, n + 3))
    verifyBlock(block)
    tip = block.point
    reader.giveBack(block)
  }
})

it('after the last entry there is none, at once or after a while; one that comes meanwhile ends the wait', async () => {
  const { point } = await read()
  expect(await read(0, point)).toMatchObject({ count: 0, point })
  expect(await read(20, point)).toMatchObject({ count: 0, point })
  const waiting = read(10_000, point)
  await put(1)
  expect(entriesOf(await waiting)).toMatchObject([{ type: 'U', key: idKey(1) }])
})

it('a connection that ends fails the call that waits, and the next call makes another one', async () => {
  const { point } = await read()
  // Expected before it happens: a rejection that nobody waits for yet ends the run of the tests.
  const killed = expect(read(10_000, point)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' })
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await killed
  expect((await read(0, point)).count).toBe(0)
  const dropped = expect(read(10_000, point)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' })
  await sleep(50)
  reader.drop()
  await dropped
  expect((await read(0, point)).count).toBe(0)
})

it('what Redis answers instead of entries is an error', async () => {
  await redis.client.set('text', 'x')
  await expect(reader.read(START, { key: 'text', count: 1, blockMs: 0 })).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringContaining('WRONGTYPE') as string,
  })
  expect((await read()).count).toBeGreaterThan(0)
})

/** Operations a second that one Redis takes by the commit script, with a sync of its disk before each answer. */
import { idKey } from '../core/ids.ts'
import { encodeRow } from '../core/row-codec.ts'
import { LogHarness } from '../test/support/log-harness.ts'
import { TestRedis } from '../test/support/redis.ts'
import { row, table } from './table.ts'

const RUN_MS = 1500
const CELLS = 4
const IDS = 10_000

export async function commitScript(): Promise<void> {
  table(
    'The commit script, appendfsync always, one connection, one batch in flight, three of four operations moving an id',
    'bytes of a row',
    'operations in a batch',
    'operations a second',
  )
  const redis = await TestRedis.start()
  for (const bytes of [512, 3072])
    for (const size of [1, 16, 64, 256]) row(String(bytes), String(size), await rateOf(redis, bytes, size))
  await redis.close()
}

async function rateOf(redis: TestRedis, bytes: number, size: number): Promise<number> {
  const harness = new LogHarness(redis.client, CELLS)
  await harness.create()
  const pod = await harness.lead(0)
  const encoded = encodeRow({ vector: new Float32Array(bytes / 4), payload: '' })
  let n = 0
  const started = performance.now()
  while (performance.now() - started < RUN_MS) {
    const operations = Array.from({ length: size }, () => {
      n++
      const [key, owner] = [idKey(n % IDS), n % CELLS]
      return { type: 'U' as const, key, owner, copy: null, expect: '', centroidVersion: 0, row: encoded }
    })
    const { code } = await harness.commit(pod, operations)
    if (code !== 'OK') throw new Error(code)
  }
  const rate = (n * 1000) / (performance.now() - started)
  await redis.client.flushall()
  return rate
}

/** Operations a second that one Redis takes by the commit script, with a sync of its disk before each answer. */
import { idKey } from '../core/ids.ts'
import { encodeRow } from '../core/row-codec.ts'
import type { Operation } from '../store/cell-log.ts'
import { LogHarness, type PlayedPod } from '../test/support/log-harness.ts'
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
  table(
    'The same, of edits of payloads of 80 bytes at points with a redundant row: the whole row, or the payload alone',
    'values of a row',
    'operations in a batch',
    'upserts a second',
    'edits a second',
  )
  for (const values of [128, 768])
    for (const size of [1, 16, 64]) {
      const upserts = await editRateOf(redis, values, size, 'U')
      row(String(values), String(size), upserts, await editRateOf(redis, values, size, 'P'))
    }
  await redis.close()
}

const EDITED = 1000
const PAYLOAD = JSON.stringify({ title: 'x'.repeat(68) })

async function editRateOf(redis: TestRedis, values: number, size: number, type: 'U' | 'P'): Promise<number> {
  const harness = new LogHarness(redis.client, 2)
  await harness.create()
  const pod = await harness.lead(0)
  const encoded = encodeRow({ vector: new Float32Array(values).fill(0.5), payload: PAYLOAD })
  const upsert = (n: number): Operation => {
    return { type: 'U', key: idKey(n % EDITED), owner: 0, copy: 1, expect: '', centroidVersion: 0, row: encoded }
  }
  const payload = Buffer.from(PAYLOAD)
  const edit = (n: number): Operation => ({ type: 'P', key: idKey(n % EDITED), expect: '', payload })
  await harness.commit(
    pod,
    Array.from({ length: EDITED }, (_, n) => upsert(n)),
  )
  const rate = await rateOfBatches(harness, pod, size, type === 'U' ? upsert : edit)
  await redis.client.flushall()
  return rate
}

async function rateOfBatches(
  harness: LogHarness,
  pod: PlayedPod,
  size: number,
  operation: (n: number) => Operation,
): Promise<number> {
  let n = 0
  const started = performance.now()
  while (performance.now() - started < RUN_MS) {
    const { code } = await harness.commit(
      pod,
      Array.from({ length: size }, () => operation(n++)),
    )
    if (code !== 'OK') throw new Error(code)
  }
  return (n * 1000) / (performance.now() - started)
}

async function rateOf(redis: TestRedis, bytes: number, size: number): Promise<number> {
  const harness = new LogHarness(redis.client, CELLS)
  await harness.create()
  const pod = await harness.lead(0)
  const encoded = encodeRow({ vector: new Float32Array(bytes / 4), payload: '' })
  const rate = await rateOfBatches(harness, pod, size, (n) => {
    const [key, owner] = [idKey(n % IDS), n % CELLS]
    return { type: 'U', key, owner, copy: null, expect: '', centroidVersion: 0, row: encoded }
  })
  await redis.client.flushall()
  return rate
}

/** The queue of writes before a log that does not answer, and what is refused before it. */

import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { LIMITS, QUEUES } from '../../core/limits.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { Metrics } from '../../runtime/metrics.ts'
import type { Operation } from '../../store/cell-log.ts'
import type { Pod } from '../pod/pod.ts'
import { BATCH_OPERATIONS_MAX, Committer } from './committer.ts'
import type { Election } from './election.ts'
import type { Replica } from './replica.ts'

const DIMENSION = 2
let silent: Server
let committer: Committer
beforeEach(async () => {
  // Takes connections and never answers.
  silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const pod = {
    name: '0/0',
    metrics: new Metrics('shard', { vectorcluster: 'films', collection: 'films', cell: 0 }),
    config: {
      vectors: { '': { size: DIMENSION, metric: 'L2' } },
      redisUrl: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      walBudgetBytes: 1024 ** 3,
    },
    env: { MAKSDB_CELL: 0 },
  } as unknown as Pod
  const election = { role: 'primary', lead: { epoch: '1', token: '0/0#1#1' } } as Election
  committer = new Committer(pod, { tip: { position: ORIGIN, hash: '' } } as Replica, election, () => undefined)
})
afterEach(() => {
  committer.close()
  silent.close()
})

const deletes = (count: number): Operation[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'D', key: idKey(i), expect: '' }))
const upserts = (count: number, row: Uint8Array): Operation[] =>
  Array.from({ length: count }, (_, i) => ({
    type: 'U',
    key: idKey(i),
    owner: 0,
    copy: null,
    expect: '',
    centroidVersion: 1,
    row,
  }))

const rowOf = (dimension: number, payloadBytes: number) =>
  encodeRow({ vector: new Float32Array(dimension), payload: 'x'.repeat(payloadBytes) })

/** Whether a commit waits, or what refuses it at once. */
async function taken(operations: readonly Operation[]): Promise<unknown> {
  const commit = committer.commit(operations).then(
    () => 'done',
    (error: unknown) => error,
  )
  return Promise.race([commit, new Promise((resolve) => setImmediate(() => resolve('waits')))])
}
const refusal = (limit: string) => ({
  code: 'OVERLOADED',
  status: 429,
  retriable: true,
  details: { notExecuted: true },
  message: expect.stringContaining(limit),
})

it('a write is refused as retriable if more operations would wait than may, and one that fits is taken', async () => {
  const most = QUEUES.QUEUE_OPERATIONS_MAX.value
  // The first batch leaves the queue for the log.
  expect(await taken(deletes(BATCH_OPERATIONS_MAX + most - 1))).toBe('waits')
  expect(await taken(deletes(2))).toMatchObject(refusal('QUEUE_OPERATIONS_MAX'))
  expect(await taken(deletes(1))).toBe('waits')
})

it('a write is refused as retriable if more bytes would wait than may', async () => {
  const row = rowOf(DIMENSION, LIMITS.PAYLOAD_BYTES_MAX.value)
  const rows = Math.floor(QUEUES.QUEUE_BYTES_MAX.value / row.length)
  // The first row is a batch of its own.
  expect(await taken(upserts(rows, row))).toBe('waits')
  expect(await taken(upserts(2, row))).toMatchObject(refusal('QUEUE_BYTES_MAX'))
  expect(await taken(deletes(1))).toBe('waits')
})

it('the only write is taken, however large it is', async () => {
  expect(await taken(deletes(BATCH_OPERATIONS_MAX))).toBe('waits')
  expect(await taken(deletes(QUEUES.QUEUE_OPERATIONS_MAX.value + 1))).toBe('waits')
})

it('a row that the replay could not read is refused before it waits, whatever else the request has', async () => {
  const good = rowOf(DIMENSION, 10)
  for (const bad of [rowOf(DIMENSION + 1, 10), good.subarray(0, good.length - 1), Buffer.alloc(good.length)]) {
    expect(await taken([...upserts(1, good), ...upserts(1, bad)])).toMatchObject({
      code: 'INTERNAL',
      details: { notExecuted: true },
    })
  }
  expect(await taken(upserts(1, good))).toBe('waits')
})

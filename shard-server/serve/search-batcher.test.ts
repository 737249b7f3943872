/** The queue of searches before an index that is busy. */
import { expect, it } from 'vitest'
import { QUEUES } from '../../core/limits.ts'
import { callWithin } from '../../runtime/call.ts'
import { Metrics } from '../../runtime/metrics.ts'
import type { IndexQuery } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'
import { BATCH_QUERIES_MAX, SearchBatcher } from './search-batcher.ts'

const query: IndexQuery = {
  spec: { limit: 1, withPayload: false, withVector: false } as IndexQuery['spec'],
  vector: Float32Array.of(1, 2),
  at: undefined,
}
const queries = (count: number) => Array.from({ length: count }, () => query)

it('a search is refused as retriable if more queries would wait than may, and one that fits is taken', async () => {
  const metrics = new Metrics('shard', { vectorcluster: 'films', collection: 'films', cell: 0 })
  const busy = { call: () => new Promise<never>(() => undefined) }
  const batcher = new SearchBatcher({ metrics, index: busy } as unknown as Pod)
  const gone = new AbortController()
  const call = { ...callWithin(60_000), signal: gone.signal }
  // The first batch leaves the queue for the index.
  const waiting = [batcher.search(queries(BATCH_QUERIES_MAX), call)]
  waiting.push(batcher.search(queries(QUEUES.QUEUE_QUERIES_MAX.value - 1), call))
  await expect(batcher.search(queries(2), call)).rejects.toMatchObject({
    code: 'OVERLOADED',
    status: 429,
    retriable: true,
    details: { notExecuted: true },
    message: expect.stringContaining('QUEUE_QUERIES_MAX'),
  })
  waiting.push(batcher.search(queries(1), call))
  const ends = waiting.slice(1).map((one) => expect(one).rejects.toMatchObject({ code: 'TIMEOUT' }))
  gone.abort()
  await Promise.all(ends)
})

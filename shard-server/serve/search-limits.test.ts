import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import { callWithin } from '../../runtime/call.ts'
import type { Answer, IndexQuery } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'
import { BATCH_QUERIES_MAX, SearchBatcher } from './search-batcher.ts'

/** So many of the largest requests are far beyond what may wait. */
const REQUESTS = 64

interface Asked {
  queries: readonly IndexQuery[]
  answer: (bytesEach: number) => void
}

/** A batcher before an index thread that answers when it is told to, with rows of so many bytes for each query. */
function batcher() {
  const asked: Asked[] = []
  const call = (_name: 'search', { queries }: { queries: readonly IndexQuery[] }) =>
    new Promise<Answer<'search'>>((resolve) => {
      const answer = (bytesEach: number) => {
        const found = { vectors: { byteLength: bytesEach }, payloads: { byteLength: 0 } }
        resolve({ scanned: 1, queries: queries.map(() => found) } as unknown as Answer<'search'>)
      }
      asked.push({ queries, answer })
    })
  const silent = () => undefined
  const metrics = { add: silent, set: silent, observe: silent }
  return { asked, searches: new SearchBatcher({ index: { call }, metrics } as unknown as Pod) }
}

const queries = (count: number) => Array.from({ length: count }, () => ({}) as IndexQuery)
const call = () => callWithin(60_000)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the searches of a pod', () => {
  it('wait in a queue with a limit, beyond which they are refused and may be sent again (S10)', async () => {
    const { asked, searches } = batcher()
    const most = LIMITS.SEARCHES_MAX.value
    const sent = Array.from({ length: REQUESTS }, () => searches.search(queries(most), call()))
    const outcomes = Promise.allSettled(sent)
    for (let batch = 0; batch < (REQUESTS * most) / BATCH_QUERIES_MAX; batch++) {
      asked[batch]?.answer(0)
      await turn()
    }
    const all = await outcomes
    const taken = all.filter(({ status }) => status === 'fulfilled')
    expect([taken.length > 0, taken.length < REQUESTS]).toEqual([true, true])
    expect(asked.reduce((sum, batch) => sum + batch.queries.length, 0)).toBe(taken.length * most)
    for (const outcome of all)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({
          code: 'OVERLOADED',
          retriable: true,
          details: { notExecuted: true },
        })
  })

  it('are taken if nothing waits, with as many queries as a request may have (S10)', async () => {
    const { asked, searches } = batcher()
    const answer = searches.search(queries(LIMITS.SEARCHES_MAX.value), call())
    for (let batch = 0; batch < LIMITS.SEARCHES_MAX.value / BATCH_QUERIES_MAX; batch++) {
      asked[batch]?.answer(0)
      await turn()
    }
    expect(await answer).toHaveLength(LIMITS.SEARCHES_MAX.value)
  })

  it('of one request that find more bytes than an answer may have are refused, and others are not (S14)', async () => {
    const { asked, searches } = batcher()
    const large = searches.search(queries(3), call())
    asked[0]?.answer(Math.ceil(LIMITS.ANSWER_BYTES_MAX.value / 2))
    await expect(large).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' })
    const other = searches.search(queries(2), call())
    await turn()
    asked[1]?.answer(Math.floor(LIMITS.ANSWER_BYTES_MAX.value / 2))
    expect(await other).toHaveLength(2)
  })
})

import { describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import { LIMITS, QUEUES } from '../../core/limits.ts'
import { OpenCall } from '../../runtime/call.ts'
import type { Answer, Argument, FoundRows, IndexQuery } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'
import { BATCH_QUERIES_MAX, SearchBatcher } from './search-batcher.ts'

const LONG_MS = 60_000
/** So many of the largest requests are far beyond what may wait. */
const LARGEST_REQUESTS = 64
const NONE: FoundRows = {
  headers: Buffer.from('[]'),
  vectors: new Float32Array(0),
  payloads: Buffer.alloc(0),
  plan: { plan: 'all', indexes: [], candidates: 0, checked: 0, matched: 0 },
}
const query = { spec: {}, vector: new Float32Array(1), at: undefined } as unknown as IndexQuery
const like = (spec: object) => [{ ...query, spec: { ...query.spec, ...spec } }]
/** One query each. */
const FILTERED = like({ filter: '{}' as FilterText })
const MATCHING_NONE = like({ filter: 'none' as FilterText })
const SCORED = like({ scoring: { is: 'context', examples: 2 } })
const queries = (count: number) => Array.from({ length: count }, () => query)
/** A batcher over an index thread that answers when it is released, and what it was asked. */
function batcher(inFlightMax = 1) {
  const batches: number[] = []
  const counts: Record<string, number> = {}
  const waiting: ((answer: (count: number) => Answer<'search'>) => void)[] = []
  const metrics = {
    add: (name: string, by: number) => void (counts[name] = (counts[name] ?? 0) + by),
    set: (name: string, value: number) => void (counts[name] = value),
    observe: () => undefined,
  }
  const index = {
    call: (call: string, asked: Argument<'search'> & Argument<'matchNone'>) => {
      if (call === 'matchNone')
        return Promise.resolve(asked.filters.map(({ filter }) => filter === MATCHING_NONE[0]?.spec.filter))
      batches.push(asked.queries.length)
      return new Promise<Answer<'search'>>((resolve, reject) =>
        waiting.push((answer) => {
          try {
            resolve(answer(asked.queries.length))
          } catch (error) {
            reject(error)
          }
        }),
      )
    },
  }
  const found = (count: number, rows = NONE): Answer<'search'> => ({
    queries: Array.from({ length: count }, () => rows),
    scanned: 7,
  })
  /** Answers the batch that the index thread computes now; every query has found nothing, unless it is said otherwise. */
  const release = async (answer: (count: number) => Answer<'search'> = found) => {
    waiting.shift()?.(answer)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const all = new SearchBatcher({ metrics, index } as unknown as Pod, inFlightMax)
  /** The number of answers of a search, or the code of its error. */
  const search = (count: number, call = new OpenCall(LONG_MS)): Promise<number | string> =>
    all.search(queries(count), call).then(
      (answers) => answers.length,
      (error: unknown) => (error as MaksError).code,
    )
  return { all, batches, counts, found, release, search }
}

describe('searches', () => {
  it.each([
    ['with a filter are in batches of their own', FILTERED, [1, 5, 2]],
    ['by several vectors go one by one', SCORED, [1, 5, 1, 1]],
  ])('%s, in their turn (S24, S40)', async (_what, slow, expected) => {
    const { all, batches, release, search } = batcher()
    const slowOnes = [slow, slow].flat()
    const answers = [search(1), search(2), all.search(slowOnes, new OpenCall(LONG_MS)), search(3)]
    for (const _ of expected) await release()
    expect(batches).toEqual(expected)
    await Promise.all(answers)
  })

  it('that match no row, as an index shows, go out while all batches are searched, and are counted (S42)', async () => {
    const { all, batches, counts, found, release, search } = batcher()
    const answers = [search(1), all.search([...FILTERED, ...MATCHING_NONE, ...MATCHING_NONE], new OpenCall(LONG_MS))]
    await new Promise((resolve) => setImmediate(resolve))
    expect(batches).toEqual([1, 2])
    const none = { ...NONE, plan: { ...NONE.plan, plan: 'none' as const } }
    await release()
    await release((count) => found(count, none))
    expect(batches).toEqual([1, 2, 1])
    await release()
    await Promise.all(answers)
    expect(counts).toMatchObject({ maksdb_queue_depth: 0, maksdb_searches_without_match_total: 2 })
  })

  it('that match no row no longer go back to the queue if they need more time', async () => {
    const { all, batches, found, release, search } = batcher()
    const answers = [search(1), all.search(MATCHING_NONE, new OpenCall(LONG_MS))]
    await release()
    await release(() => ({ queries: [undefined], scanned: 7 }))
    expect(batches).toEqual([1, 1, 1])
    await release(found)
    expect(await Promise.all(answers)).toHaveLength(2)
  })

  it('that may scan leave one of the batches to those that do not, where there are such (S24)', async () => {
    const { all, search, batches, release } = batcher(2)
    const plain = search(1)
    await release()
    const answers = [plain, ...[FILTERED, FILTERED, SCORED].map((one) => all.search(one, new OpenCall(LONG_MS)))]
    expect(batches).toEqual([1, 1])
    answers.push(search(7))
    expect(batches).toEqual([1, 1, 7])
    for (let i = 0; i < 4; i++) await release()
    await Promise.all(answers)
    expect(batches).toEqual([1, 1, 7, 1, 1])
  })

  it('with a filter take all batches where there are no others, and those by several vectors never do (S24, S40)', async () => {
    const { all, batches, release } = batcher(2)
    const begin = (one: IndexQuery[]) => all.search(one, new OpenCall(LONG_MS))
    const answers = [begin(SCORED), begin(SCORED)]
    expect(batches).toEqual([1])
    answers.push(begin([...FILTERED, ...FILTERED]))
    expect(batches).toEqual([1, 2])
    for (let i = 0; i < 3; i++) await release()
    await Promise.all(answers)
    const filtered = [begin(FILTERED), begin(FILTERED)]
    expect(batches).toEqual([1, 2, 1, 1, 1])
    for (const _ of filtered) await release()
    await Promise.all(filtered)
  })

  it('with a filter wait for one comparison of all rows at most, however many came before (S40)', async () => {
    const { all, batches, search, release } = batcher()
    const call = new OpenCall(LONG_MS)
    const answers = [search(1), all.search(Array.from({ length: 5 }, () => SCORED).flat(), call)]
    await release()
    answers.push(all.search([...FILTERED, ...FILTERED, ...FILTERED], call))
    await release()
    expect(batches).toEqual([1, 1, 3])
    for (let i = 0; i < 5; i++) await release()
    await Promise.all(answers)
    expect(batches).toEqual([1, 1, 3, 1, 1, 1, 1])
  })

  it('wait while the index thread is busy, and then go to it together', async () => {
    const { search, batches, release } = batcher()
    const answers = [1, 2, 3].map((count) => search(count))
    await release()
    await release()
    expect(await Promise.all(answers)).toEqual([1, 2, 3])
    expect(batches).toEqual([1, 5])
  })

  it('of few clients are searched at the same time', async () => {
    const { search, batches, release } = batcher(2)
    const answers = [search(1), search(1)]
    expect(batches).toEqual([1, 1])
    for (const _ of answers) await release()
    expect(await Promise.all(answers)).toEqual([1, 1])
  })

  it('of many clients begin beside another batch only with a share of them, and wait for no more than its end', async () => {
    const { search, batches, release } = batcher(2)
    const many = [search(64)]
    expect(batches).toEqual([32, 32])
    await release()
    many.push(...Array.from({ length: 31 }, () => search(1)))
    expect(batches).toEqual([32, 32])
    many.push(search(1))
    expect(batches).toEqual([32, 32, 32])
    many.push(...Array.from({ length: 5 }, () => search(1)))
    await release()
    expect(batches).toEqual([32, 32, 32])
    await release()
    expect(batches).toEqual([32, 32, 32, 5])
    await release()
    expect((await Promise.all(many)).length).toBe(38)
  })

  it('leave a batch that may begin beside theirs its share, unless they are few', async () => {
    const { search, batches, release } = batcher(2)
    const few = search(20)
    expect(batches).toEqual([16])
    await release()
    await release()
    expect(await few).toBe(20)
    const many = search(100)
    expect(batches).toEqual([16, 4, 50, 50])
    for (let i = 0; i < 2; i++) await release()
    expect(await many).toBe(100)
  })

  it('with a filter do not wait for those without, nor these for them (S24)', async () => {
    const { all, search, batches, release } = batcher(2)
    const answers = [search(16), all.search(FILTERED, new OpenCall(LONG_MS))]
    expect(batches).toEqual([16, 1])
    for (const _ of answers) await release()
    await Promise.all(answers)
  })

  it(`go in batches of at most ${BATCH_QUERIES_MAX}`, async () => {
    const { search, batches, release } = batcher()
    const answer = search(2 * BATCH_QUERIES_MAX + 1)
    for (let i = 0; i < 3; i++) await release()
    expect(await answer).toBe(2 * BATCH_QUERIES_MAX + 1)
    expect(batches).toEqual([BATCH_QUERIES_MAX, BATCH_QUERIES_MAX, 1])
  })

  it('beyond the queue are refused and were not executed', async () => {
    const { all, search, release } = batcher()
    const first = search(1)
    const calls = Array.from({ length: 4 }, () => new OpenCall(LONG_MS))
    const full = calls.map((call) => search(QUEUES.QUEUE_QUERIES_MAX.value / 4, call))
    await expect(all.search(queries(1), new OpenCall(LONG_MS))).rejects.toThrowError(
      expect.objectContaining({
        code: 'OVERLOADED',
        retriable: true,
        details: { notExecuted: true },
        message: expect.stringContaining('QUEUE_QUERIES_MAX') as string,
      }),
    )
    for (const call of calls) call.cancel('the caller has gone')
    await release()
    expect(await Promise.all([first, ...full])).toEqual([1, ...full.map(() => 'TIMEOUT')])
  })

  it('that would wait beyond the queue are refused and may be sent again, and all others are computed (S10)', async () => {
    const { all, batches, release } = batcher()
    const most = LIMITS.SEARCHES_MAX.value
    const sent = Array.from({ length: LARGEST_REQUESTS }, () => all.search(queries(most), new OpenCall(LONG_MS)))
    const outcomes = Promise.allSettled(sent)
    for (let batch = 0; batch < (LARGEST_REQUESTS * most) / BATCH_QUERIES_MAX; batch++) await release()
    const ended = await outcomes
    const taken = ended.filter(({ status }) => status === 'fulfilled')
    expect([taken.length > 0, taken.length < LARGEST_REQUESTS]).toEqual([true, true])
    expect(batches.reduce((sum, count) => sum + count, 0)).toBe(taken.length * most)
    for (const outcome of ended)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({
          code: 'OVERLOADED',
          retriable: true,
          details: { notExecuted: true },
        })
  })

  it('are taken if nothing waits, with as many queries as a request may have (S10)', async () => {
    const { search, release } = batcher()
    const answer = search(LIMITS.SEARCHES_MAX.value)
    for (let batch = 0; batch < LIMITS.SEARCHES_MAX.value / BATCH_QUERIES_MAX; batch++) await release()
    expect(await answer).toBe(LIMITS.SEARCHES_MAX.value)
  })

  it('of one request that find more bytes than an answer may have are refused, and others are not (S14)', async () => {
    const { found, release, search } = batcher()
    const rows = (bytes: number) => ({ ...NONE, vectors: { byteLength: bytes } as Float32Array })
    const large = search(3)
    await release((count) => found(count, rows(Math.ceil(LIMITS.ANSWER_BYTES_MAX.value / 2))))
    expect(await large).toBe('ANSWER_TOO_LARGE')
    const other = search(2)
    await release((count) => found(count, rows(Math.floor(LIMITS.ANSWER_BYTES_MAX.value / 2))))
    expect(await other).toBe(2)
  })

  it('that want more time come before those that wait', async () => {
    const { search, batches, found, release } = batcher()
    const slow = search(2)
    const next = search(1)
    await release(() => ({ queries: [NONE, undefined], scanned: 7 }))
    await release((count) => found(count))
    expect(await Promise.all([slow, next])).toEqual([2, 1])
    expect(batches).toEqual([2, 2])
  })
})

describe('a search whose caller has gone', () => {
  it('leaves the queue, is counted, and is not computed', async () => {
    const { search, batches, counts, release } = batcher()
    const first = search(1)
    const call = new OpenCall(LONG_MS)
    const left = search(3, call)
    expect(counts.maksdb_queue_depth).toBe(3)
    call.cancel('the caller has gone')
    expect(counts).toMatchObject({ maksdb_queue_depth: 0, maksdb_searches_cancelled_total: 3 })
    await release()
    expect(await Promise.all([first, left])).toEqual([1, 'TIMEOUT'])
    expect(batches).toEqual([1])
  })

  it('before it comes is refused', async () => {
    const { search, batches } = batcher()
    const call = new OpenCall(LONG_MS)
    call.cancel('the caller has gone')
    expect(await search(1, call)).toBe('TIMEOUT')
    expect(batches).toEqual([])
  })

  it('is not computed further if it wants more time', async () => {
    const { search, batches, counts, release } = batcher()
    const call = new OpenCall(LONG_MS)
    const left = search(1, call)
    call.cancel('the caller has gone')
    await release(() => ({ queries: [undefined], scanned: 0 }))
    expect(await left).toBe('TIMEOUT')
    expect([batches, counts.maksdb_searches_cancelled_total]).toEqual([[1], 1])
  })

  it('is not computed alone after another query of its batch has failed', async () => {
    const { search, batches, release } = batcher()
    const first = search(1)
    const call = new OpenCall(LONG_MS)
    const [left, stays] = [search(1, call), search(1)]
    await release()
    call.cancel('the caller has gone')
    await release(() => {
      throw new MaksError('STALE', 'below the floor')
    })
    await release()
    expect(await Promise.all([first, left, stays])).toEqual([1, 'TIMEOUT', 1])
    expect(batches).toEqual([1, 2, 1])
  })
})

describe('a query that fails', () => {
  it.each(['STALE', 'ANSWER_TOO_LARGE'] as const)('with %s does not fail the others of its batch', async (code) => {
    const { search, batches, release } = batcher()
    const fail = () => {
      throw new MaksError(code, 'refused')
    }
    const first = search(1)
    const [bad, good] = [search(1), search(1)]
    await release()
    await release(fail)
    await release(fail)
    await release()
    expect(await Promise.all([first, bad, good])).toEqual([1, code, 1])
    expect(batches).toEqual([1, 2, 1, 1])
  })

  it('with any other error fails its batch, and the next one is computed', async () => {
    const { search, batches, release } = batcher()
    const bad = search(2)
    const next = search(1)
    await release(() => {
      throw new MaksError('INTERNAL', 'a fault')
    })
    await release()
    expect(await Promise.all([bad, next])).toEqual(['INTERNAL', 1])
    expect(batches).toEqual([2, 1])
  })
})

describe('the answer of a request', () => {
  const max = LIMITS.ANSWER_BYTES_MAX.value
  const rows = (bytes: number): FoundRows => ({ ...NONE, payloads: { byteLength: bytes } as Uint8Array })

  it.each([
    ['at its limit is sent', [max - 1, 1], 2],
    ['beyond it is refused, though each query alone is within it', [max - 1, 2], 'ANSWER_TOO_LARGE'],
  ] as const)('%s', async (_what, bytes, expected) => {
    const { search, release } = batcher()
    const answer = search(bytes.length)
    await release(() => ({ queries: bytes.map(rows), scanned: 1 }))
    expect(await answer).toBe(expected)
  })

  it('beyond its limit ends the rest of the request before it is computed', async () => {
    const { search, batches, release } = batcher()
    const answer = search(BATCH_QUERIES_MAX + 1)
    await release((count) => ({ queries: Array.from({ length: count }, () => rows(max)), scanned: 1 }))
    expect(await answer).toBe('ANSWER_TOO_LARGE')
    expect(batches).toEqual([BATCH_QUERIES_MAX])
  })
})

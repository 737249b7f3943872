/**
 * Searches wait while the index thread is busy, and then go to FAISS together: a batch of 64 costs it little more than
 * one of 16. One batch in flight.
 */
import { MaksError } from '../core/errors.ts'
import type { FoundQuery } from './index/index-calls.ts'
import type { Pod } from './pod.ts'

export const BATCH_QUERIES_MAX = 128
/** Queries that may wait; beyond it searches get 429. */
export const QUEUE_QUERIES_MAX = 4096

export interface QueuedQuery {
  vector: Float32Array
  limit: number
  at: number | undefined
  withPayload: boolean
  withVector: boolean
}

interface Item {
  query: QueuedQuery
  resolve: (found: { found: FoundQuery; scanned: number }) => void
  reject: (error: unknown) => void
}

export class SearchQueue {
  readonly #pod: Pod
  #waiting: Item[] = []
  #busy = false

  constructor(pod: Pod) {
    this.#pod = pod
  }

  async search(queries: readonly QueuedQuery[]): Promise<{ found: FoundQuery; scanned: number }[]> {
    if (this.#waiting.length + queries.length > QUEUE_QUERIES_MAX) {
      throw new MaksError('OVERLOADED', 'too many searches wait', { details: { notExecuted: true } })
    }
    const started = performance.now()
    const answers = queries.map(
      (query) =>
        new Promise<{ found: FoundQuery; scanned: number }>((resolve, reject) =>
          this.#waiting.push({ query, resolve, reject }),
        ),
    )
    this.#pod.metrics.set('maksdb_queue_depth', this.#waiting.length, { queue: 'search' })
    void this.#drain()
    const found = await Promise.all(answers)
    this.#pod.metrics.observe('maksdb_search_seconds', (performance.now() - started) / 1000)
    return found
  }

  async #drain(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    while (this.#waiting.length > 0) {
      const items = this.#waiting.splice(0, BATCH_QUERIES_MAX)
      this.#pod.metrics.set('maksdb_queue_depth', this.#waiting.length, { queue: 'search' })
      this.#pod.metrics.observe('maksdb_search_batch_queries', items.length)
      await this.#run(items)
    }
    this.#busy = false
  }

  async #run(items: Item[]): Promise<void> {
    const dimension = this.#pod.config.dimension
    const vectors = new Float32Array(items.length * dimension)
    items.forEach(({ query }, i) => vectors.set(query.vector, i * dimension))
    try {
      const answer = await this.#pod.index.call(
        'search',
        {
          vectors,
          limits: items.map(({ query }) => query.limit),
          at: items.map(({ query }) => query.at),
          withPayload: items.map(({ query }) => query.withPayload),
          withVector: items.map(({ query }) => query.withVector),
        },
        [vectors.buffer],
      )
      items.forEach((item, i) => item.resolve({ found: answer.queries[i] as FoundQuery, scanned: answer.scanned }))
    } catch (error) {
      // One query below the history floor must not fail the others of its batch.
      if (items.length > 1 && error instanceof MaksError && error.code === 'STALE')
        for (const item of items) await this.#run([item])
      else for (const item of items) item.reject(error)
    }
  }
}

/**
 * Searches wait while the index thread is busy, and then go to FAISS together: a batch of 64 costs it little more than
 * one of 16. One batch in flight.
 */
import { MaksError } from '../../core/errors.ts'
import { beyond, LIMITS } from '../../core/limits.ts'
import type { ToldRows } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'

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

export interface Found {
  found: ToldRows
  scanned: number
}

/** Of one request: the bytes that its queries have found so far. */
interface Bytes {
  sum: number
}

interface Item {
  query: QueuedQuery
  bytes: Bytes
  resolve: (found: Found) => void
  reject: (error: unknown) => void
}

export class SearchBatcher {
  readonly #pod: Pod
  #waiting: Item[] = []
  #busy = false

  constructor(pod: Pod) {
    this.#pod = pod
  }

  async search(queries: readonly QueuedQuery[]): Promise<Found[]> {
    if (this.#waiting.length + queries.length > QUEUE_QUERIES_MAX) {
      throw new MaksError('OVERLOADED', 'too many searches wait', { details: { notExecuted: true } })
    }
    const started = performance.now()
    const bytes: Bytes = { sum: 0 }
    const answers = queries.map(
      (query) => new Promise<Found>((resolve, reject) => this.#waiting.push({ query, bytes, resolve, reject })),
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
      // A request that is refused already need not be computed to its end.
      const [open, refused] = [items.filter(within), items.filter((item) => !within(item))]
      for (const item of refused) item.reject(tooLarge(item))
      if (open.length > 0) await this.#run(open)
    }
    this.#busy = false
  }

  async #run(items: Item[]): Promise<void> {
    const dimension = this.#pod.config.vectors[''].size
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
      const later: Item[] = []
      for (const [i, item] of items.entries()) {
        const found = answer.queries[i]
        if (found === undefined) {
          later.push(item)
          continue
        }
        item.bytes.sum += found.vectors.byteLength + found.payloads.byteLength
        if (within(item)) item.resolve({ found, scanned: answer.scanned })
        else item.reject(tooLarge(item))
      }
      this.#waiting.unshift(...later)
    } catch (error) {
      // One query below the timeline floor, or with too large an answer, must not fail the others of its batch.
      if (
        items.length > 1 &&
        error instanceof MaksError &&
        (error.code === 'STALE' || error.code === 'ANSWER_TOO_LARGE')
      )
        for (const item of items) await this.#run([item])
      else for (const item of items) item.reject(error)
    }
  }
}

function within({ bytes }: Item): boolean {
  return bytes.sum <= LIMITS.ANSWER_BYTES_MAX.value
}

function tooLarge({ bytes }: Item): MaksError {
  return beyond('ANSWER_BYTES_MAX', 'the answer', bytes.sum)
}

/**
 * Searches wait while all threads that search are busy, and then go to the kernel together: a batch of 8 costs it little
 * more than a single one, and equal filters of a batch become one row mask. A search whose call has ended leaves the queue.
 */
import { availableParallelism } from 'node:os'
import { MaksError } from '../../core/errors.ts'
import { beyond, checkQueue, LIMITS } from '../../core/limits.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'
import type { FoundRows, IndexQuery } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'

export const BATCH_QUERIES_MAX = 128
/** Threads of libuv's pool, which files use, too: some of its four are left to them. */
const BATCHES_IN_FLIGHT_MAX = Math.min(3, availableParallelism())

export interface Found {
  found: FoundRows
  scanned: number
}

/** Of one request: its call, and the bytes that its queries have found so far. */
interface Request {
  call: Call
  bytes: number
}

interface Item {
  query: IndexQuery
  request: Request
  resolve: (found: Found) => void
  reject: (error: unknown) => void
}

export class SearchBatcher {
  readonly #pod: Pod
  readonly #inFlightMax: number
  #waiting: Item[] = []
  #inFlight = 0

  /** @param inFlightMax batches that may be searched at a time */
  constructor(pod: Pod, inFlightMax = BATCHES_IN_FLIGHT_MAX) {
    this.#pod = pod
    this.#inFlightMax = inFlightMax
  }

  /** Throws OVERLOADED if the queue is full, TIMEOUT if the call ends before its turn has come. */
  async search(queries: readonly IndexQuery[], call: Call): Promise<Found[]> {
    checkWaiting(call)
    checkQueue('QUEUE_QUERIES_MAX', this.#waiting.length + queries.length)
    const started = performance.now()
    const request: Request = { call, bytes: 0 }
    const answers = queries.map(
      (query) => new Promise<Found>((resolve, reject) => this.#waiting.push({ query, request, resolve, reject })),
    )
    call.signal.addEventListener('abort', () => this.#leave(request), { once: true })
    this.#reportDepth()
    void this.#drain()
    const found = await Promise.all(answers)
    this.#pod.metrics.observe('maksdb_search_seconds', (performance.now() - started) / 1000)
    return found
  }

  /** The call of the request has ended: its queries leave the queue. */
  #leave(request: Request): void {
    const left = this.#waiting.filter((item) => item.request === request)
    if (left.length === 0) return
    this.#waiting = this.#waiting.filter((item) => item.request !== request)
    this.#reportDepth()
    this.#cancel(left)
  }

  #cancel(items: readonly Item[]): void {
    this.#pod.metrics.add('maksdb_searches_cancelled_total', items.length)
    for (const item of items) item.reject(new MaksError('TIMEOUT', 'nobody waits for the answer of this search'))
  }

  #reportDepth(): void {
    this.#pod.metrics.set('maksdb_queue_depth', this.#waiting.length, { queue: 'search' })
  }

  async #drain(): Promise<void> {
    if (this.#inFlight >= this.#inFlightMax) return
    this.#inFlight++
    while (this.#waiting.length > 0) {
      const items = this.#take()
      this.#reportDepth()
      this.#pod.metrics.observe('maksdb_search_batch_queries', items.length)
      // A request that is refused already need not be computed to its end.
      const [open, refused] = [items.filter(within), items.filter((item) => !within(item))]
      for (const item of refused) item.reject(tooLarge(item))
      if (open.length > 0) await this.#run(open)
    }
    this.#inFlight--
  }

  /** The next batch. Queries with a filter go by themselves: they wait for their row masks, and the others need not. */
  #take(): Item[] {
    const filtered = isFiltered(this.#waiting[0] as Item)
    const alike = this.#waiting.filter((item) => isFiltered(item) === filtered).slice(0, BATCH_QUERIES_MAX)
    const taken = new Set(alike)
    this.#waiting = this.#waiting.filter((item) => !taken.has(item))
    return alike
  }

  async #run(items: Item[]): Promise<void> {
    try {
      const answer = await this.#pod.index.call('search', { queries: items.map(({ query }) => query) })
      const later: Item[] = []
      for (const [i, item] of items.entries()) {
        const found = answer.queries[i]
        if (found === undefined) {
          later.push(item)
          continue
        }
        item.request.bytes += found.vectors.byteLength + found.payloads.byteLength
        if (within(item)) item.resolve({ found, scanned: answer.scanned })
        else item.reject(tooLarge(item))
      }
      this.#waiting.unshift(...later.filter(({ request }) => !request.call.signal.aborted))
      this.#cancel(later.filter(({ request }) => request.call.signal.aborted))
    } catch (error) {
      // One query below the timeline floor, or with too large an answer, must not fail the others of its batch.
      if (
        items.length > 1 &&
        error instanceof MaksError &&
        (error.code === 'STALE' || error.code === 'ANSWER_TOO_LARGE')
      ) {
        for (const item of items) {
          if (item.request.call.signal.aborted) this.#cancel([item])
          else await this.#run([item])
        }
      } else for (const item of items) item.reject(error)
    }
  }
}

function isFiltered({ query }: Item): boolean {
  return query.spec.filter !== undefined
}

function within({ request }: Item): boolean {
  return request.bytes <= LIMITS.ANSWER_BYTES_MAX.value
}

function tooLarge({ request }: Item): MaksError {
  return beyond('ANSWER_BYTES_MAX', 'the answer', request.bytes)
}

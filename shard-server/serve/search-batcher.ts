/**
 * Searches wait while all threads that search are busy, and then go to the kernel together: a batch of 8 costs it little
 * more than a single one, and equal filters of a batch become one row mask. While one batch is searched, another begins only
 * with an equal share of the queries that there usually are: one query alone reads all rows. A batch leaves their share to the
 * others. A search whose call has ended leaves the queue, and one that surely matches no row has its answer without a turn.
 */
import { availableParallelism } from 'node:os'
import { MaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import { beyond, checkQueue, LIMITS } from '../../core/limits.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'
import type { FoundRows, IndexQuery } from '../index/index-calls.ts'
import type { Pod } from '../pod/pod.ts'

export const BATCH_QUERIES_MAX = 128
/** Threads of libuv's pool, which files use, too: some of its four are left to them. */
const BATCHES_IN_FLIGHT_MAX = Math.min(3, availableParallelism())
/** For so long after a search that goes out as plain, one of the batches at a time is kept for such searches. */
const PLAIN_KEPT_MS = 10_000
/** So many queries go together whatever their share is: reading the rows is most of their time. */
const TOGETHER_MIN = 16
/** Of what is usual: the share that is kept when there are fewer queries, at each batch. */
const USUAL_KEPT = 3 / 4

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
  /** Of `#inFlight`. */
  readonly #ofKind: Record<Kind, number> = { plain: 0, filtered: 0, scored: 0 }
  /** Which kind of those that may scan went out last: the other one is first now. */
  #lastScanning: Kind = 'scored'
  /** By `performance.now()`. */
  #plainSearchedAt = Number.NEGATIVE_INFINITY
  #queriesInFlight = 0
  /** Queries that wait or are searched when a batch begins: the most of late. */
  #usual = 0

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
    const leave = () => this.#leave(request)
    call.signal.addEventListener('abort', leave, { once: true })
    this.#reportDepth()
    if (queries.some((query) => kindOf(query) === 'plain')) this.#plainSearchedAt = started
    void this.#drain()
    void this.#passWithoutMatch(request)
    const found = await Promise.all(answers).finally(() => call.signal.removeEventListener('abort', leave))
    this.#pod.metrics.observe('maksdb_search_seconds', (performance.now() - started) / 1000)
    return found
  }

  /**
   * Searches of the request that wait for their turn, while the payload indexes show that they match no row, go out at once: they
   * are answered without a comparison, and most cells have no row of a tenant.
   */
  async #passWithoutMatch(request: Request): Promise<void> {
    const waiting = this.#waiting.filter((item) => item.request === request && item.query.spec.filter !== undefined)
    if (waiting.length === 0) return
    const filters = waiting.map(({ query: { spec, at } }) => ({ filter: spec.filter as FilterText, at }))
    // An error comes again, as that of the search.
    const none = await this.#pod.index.call('matchNone', { filters }).catch(() => [])
    const there = new Set(this.#waiting)
    const passing = waiting.filter((item, i) => none[i] === true && there.has(item))
    if (passing.length === 0) return
    const gone = new Set(passing)
    this.#waiting = this.#waiting.filter((item) => !gone.has(item))
    this.#reportDepth()
    await this.#run(passing)
    void this.#drain()
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
    for (let items = this.#take(); items.length > 0; items = this.#take()) {
      this.#reportDepth()
      this.#pod.metrics.observe('maksdb_search_batch_queries', items.length)
      // A request that is refused already need not be computed to its end.
      const [open, refused] = [items.filter(within), items.filter((item) => !within(item))]
      for (const item of refused) item.reject(tooLarge(item))
      const kind = kindOf((items[0] as Item).query)
      this.#ofKind[kind]++
      this.#queriesInFlight += open.length
      // What this batch has left may be due beside it, and no other search need come for that.
      if (this.#waiting.length > 0) void this.#drain()
      if (open.length > 0) await this.#run(open)
      this.#queriesInFlight -= open.length
      this.#ofKind[kind]--
    }
    this.#inFlight--
  }

  /**
   * The next batch; empty if none is due. Queries with a filter go by themselves: they wait for their row masks, and the
   * others need not. One by several vectors goes alone: it shares nothing with another, and each reads all rows.
   */
  #take(): Item[] {
    const [first] = this.#waiting
    if (first === undefined) return []
    const outstanding = this.#waiting.length + this.#queriesInFlight
    for (const kind of this.#inTurn(kindOf(first.query))) {
      const alike = this.#waiting.filter(({ query }) => kindOf(query) === kind)
      if (!this.#isDue(kind, alike.length, outstanding)) continue
      const most = Math.max(TOGETHER_MIN, Math.ceil(this.#share(outstanding)))
      this.#usual = Math.max(outstanding, USUAL_KEPT * this.#usual)
      if (kind !== 'plain') this.#lastScanning = kind
      const taken = new Set(alike.slice(0, kind === 'scored' ? 1 : Math.min(BATCH_QUERIES_MAX, most)))
      this.#waiting = this.#waiting.filter((item) => !taken.has(item))
      return [...taken]
    }
    return []
  }

  /** The kinds in the order in which they may go out, by that of the search that waits longest. */
  #inTurn(first: Kind): readonly Kind[] {
    const scanning: readonly Kind[] = this.#lastScanning === 'scored' ? ['filtered', 'scored'] : ['scored', 'filtered']
    return first === 'plain' ? ['plain', ...scanning] : [...scanning, 'plain']
  }

  /**
   * A batch that begins beside others of its kind has an equal share of the usual queries, or half of one that is small: they end
   * sooner together than one by one, beside a batch that reads the same rows. What is left waits for the end of one of these.
   */
  #isDue(kind: Kind, waiting: number, outstanding: number): boolean {
    if (waiting === 0 || !this.#hasRoom(kind)) return false
    const share = this.#share(outstanding)
    const least = share < TOGETHER_MIN ? share / 2 : Math.min(BATCH_QUERIES_MAX, share)
    return this.#ofKind[kind] === 0 || waiting >= least
  }

  /** Of the usual queries, one for each batch that may be searched at a time. */
  #share(outstanding: number): number {
    return Math.max(outstanding, this.#usual) / this.#inFlightMax
  }

  /**
   * Searches that may scan take not all batches while there are plain ones, which would wait for them as long as a scan takes;
   * those by several vectors never do, since they are computed on one thread.
   */
  #hasRoom(kind: Kind): boolean {
    const { filtered, scored } = this.#ofKind
    const most = Math.max(1, this.#inFlightMax - 1)
    if (kind === 'plain') return true
    if (kind === 'scored' && scored >= most) return false
    return filtered + scored < most || performance.now() - this.#plainSearchedAt > PLAIN_KEPT_MS
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
        if (found.plan.plan === 'none') this.#pod.metrics.add('maksdb_searches_without_match_total', 1)
        item.request.bytes += found.vectors.byteLength + found.payloads.byteLength
        if (within(item)) item.resolve({ found, scanned: found.plan.plan === 'none' ? 0 : answer.scanned })
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

type Kind = 'plain' | 'filtered' | 'scored'

/** By several vectors, with a filter, or neither. */
function kindOf({ spec: { filter, scoring } }: IndexQuery): Kind {
  if (scoring !== undefined) return 'scored'
  return filter === undefined ? 'plain' : 'filtered'
}

function within({ request }: Item): boolean {
  return request.bytes <= LIMITS.ANSWER_BYTES_MAX.value
}

function tooLarge({ request }: Item): MaksError {
  return beyond('ANSWER_BYTES_MAX', 'the answer', request.bytes)
}

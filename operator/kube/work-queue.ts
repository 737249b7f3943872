/**
 * Keys that wait for work. A key is in work at most once at a time; a key that is added while it is in work comes back
 * after it, once. Failures wait longer each time, by key. (The rules of client-go's work queue.) What has changed goes
 * before what only has its time come: one change among a thousand that are looked at regularly does not wait for them.
 */
const BACKOFF_FIRST_MS = 5
const BACKOFF_MAX_MS = 300_000
/** Of so many keys that are taken one is of the regular ones, where both wait: those must not starve. */
const REGULAR_EVERY = 8

export class WorkQueue {
  /** Waiting, in order, with the time since when: those that changed, and those whose time has come. */
  readonly #changed = new Map<string, number>()
  readonly #regular = new Map<string, number>()
  #taken = 0
  readonly #inWork = new Set<string>()
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, { at: number; timer: NodeJS.Timeout }>()
  readonly #failures = new Map<string, number>()
  readonly #takers: ((key: string | undefined) => void)[] = []
  readonly #onTaken: (waitedMs: number) => void
  #closed = false

  constructor(onTaken: (waitedMs: number) => void = () => {}) {
    this.#onTaken = onTaken
  }

  get depth(): number {
    return this.#changed.size + this.#regular.size
  }

  add(key: string): void {
    this.#regular.delete(key)
    this.#enter(key, this.#changed)
  }

  #enter(key: string, lane: Map<string, number>): void {
    if (this.#closed) return
    if (this.#inWork.has(key)) {
      this.#again.add(key)
      return
    }
    if (this.#changed.has(key) || this.#regular.has(key)) return
    lane.set(key, performance.now())
    const taker = this.#takers.shift()
    if (taker) taker(this.#take())
  }

  /** Adds the key after a while, as a regular one; the sooner of two wishes counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return
    const at = performance.now() + ms
    const pending = this.#timers.get(key)
    if (pending && pending.at <= at) return
    clearTimeout(pending?.timer)
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      this.#enter(key, this.#regular)
    }, ms)
    this.#timers.set(key, { at, timer })
  }

  /** Adds the key after its next back-off, and answers how long that is. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const ms = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 30))
    this.addAfter(key, ms)
    return ms
  }

  succeeded(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key; undefined once the queue is closed. */
  next(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined)
    if (this.depth > 0) return Promise.resolve(this.#take())
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  #take(): string | undefined {
    const turn = this.#taken++ % REGULAR_EVERY === REGULAR_EVERY - 1
    const lane = this.#changed.size === 0 || (turn && this.#regular.size > 0) ? this.#regular : this.#changed
    const [first] = lane
    if (!first) return undefined
    const [key, since] = first
    lane.delete(key)
    this.#inWork.add(key)
    this.#onTaken(performance.now() - since)
    return key
  }

  done(key: string): void {
    this.#inWork.delete(key)
    if (this.#again.delete(key)) this.add(key)
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }
}

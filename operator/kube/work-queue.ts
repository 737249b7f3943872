/**
 * Keys that wait for work. A key is in work at most once at a time; a key that is added while it is in work comes back
 * after it, once. Failures wait longer each time, by key. (The rules of client-go's work queue.) What has changed goes
 * before what only has its time come: one change among a thousand that are looked at regularly does not wait for them.
 */
const BACKOFF_FIRST_MS = 5
const BACKOFF_MAX_MS = 300_000
/**
 * Regular keys that are in work together. What they do is mostly computing, in one thread: more of them end no sooner, but
 * stand in the way of a change at each of its steps. Two, so that one that hangs does not stop all.
 */
const REGULAR_AT_A_TIME = 2

export class WorkQueue {
  /** Waiting, in order, with the time since when: those that changed, and those whose time has come. */
  readonly #changed = new Map<string, number>()
  readonly #regular = new Map<string, number>()
  /** With whether it is a regular one. */
  readonly #inWork = new Map<string, boolean>()
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
    this.#give()
  }

  #give(): void {
    while (this.#takers.length > 0) {
      const key = this.#take()
      if (key === undefined) return
      this.#takers.shift()?.(key)
    }
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
    return new Promise((resolve) => {
      this.#takers.push(resolve)
      this.#give()
    })
  }

  #take(): string | undefined {
    const regular = this.#changed.size === 0
    if (regular && [...this.#inWork.values()].filter((one) => one).length >= REGULAR_AT_A_TIME) return undefined
    const [first] = regular ? this.#regular : this.#changed
    if (!first) return undefined
    const [key, since] = first
    this.#changed.delete(key)
    this.#regular.delete(key)
    this.#inWork.set(key, regular)
    this.#onTaken(performance.now() - since)
    return key
  }

  done(key: string): void {
    this.#inWork.delete(key)
    if (this.#again.delete(key)) this.add(key)
    this.#give()
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }
}

/**
 * Keys that wait for work. A key is in work at most once at a time; a key that is added while it is in work comes back
 * after it, once. Failures wait longer each time, by key. (The rules of client-go's work queue.)
 */
const BACKOFF_FIRST_MS = 5
const BACKOFF_MAX_MS = 300_000

export class WorkQueue {
  /** Waiting, in order, with the time since when. */
  readonly #waiting = new Map<string, number>()
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
    return this.#waiting.size
  }

  add(key: string): void {
    if (this.#closed) return
    if (this.#inWork.has(key)) {
      this.#again.add(key)
      return
    }
    if (this.#waiting.has(key)) return
    this.#waiting.set(key, performance.now())
    const taker = this.#takers.shift()
    if (taker) taker(this.#take())
  }

  /** Adds the key after a while; the sooner of two wishes counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return
    if (ms <= 0) return this.add(key)
    const at = performance.now() + ms
    const pending = this.#timers.get(key)
    if (pending && pending.at <= at) return
    clearTimeout(pending?.timer)
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      this.add(key)
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
    if (this.#waiting.size > 0) return Promise.resolve(this.#take())
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  #take(): string | undefined {
    const [first] = this.#waiting
    if (!first) return undefined
    const [key, since] = first
    this.#waiting.delete(key)
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

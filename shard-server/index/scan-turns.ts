/** The reads that look at every row: a few at once, and the others in the order in which they came. */
import { SCANS_AT_ONCE_MAX } from '../../core/limits.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'

export class ScanTurns {
  #running = 0
  readonly #waiting = new Set<() => void>()

  /** Would another scan wait? */
  get full(): boolean {
    return this.#running >= SCANS_AT_ONCE_MAX
  }

  /** Throws TIMEOUT if the call ends before its turn has come; then the scan does not begin. */
  async run<T>(call: Call, scan: () => Promise<T>): Promise<T> {
    checkWaiting(call)
    if (this.#running < SCANS_AT_ONCE_MAX) this.#running++
    else await this.#turn(call)
    try {
      return await scan()
    } finally {
      // The turn goes on to the next, so that none that comes meanwhile is before it.
      const [next] = this.#waiting
      if (next) next()
      else this.#running--
    }
  }

  async #turn(call: Call): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const begin = () => {
      this.#waiting.delete(begin)
      resolve(true)
    }
    const leave = () => {
      this.#waiting.delete(begin)
      resolve(false)
    }
    this.#waiting.add(begin)
    call.signal.addEventListener('abort', leave, { once: true })
    const begun = await promise
    call.signal.removeEventListener('abort', leave)
    if (!begun) checkWaiting(call)
  }
}

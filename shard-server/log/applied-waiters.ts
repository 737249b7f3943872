/** Calls that wait until the replay of this pod has applied an entry of the log. */
import { checkQueue } from '../../core/limits.ts'

interface Waiter {
  seq: number
  settle: (reached: boolean) => void
}

export class AppliedWaiters {
  #waiters: Waiter[] = []

  get size(): number {
    return this.#waiters.length
  }

  /**
   * Throws OVERLOADED if too many wait already. For requests, before anything of them is done; the loops of the pod itself, and
   * a write that is in the log, wait in any case.
   */
  checkRoom(): void {
    checkQueue('QUEUE_WAITS_MAX', this.size + 1)
  }

  /** Resolves to true when the entry with this number is applied, to false at the signal, or if waiting makes no sense. */
  wait(seq: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        resolve(false)
      }
      const waiter: Waiter = {
        seq,
        settle: (reached) => {
          signal.removeEventListener('abort', giveUp)
          resolve(reached)
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiters.push(waiter)
    })
  }

  /** The replay has applied all entries up to `seq`. */
  reached(seq: number): void {
    const reached = this.#waiters.filter((waiter) => waiter.seq <= seq)
    if (reached.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.seq > seq)
    for (const waiter of reached) waiter.settle(true)
  }

  /** Another timeline begins: other entries may get the numbers that the calls wait for. */
  fail(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.settle(false)
  }
}

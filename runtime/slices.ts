/**
 * Work that takes long on the main thread, done in slices: between two of them the event loop turns, so that health, leases
 * and other requests are served. One slice of one work runs in a turn of the loop, however many are under way.
 */
import { MaksError } from '../core/errors.ts'
import { hasEnded, type WorkEnd } from './work-end.ts'

const SLICE_MS = 10

const waiting: (() => void)[] = []

function turn(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(turn)
}

/** For loops that wait for other things as well: `if (slice.over) await slice.next()`. */
export class Slice {
  #until = performance.now() + SLICE_MS

  get over(): boolean {
    return performance.now() > this.#until
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 1) setImmediate(turn)
    })
    this.#until = performance.now() + SLICE_MS
  }
}

/**
 * Runs a work, which yields wherever it may be interrupted, to its end. Throws TIMEOUT where a slice would begin after `end`.
 * @param end without it, the work has no end but its own
 */
export async function inSlices<T>(work: Generator<void, T, void>, end?: WorkEnd): Promise<T> {
  checkEnd(end)
  const slice = new Slice()
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    if (!slice.over) continue
    await slice.next()
    checkEnd(end)
  }
}

function checkEnd(end: WorkEnd | undefined): void {
  if (end !== undefined && hasEnded(end)) throw new MaksError('TIMEOUT', 'the time of the call is over')
}

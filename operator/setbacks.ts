/**
 * What the API server has refused is not asked for again in every pass: the first time after a second, then after twice as
 * long each time, unless something else is asked.
 */
import type { Trouble } from './conditions.ts'

const FIRST_MS = 1000
const MAX_MS = 60_000
const REMEMBERED_MAX = 10_000

interface Setback {
  asked: string
  waitMs: number
  until: number
  trouble: Trouble
}

export class Setbacks {
  readonly #known = new Map<string, Setback>()

  /** The trouble that this very wish has met, while it need not be asked again. */
  waiting(place: string, asked: string): Trouble | undefined {
    const known = this.#known.get(place)
    return known?.asked === asked && performance.now() < known.until ? known.trouble : undefined
  }

  note(place: string, asked: string, trouble: Trouble, maxMs = MAX_MS): Trouble {
    const known = this.#known.get(place)
    const again = known?.asked === asked ? known : undefined
    const waitMs = again ? Math.min(maxMs, again.waitMs * 2) : FIRST_MS
    const told = { ...trouble, failures: (again?.trouble.failures ?? 0) + 1 }
    // What is forgotten is asked once more.
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(place, { asked, waitMs, until: performance.now() + waitMs, trouble: told })
    return told
  }

  clear(place: string): void {
    this.#known.delete(place)
  }
}

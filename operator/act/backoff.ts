/**
 * What the API server has refused is not asked for again in every pass: the first time after a second, then after twice as
 * long each time, unless something else is asked.
 */
import type { Problem } from '../problem.ts'

const FIRST_MS = 1000
const MAX_MS = 60_000
const REMEMBERED_MAX = 10_000

interface Refused {
  asked: string
  waitMs: number
  until: number
  problem: Problem
}

export class Backoff {
  readonly #known = new Map<string, Refused>()

  /** The problem that this very wish has met, while it need not be asked again. */
  waiting(place: string, asked: string): Problem | undefined {
    const known = this.#known.get(place)
    return known?.asked === asked && performance.now() < known.until ? known.problem : undefined
  }

  note(place: string, asked: string, problem: Problem, maxMs = MAX_MS): Problem {
    const known = this.#known.get(place)
    const again = known?.asked === asked ? known : undefined
    const waitMs = again ? Math.min(maxMs, again.waitMs * 2) : FIRST_MS
    const reported = { ...problem, failures: (again?.problem.failures ?? 0) + 1 }
    // What is forgotten is asked once more.
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(place, { asked, waitMs, until: performance.now() + waitMs, problem: reported })
    return reported
  }

  clear(place: string): void {
    this.#known.delete(place)
  }
}

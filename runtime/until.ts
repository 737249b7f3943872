/** Waiting for something that can only be asked for again and again. */
import { sleep } from './lifecycle.ts'

/** An answer that ends the wait is neither undefined nor false. */
type Attempt<T> = () => T | undefined | false | Promise<T | undefined | false>

export interface Pace {
  /** Time after which no further attempt is made, ms. */
  limitMs: number
  /** Time between two attempts, ms. */
  everyMs: number
}

/** The first answer that ends the wait; undefined if there is none within the time. At least one attempt is made. */
export async function within<T>({ limitMs, everyMs }: Pace, attempt: Attempt<T>): Promise<T | undefined> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const value = await attempt()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) return undefined
    await sleep(everyMs)
  }
}

/** As `within`, but throws an Error that names what was waited for; 30 s and every 50 ms if nothing else is given. */
export async function until<T>(what: string, attempt: Attempt<T>, limitMs = 30_000, everyMs = 50): Promise<T> {
  const value = await within({ limitMs, everyMs }, attempt)
  if (value === undefined) throw new Error(`waited ${limitMs} ms for ${what}`)
  return value
}

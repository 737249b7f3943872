/** What clients did and saw, one operation an entry. Times are microseconds of one monotonic clock. */
import { createWriteStream, type WriteStream } from 'node:fs'

/** `refused`: the answer says that nothing was done. `unknown`: it may have been done, at any time after the call. */
export type Outcome = 'ok' | 'refused' | 'unknown'

interface Timed {
  client: number
  id: number
  call: number
  ret: number
}

/** `value`: the number that was written, undefined for a delete. No number is written twice. */
export interface WriteEntry extends Timed {
  kind: 'write'
  value: number | undefined
  outcome: Outcome
  /** User version, where an acknowledged write made one: a delete of what is not there makes none. */
  version: number | undefined
}

/**
 * `strong`: linearizable. `acknowledged`: sees what was acknowledged before it began. `session`: sees what this client
 * wrote, and never less than its session reads saw before. `eventual`: something that was there.
 */
export type Level = 'strong' | 'acknowledged' | 'session' | 'eventual'

export interface ReadEntry extends Timed {
  kind: 'read'
  /** The number that was found, undefined where the point was absent. */
  value: number | undefined
  level: Level
}

/** An acknowledged write that was sent again under its idempotency key, and acknowledged again. */
export interface AgainEntry extends Timed {
  kind: 'again'
  value: number | undefined
  /** What it was acknowledged as the first time; undefined for a delete that found nothing. */
  first: number | undefined
  version: number | undefined
}

export type Entry = WriteEntry | ReadEntry | AgainEntry

export class History {
  readonly entries: Entry[] = []
  readonly #file: WriteStream

  constructor(path: string) {
    this.#file = createWriteStream(path)
  }

  now(): number {
    return Math.round(performance.now() * 1000)
  }

  add(entry: Entry): void {
    this.entries.push(entry)
    this.#file.write(`${JSON.stringify(entry)}\n`)
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve))
  }
}

/**
 * The last takeover in any cell that this pod has seen, on its volume: a Redis that has lost its tail may have lost who
 * took over in it, and would then believe the one who led before to hold everything (rule L14). Written when it changes.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export class LastTakeover {
  readonly #path: string
  #value: number

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'last-takeover')
    this.#value = read(this.#path)
  }

  /** 0 where nothing is known. */
  get value(): number {
    return this.#value
  }

  /** A volume that cannot be written costs no more than the memory of it after the process has ended. */
  note(taken: number): void {
    if (taken <= this.#value) return
    this.#value = taken
    try {
      writeFileSync(`${this.#path}.new`, String(taken))
      renameSync(`${this.#path}.new`, this.#path)
    } catch {
      // The heartbeats continue; snapshots and journal report a volume that fails.
    }
  }
}

function read(path: string): number {
  try {
    const value = Number(readFileSync(path, 'utf8'))
    return Number.isSafeInteger(value) && value > 0 ? value : 0
  } catch {
    return 0
  }
}

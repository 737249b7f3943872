/**
 * Ids that this cell has let go, and for a while their rows: after a loss in Redis the cell that an id went to may never
 * have heard of it, and then the row comes back from here. Bounded, the oldest are forgotten first: an operation is at
 * risk only until the other cells' pods have read it, which takes moments. Snapshots keep them, too.
 */
import type { IdKey } from '../../core/ids.ts'
import type { StoredRow } from './row-store.ts'

export const DEPARTURES_MAX = 65_536
export const DEPARTED_BYTES_MAX = 32 * 1024 * 1024

export interface Departed {
  version: number
  target: number | null
  since: number
  row: StoredRow | undefined
}

export class Departures {
  readonly #ids = new Map<IdKey, Departed>()
  /** Ids whose rows are kept, oldest first, with their sizes. */
  readonly #rows = new Map<IdKey, number>()
  #bytes = 0

  get(key: IdKey): Departed | undefined {
    return this.#ids.get(key)
  }

  entries(): IterableIterator<[IdKey, Departed]> {
    return this.#ids.entries()
  }

  /** The cell has a row of the id again. */
  forget(key: IdKey): void {
    this.#ids.delete(key)
    this.#forgetRow(key)
  }

  /**
   * A tombstone of `version` ended `row`, if there was one. `flag` is that of the entry: the target cell, '' for a delete,
   * '-' for what a repair let go, which nothing brings back.
   */
  note(key: IdKey, version: number, flag: string, row: StoredRow | undefined): void {
    this.forget(key)
    if (flag === '-') return
    const target = flag === '' ? null : Number(flag)
    const kept = target === null || !row ? undefined : { ...row, vector: row.vector.slice() }
    // A lingering row is let go after its move: what the target must have heard of is the move.
    this.keep(key, { version, target, since: row?.flag === 'l' ? row.born : version, row: kept })
  }

  /** Remembers what a snapshot told. */
  keep(key: IdKey, departed: Departed): void {
    this.#ids.set(key, departed)
    if (departed.row) {
      const bytes = departed.row.vector.byteLength + 2 * (departed.row.payload.length + key.length)
      this.#rows.set(key, bytes)
      this.#bytes += bytes
    }
    for (const old of this.#rows.keys()) {
      if (this.#bytes <= DEPARTED_BYTES_MAX) break
      const forgotten = this.#ids.get(old)
      if (forgotten) this.#ids.set(old, { ...forgotten, row: undefined })
      this.#forgetRow(old)
    }
    for (const old of this.#ids.keys()) {
      if (this.#ids.size <= DEPARTURES_MAX) break
      this.forget(old)
    }
  }

  #forgetRow(key: IdKey): void {
    this.#bytes -= this.#rows.get(key) ?? 0
    this.#rows.delete(key)
  }
}

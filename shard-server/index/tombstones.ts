/**
 * Tombstones: ids that this cell holds no longer, and for a while the evicted rows. After a loss in Redis the log of the
 * cell that took an id may lack the move, and then a repair takes the row from here. Bounded, the oldest are dropped first:
 * an operation is at risk only until the other cells' pods have read it, which takes moments. Snapshots keep them, too.
 */
import type { IdKey } from '../../core/ids.ts'
import type { StoredRow } from './row-store.ts'

export const TOMBSTONES_MAX = 65_536
export const EVICTED_BYTES_MAX = 32 * 1024 * 1024

export interface TombstoneRecord {
  version: number
  target: number | null
  since: number
  row: StoredRow | undefined
}

export class Tombstones {
  readonly #ids = new Map<IdKey, TombstoneRecord>()
  /** Ids whose rows are kept, oldest first, with their sizes. */
  readonly #rows = new Map<IdKey, number>()
  #bytes = 0

  get(key: IdKey): TombstoneRecord | undefined {
    return this.#ids.get(key)
  }

  entries(): IterableIterator<[IdKey, TombstoneRecord]> {
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
    // A source row is let go after its move: what the target must have heard of is the move.
    this.keep(key, { version, target, since: row?.flag === 'l' ? row.born : version, row: kept })
  }

  /** Adds a tombstone as a snapshot holds it. */
  keep(key: IdKey, evicted: TombstoneRecord): void {
    this.#ids.set(key, evicted)
    if (evicted.row) {
      const bytes = evicted.row.vector.byteLength + 2 * (evicted.row.payload.length + key.length)
      this.#rows.set(key, bytes)
      this.#bytes += bytes
    }
    for (const old of this.#rows.keys()) {
      if (this.#bytes <= EVICTED_BYTES_MAX) break
      const forgotten = this.#ids.get(old)
      if (forgotten) this.#ids.set(old, { ...forgotten, row: undefined })
      this.#forgetRow(old)
    }
    for (const old of this.#ids.keys()) {
      if (this.#ids.size <= TOMBSTONES_MAX) break
      this.forget(old)
    }
  }

  #forgetRow(key: IdKey): void {
    this.#bytes -= this.#rows.get(key) ?? 0
    this.#rows.delete(key)
  }
}

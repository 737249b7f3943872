/**
 * Which rows are part of which state of a cell: the live ones by id and as a bitmap, and the dead ones that can still be read at a
 * version.
 */
import type { IdKey } from '../../core/ids.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { type DeadLimits, DeadRows } from './dead-rows.ts'
import { KeyIndex } from './key-index.ts'
import type { RowColumns } from './row-columns.ts'
import { RowMask } from './row-mask.ts'

export class RowVersions {
  readonly live: KeyIndex
  readonly liveMask = new RowMask()
  readonly dead: DeadRows
  readonly #columns: RowColumns
  /** Highest version at which a row was born or ended. */
  #newest = 0
  #moved = 0

  constructor(columns: RowColumns, limits: DeadLimits) {
    this.#columns = columns
    this.live = new KeyIndex(columns.keys)
    this.dead = new DeadRows(limits)
  }

  isLive(row: number): boolean {
    return this.liveMask.has(row)
  }

  /** The row lives from `born` on. */
  begin(row: number, key: IdKey, born: number): void {
    this.live.set(key, row)
    this.liveMask.add(row)
    this.#newest = Math.max(this.#newest, born)
  }

  /** A row that a snapshot has as live; false if another one of its id is. */
  restore(row: number): boolean {
    if (!this.live.add(row)) return false
    this.liveMask.add(row)
    return true
  }

  /** A live row ends at `version`. Returns the version below which no read may be answered any more, or 0. */
  end(row: number, key: IdKey, version: number): number {
    this.live.delete(key)
    this.liveMask.remove(row)
    this.#newest = Math.max(this.#newest, version)
    return this.dead.add(row, key, version, this.#columns.payloads.lengthOf(row))
  }

  /** What is known of a row is true of row `to` from now on. */
  move(row: number, to: number): void {
    this.#moved++
    if (!this.isLive(row)) return this.dead.move(row, to)
    this.live.move(row, to)
    this.liveMask.remove(row)
    this.liveMask.add(to)
  }

  /** Is the row part of the state at `version`; without one, is it live? */
  visible(row: number, version: number | undefined): boolean {
    if (version === undefined) return this.isLive(row)
    if (this.#columns.born.get(row) > version) return false
    return this.isLive(row) || version < (this.dead.supersededOf(row) ?? 0)
  }

  /** As `RowStore.maskAt`. */
  maskAt(version: number | undefined): RowMask {
    if (version === undefined || version >= this.#newest) return this.liveMask
    const mask = this.liveMask.copy()
    for (const row of this.#columns.born.after(version)) mask.remove(row)
    for (const { row } of this.dead.after(version)) if (this.visible(row, version)) mask.add(row)
    return mask
  }

  /** The owner row of an id at a version. */
  ownerRow(key: IdKey, version: number | undefined): number | undefined {
    const owns = (row: number | undefined) =>
      row !== undefined && this.#columns.flagOf(row) === 'o' && this.visible(row, version)
    const row = this.live.get(key)
    if (owns(row)) return row
    return version === undefined ? undefined : this.dead.of(key).find((dead) => owns(dead.row))?.row
  }

  /** As `RowStore.relocations`. */
  get relocations(): number {
    return this.#moved + this.dead.dropped
  }

  /** As `RowStore.rowsOf`. */
  rowsOf(key: IdKey): number[] {
    const live = this.live.get(key)
    const dead = this.dead.of(key).flatMap(({ row }) => (row < 0 ? [] : [row]))
    return live === undefined ? dead : [...dead, live]
  }

  /** How many more rows with a flag are part of the state at a version than live now. */
  surplus(flag: RowFlag, version: number): number {
    const counts = (row: number) => this.#columns.flagOf(row) === flag
    let surplus = 0
    for (const row of this.#columns.born.after(version)) if (counts(row) && this.isLive(row)) surplus--
    for (const { row } of this.dead.after(version)) if (counts(row) && this.visible(row, version)) surplus++
    return surplus
  }

  liveRows(): number[] {
    const rows: number[] = []
    for (let row = this.liveMask.next(0); row >= 0; row = this.liveMask.next(row + 1)) rows.push(row)
    return rows
  }
}

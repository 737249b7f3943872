/**
 * The rows of a cell: ids, versions, payloads, and a kernel that holds their vectors. Rows are a window [first, end) of a log:
 * they are only ever appended; an update ends the old row and adds a new one, so that a row knows when it lived
 * (born <= version < superseded) and a read at an earlier version still finds it. Nothing outside of this file reaches into the
 * columns; the rows that are live now are also a bitmap, which searches take as their row mask.
 *
 * Cleaning takes the oldest chunk (the first in, as in a circular log; Rosenblum and Ousterhout, The Design and Implementation
 * of a Log-Structured File System, 1992): what is live is appended again, as it is, and the chunk is dropped. So a row only ever
 * moves forward, and a scan by row numbers misses none. `floor` is the highest version at which a row that was dropped was
 * still alive, below which no read can be answered any more.
 */
import { crc32 } from 'node:zlib'
import type { IdKey } from '../../core/ids.ts'
import { assertInvariant } from '../../core/invariant.ts'
import { bytesOf } from '../../core/vector.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { DEAD_LIMITS, type DeadLimits, DeadRows } from './dead-rows.ts'
import type { Kernel } from './kernel.ts'
import { KeyIndex } from './key-index.ts'
import { Lengths } from './lengths.ts'
import { RowColumns, type RowValues } from './row-columns.ts'
import { RowMask } from './row-mask.ts'
import { SortedIds } from './sorted-ids.ts'

/**
 * Cleaning is due when so many rows are dead beyond the youngest, and so great a share of the live ones. A cycle moves
 * all live rows at most and drops an eighth of them at least: eight moves for one that dies at worst, and under four if rows die
 * in any order; and rows take an eighth more memory than live ones do.
 */
const CLEAN_DEAD_MIN = 2048
const CLEAN_DEAD_SHARE = 1 / 8
/** Of the payloads that a step of cleaning moves. */
const CLEAN_PAYLOAD_BYTES = 4 * 1024 * 1024
/** Chunks that were cleaned and wait for those who hold rows of them; beyond it, cleaning waits, too. */
const CLEANED_CHUNKS_MAX = 4

export type RowBytes = Record<'vectors' | 'ids' | 'columns' | 'payloads', number>

export interface StoredRow extends RowValues {
  vector: Float32Array
}

export class RowStore {
  /** Of the vectors: row for row the same numbers. */
  readonly kernel: Kernel
  readonly #columns = new RowColumns()
  /** Highest version that cleaning or a restart made unreadable; reads below it are stale. */
  floor = 0
  points = 0
  copies = 0
  #sum = 0
  readonly lengths: Lengths
  readonly #live = new KeyIndex(this.#columns.keys)
  readonly #liveMask = new RowMask()
  readonly #dead: DeadRows
  readonly #sorted = new SortedIds(this.#columns.keys)
  /** Highest version at which a row was born or ended. */
  #newest = 0
  /** Rows below it are not in use: they were cleaned, and wait for their chunk to be dropped. */
  #cleaned = 0
  /** Of each `hold`: the rows from there on are held. */
  readonly #holds = new Set<{ from: number }>()

  /** @param kernel one without rows */
  constructor(kernel: Kernel, deadLimits: DeadLimits = DEAD_LIMITS) {
    this.kernel = kernel
    this.#dead = new DeadRows(deadLimits)
    this.lengths = new Lengths(kernel.chunkRows)
  }

  /** Memory of the rows by its parts, dead rows included. Of texts and of what is known of dead rows an estimate. */
  get bytes(): RowBytes {
    return {
      vectors: this.kernel.bytes,
      ids: this.#columns.keys.bytes + this.#live.bytes + this.#sorted.bytes,
      columns: this.#columns.bytes + this.#dead.bytes + this.#liveMask.words.byteLength,
      payloads: this.#columns.payloads.bytes,
    }
  }

  /** The number of the oldest row. */
  get first(): number {
    return this.#columns.keys.first
  }

  /** The number of the next row. */
  get end(): number {
    return this.#columns.keys.end
  }

  get size(): number {
    return this.end - this.first
  }

  get live(): number {
    return this.#live.size
  }

  get dead(): number {
    return this.size - this.live
  }

  /** The same for the same live rows, in whatever order they came: a sum of their checksums. */
  get digest(): string {
    return this.#sum.toString(16).padStart(8, '0')
  }

  get dimension(): number {
    return this.kernel.dimension
  }

  /** Asserts that the ids, the row mask and the counters agree on the number of live rows. */
  assertCounts(): void {
    const { live, size } = this
    const { count } = this.#liveMask
    assertInvariant(live === count, () => `${live} ids are live, and the row mask has ${count} rows`)
    assertInvariant(
      live <= size && this.points + this.copies <= live,
      () => `of ${size} rows ${live} are live, ${this.points} as owners and ${this.copies} as redundant rows`,
    )
  }

  /** A copy. */
  vector(row: number): Float32Array {
    const vector = new Float32Array(this.dimension)
    this.kernel.read(row, vector)
    return vector
  }

  liveRow(key: IdKey): number | undefined {
    return this.#live.get(key)
  }

  /** Adds a row, superseding the id's present one; false where the present one is not older. */
  put(row: StoredRow): boolean {
    if (!this.endRow(row.key, row.born)) return false
    const number = this.end
    this.#columns.push(row)
    this.#newest = Math.max(this.#newest, row.born)
    this.kernel.append(row.vector)
    this.lengths.note(number, row.vector)
    this.#live.set(row.key, number)
    this.#liveMask.add(number)
    this.#count(row, 1)
    return true
  }

  /** Ends the present row of an id at a version; false where that row is not older than the version. */
  endRow(key: IdKey, version: number): boolean {
    const row = this.#live.get(key)
    if (row === undefined) return true
    if (this.#columns.born.get(row) >= version) return false
    this.#count(this.at(row), -1)
    this.#live.delete(key)
    this.#liveMask.remove(row)
    this.#newest = Math.max(this.#newest, version)
    this.#raiseFloor(this.#dead.add(row, key, version))
    return true
  }

  #raiseFloor(version: number): void {
    if (version > this.floor) this.floor = version
  }

  #count(row: StoredRow, by: 1 | -1): void {
    if (row.flag === 'o') this.points += by
    else if (row.flag === 'c') this.copies += by
    this.#sum = (this.#sum + by * checksum(row)) >>> 0
  }

  /** Dead rows that cleaning can drop, as a multiple of those that it leaves. */
  get garbage(): number {
    const droppable = this.end - this.#cleaned - this.live - this.#dead.young
    return droppable / Math.max(CLEAN_DEAD_MIN, CLEAN_DEAD_SHARE * this.live)
  }

  /** Should `clean` be called? Not while cleaned chunks wait for those who hold rows of them. */
  get cleaningDue(): boolean {
    const { chunkRows } = this.kernel
    if (this.#cleaned % chunkRows !== 0) return true
    if (this.#cleaned + chunkRows > this.end) return false
    return this.garbage > 1 && this.#cleaned - this.first < CLEANED_CHUNKS_MAX * chunkRows
  }

  /**
   * Cleans up to `most` rows of the oldest chunk that is not cleaned, if it is full, and drops it when all of it is cleaned
   * and none of it is held. Reads at `floor` or above find the same as before. Long payloads end the step earlier.
   */
  clean(most: number): void {
    const { chunkRows, dimension } = this.kernel
    const from = this.#cleaned
    if (from - (from % chunkRows) + chunkRows > this.end) return
    const to = Math.min(from + most, from - (from % chunkRows) + chunkRows)
    const vectors = new Float32Array((to - from) * dimension)
    this.kernel.read(from, vectors)
    let kept = 0
    let payloadBytes = 0
    let row = from
    for (; row < to && payloadBytes < CLEAN_PAYLOAD_BYTES; row++) {
      if (!this.isLive(row) && !this.#dead.isYoung(row)) {
        this.#raiseFloor(this.#dead.drop(row))
        continue
      }
      const at = (row - from) * dimension
      vectors.copyWithin(kept, at, at + dimension)
      this.#move(row, vectors.subarray(kept, kept + dimension))
      payloadBytes += this.payloadBytesOf(row).length
      kept += dimension
    }
    this.kernel.append(vectors.subarray(0, kept))
    this.#cleaned = row
    this.#dropCleaned()
  }

  /** All but the vector. */
  #move(row: number, vector: Float32Array): void {
    const to = this.end
    this.#columns.pushFrom(row)
    this.lengths.note(to, vector)
    if (!this.isLive(row)) return this.#dead.move(row, to)
    this.#live.move(row, to)
    this.#liveMask.remove(row)
    this.#liveMask.add(to)
  }

  /** The rows that are read now keep their numbers and can be read by them until the function that it returns is called. */
  hold(): () => void {
    const held = { from: this.#cleaned }
    this.#holds.add(held)
    return () => {
      this.#holds.delete(held)
      this.#dropCleaned()
    }
  }

  #dropCleaned(): void {
    const to = Math.min(this.#cleaned, ...Array.from(this.#holds, ({ from }) => from))
    while (this.first + this.kernel.chunkRows <= to) {
      this.kernel.dropFirst()
      this.lengths.dropFirst()
      this.#liveMask.dropBefore(this.kernel.first)
      this.#columns.dropBefore(this.kernel.first)
    }
  }

  isLive(row: number): boolean {
    return this.#liveMask.has(row)
  }

  /** Is the row part of the state at `version`; without one, is it live? */
  visible(row: number, version: number | undefined): boolean {
    if (version === undefined) return this.isLive(row)
    if (this.#columns.born.get(row) > version) return false
    return this.isLive(row) || version < (this.#dead.supersededOf(row) ?? 0)
  }

  /**
   * The rows of the state at `version`; without one, the live rows. The mask may be the store's own, which the next `put`,
   * `endRow` or `clean` changes: it is for a search that ends before.
   */
  maskAt(version: number | undefined): RowMask {
    if (version === undefined || version >= this.#newest) return this.#liveMask
    const mask = this.#liveMask.copy()
    for (const row of this.#columns.born.after(version)) mask.remove(row)
    for (const { row } of this.#dead.after(version)) if (this.visible(row, version)) mask.add(row)
    return mask
  }

  /** The owner row of an id at a version. */
  ownerRow(key: IdKey, version: number | undefined): number | undefined {
    const owns = (row: number | undefined) =>
      row !== undefined && this.flagOf(row) === 'o' && this.visible(row, version)
    const row = this.#live.get(key)
    if (owns(row)) return row
    return version === undefined ? undefined : this.#dead.of(key).find((dead) => owns(dead.row))?.row
  }

  /** Rows with a flag at a version. */
  count(flag: 'o' | 'c', version: number | undefined): number {
    let count = flag === 'o' ? this.points : this.copies
    if (version === undefined) return count
    for (const row of this.#columns.born.after(version)) if (this.flagOf(row) === flag && this.isLive(row)) count--
    for (const { row } of this.#dead.after(version))
      if (this.flagOf(row) === flag && this.visible(row, version)) count++
    return count
  }

  /** Up to `limit` owner rows at a version, ids from `from` on, in order. */
  page(from: IdKey | null, limit: number, version: number | undefined): number[] {
    const rows: number[] = []
    for (const key of this.#sorted.from(from)) {
      if (rows.length === limit) break
      const row = this.ownerRow(key, version)
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  liveRows(): number[] {
    const rows: number[] = []
    for (let row = this.#liveMask.next(0); row >= 0; row = this.#liveMask.next(row + 1)) rows.push(row)
    return rows
  }

  keyOf(row: number): IdKey {
    return this.#columns.keys.get(row)
  }

  bornOf(row: number): number {
    return this.#columns.born.get(row)
  }

  userVersionOf(row: number): number {
    return this.#columns.userVersionOf(row)
  }

  flagOf(row: number): RowFlag {
    return this.#columns.flagOf(row)
  }

  /** JSON text, or '' for none. */
  payloadOf(row: number): string {
    return this.#columns.payloads.get(row).toString()
  }

  /** The same in UTF-8: a view of what never changes. */
  payloadBytesOf(row: number): Uint8Array {
    return this.#columns.payloads.get(row)
  }

  at(row: number): StoredRow {
    return { ...this.#columns.at(row), vector: this.vector(row) }
  }
}

function checksum({ key, born, userVersion, flag, payload, vector }: StoredRow): number {
  return crc32(bytesOf(vector), crc32(JSON.stringify([key, born, userVersion, flag, payload])))
}

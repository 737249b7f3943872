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
import type { IdKey } from '../../core/ids.ts'
import { assertInvariant } from '../../core/invariant.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { CleaningNeed } from './cleaning-need.ts'
import { DEAD_LIMITS, type DeadLimits } from './dead-rows.ts'
import type { Kernel } from './kernel.ts'
import { Lengths } from './lengths.ts'
import type { RowBlock } from './row-block.ts'
import { type PutValues, RowColumns, type RowValues } from './row-columns.ts'
import type { RowMask } from './row-mask.ts'
import { checksumOf, RowTotals } from './row-totals.ts'
import { RowVersions } from './row-versions.ts'
import type { ChunkFiles } from './snapshot-manifest.ts'
import { SortedIds } from './sorted-ids.ts'
import { StagedVectors } from './staged-vectors.ts'

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
  readonly totals = new RowTotals()
  readonly lengths: Lengths
  readonly #versions: RowVersions
  readonly #sorted = new SortedIds(this.#columns.keys)
  /** Rows below it are not in use: they were cleaned, and wait for their chunk to be dropped. */
  #cleaned = 0
  /** Of each `hold`: the rows from there on are held. */
  readonly #holds = new Set<{ from: number }>()
  readonly #staged: StagedVectors
  readonly #need = new CleaningNeed()
  /** The files that snapshots have of full chunks, by the number of the chunk's first row. */
  readonly chunkFiles = new Map<number, ChunkFiles>()

  /** @param kernel one without rows */
  constructor(kernel: Kernel, deadLimits: DeadLimits = DEAD_LIMITS) {
    this.kernel = kernel
    this.#staged = new StagedVectors(kernel)
    this.#versions = new RowVersions(this.#columns, deadLimits)
    this.lengths = new Lengths(kernel.chunkRows)
  }

  /** Memory of the rows by its parts, dead rows included. Of texts and of what is known of dead rows an estimate. */
  get bytes(): RowBytes {
    const { live, liveMask, dead } = this.#versions
    return {
      vectors: this.kernel.bytes,
      ids: this.#columns.keys.bytes + live.bytes + this.#sorted.bytes,
      columns: this.#columns.bytes + dead.bytes + liveMask.words.byteLength,
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
    return this.#versions.live.size
  }

  get dead(): number {
    return this.size - this.live
  }

  /** Live owner rows. */
  get points(): number {
    return this.totals.points
  }

  /** Live redundant rows. */
  get copies(): number {
    return this.totals.copies
  }

  /** See `RowTotals.digest`. */
  get digest(): string {
    return this.totals.digest
  }

  get dimension(): number {
    return this.kernel.dimension
  }

  /** Asserts that the ids, the row mask and the counters agree on the number of live rows. */
  assertCounts(): void {
    const { live, size } = this
    const { count } = this.#versions.liveMask
    assertInvariant(live === count, () => `${live} ids are live, and the row mask has ${count} rows`)
    assertInvariant(
      live <= size && this.points + this.copies <= live,
      () => `of ${size} rows ${live} are live, ${this.points} as owners and ${this.copies} as redundant rows`,
    )
  }

  /** A copy. */
  vector(row: number): Float32Array {
    this.flush()
    const vector = new Float32Array(this.dimension)
    this.kernel.read(row, vector)
    return vector
  }

  liveRow(key: IdKey): number | undefined {
    return this.#versions.live.get(key)
  }

  /** Adds a row, superseding the id's present one; false where the present one is not older. */
  put(row: PutValues & { vector: Float32Array }): boolean {
    const added = this.stage(row)
    this.flush()
    return added
  }

  /** As `put`, but the kernel has the vector only after the next `flush`. Until then nothing may search, clean or copy blocks. */
  stage(row: PutValues & { vector: Float32Array }): boolean {
    if (!this.endRow(row.key, row.born)) return false
    const number = this.end
    const sum = checksumOf(row, row.payload, row.vector)
    this.#columns.push(row, sum)
    this.#staged.push(row.vector)
    this.lengths.note(number, row.vector)
    this.#versions.begin(number, row.key, row.born)
    this.totals.count(row.flag, sum, 1)
    return true
  }

  /** Gives the kernel the vectors of the rows that were staged. */
  flush(): void {
    this.#staged.flush()
  }

  /** Ends the present row of an id at a version; false where that row is not older than the version. */
  endRow(key: IdKey, version: number): boolean {
    const row = this.liveRow(key)
    if (row === undefined) return true
    if (this.#columns.born.get(row) >= version) return false
    this.totals.count(this.flagOf(row), this.#columns.checksums.get(row), -1)
    this.#need.died(this.#columns.payloads.lengthOf(row))
    this.#raiseFloor(this.#versions.end(row, key, version))
    return true
  }

  /**
   * Appends rows as a snapshot has them. The dead ones among them can be read at no version, which the caller has `floor` say.
   * False if two live rows have the same id: then the block is of another state than it is said to be, and so is the store.
   */
  restore(block: RowBlock, isLive: (n: number) => boolean): boolean {
    const first = this.end
    this.#columns.pushBlock(block)
    this.kernel.append(block.vectors)
    this.lengths.noteAll(first, block.vectors, this.dimension)
    for (let n = 0; n < block.rows; n++) {
      if (!isLive(n)) {
        this.#need.died(this.#columns.payloads.lengthOf(first + n))
        continue
      }
      if (!this.#versions.restore(first + n)) return false
      this.totals.count(this.flagOf(first + n), block.checksums[n] as number, 1)
    }
    return true
  }

  /** A copy of rows `from` to `to` - 1. Asserts that each is what was put. */
  block(from: number, to: number): RowBlock {
    const { dimension } = this
    const vectors = new Float32Array((to - from) * dimension)
    this.kernel.read(from, vectors)
    const block = { ...this.#columns.block(from, to), vectors }
    for (let n = 0; n < block.rows; n++) {
      const sum = this.#checksum(from + n, vectors.subarray(n * dimension, (n + 1) * dimension))
      assertInvariant(sum === block.checksums[n], () => `row ${from + n} is not what was put: ${this.keyOf(from + n)}`)
    }
    return block
  }

  /** Makes room for so many live rows, before they come. */
  reserve(rows: number): void {
    this.#versions.live.reserve(rows)
  }

  /** The first row of the oldest chunk that is in use. */
  get firstInUse(): number {
    return this.#cleaned - (this.#cleaned % this.kernel.chunkRows)
  }

  #raiseFloor(version: number): void {
    if (version > this.floor) this.floor = version
  }

  #checksum(row: number, vector: Float32Array): number {
    const values = {
      key: this.keyOf(row),
      born: this.bornOf(row),
      userVersion: this.userVersionOf(row),
      flag: this.flagOf(row),
    }
    return checksumOf(values, this.payloadBytesOf(row), vector)
  }

  /** From now on few dead rows are not too few to clean: the pod has no memory left, and each may have a large payload. */
  cleanThoroughly(): void {
    this.#need.beThorough()
  }

  /** Dead rows that cleaning can drop, or the bytes of their payloads, as a multiple of what it leaves. */
  get garbage(): number {
    const { young, youngPayloadBytes } = this.#versions.dead
    const bytes = 4 * this.dimension * this.live + this.#columns.payloads.arenaBytes
    const kept = { rows: young, payloadBytes: youngPayloadBytes }
    return this.#need.of(this.end - this.#cleaned - this.live, this.live, kept, bytes)
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
      if (!this.isLive(row) && !this.#versions.dead.isYoung(row)) {
        this.#raiseFloor(this.#versions.dead.drop(row))
        this.#need.dropped(this.#columns.payloads.lengthOf(row))
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
    this.#versions.move(row, to)
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
      this.chunkFiles.delete(this.first)
      this.kernel.dropFirst()
      this.lengths.dropFirst()
      this.#versions.liveMask.dropBefore(this.kernel.first)
      this.#columns.dropBefore(this.kernel.first)
    }
  }

  isLive(row: number): boolean {
    return this.#versions.isLive(row)
  }

  /** Is the row part of the state at `version`; without one, is it live? */
  visible(row: number, version: number | undefined): boolean {
    return this.#versions.visible(row, version)
  }

  /**
   * The rows of the state at `version`; without one, the live rows. The mask may be the store's own, which the next `put`,
   * `endRow` or `clean` changes: it is for a search that ends before.
   */
  maskAt(version: number | undefined): RowMask {
    return this.#versions.maskAt(version)
  }

  /** The owner row of an id at a version. */
  ownerRow(key: IdKey, version: number | undefined): number | undefined {
    return this.#versions.ownerRow(key, version)
  }

  /** The rows that an id has, of whatever version. */
  rowsOf(key: IdKey): number[] {
    return this.#versions.rowsOf(key)
  }

  /** Grows when a row gets another number or a dead one is forgotten: then `rowsOf` may lack rows of masks that were made before. */
  get relocations(): number {
    return this.#versions.relocations
  }

  /** Rows with a flag at a version. */
  count(flag: 'o' | 'c', version: number | undefined): number {
    const live = flag === 'o' ? this.points : this.copies
    return version === undefined ? live : live + this.#versions.surplus(flag, version)
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
    return this.#versions.liveRows()
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

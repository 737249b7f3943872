/**
 * The rows of a cell: ids, versions, payloads, and a kernel that holds their vectors. Rows are only ever appended; an update marks the
 * old row as superseded and adds a new one, so that a row knows when it lived (born <= version < superseded) and a read
 * at an earlier version still finds it. The columns are typed arrays, and nothing outside of this file reaches into them; the
 * rows that are live now are also a bitmap, which searches take as their row mask. Compaction drops the dead; `floor` is the highest version at which one of them
 * was still alive, below which no read can be answered any more.
 */
import { crc32 } from 'node:zlib'
import { compareKeys, type IdKey } from '../../core/ids.ts'
import { assertInvariant } from '../../core/invariant.ts'
import { bytesOf } from '../../core/vector.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { Column } from './column.ts'
import type { Kernel } from './kernel.ts'
import { KeyColumn, STRING_BYTES } from './key-column.ts'
import { KeyIndex } from './key-index.ts'
import { Lengths } from './lengths.ts'
import { RowMask } from './row-mask.ts'

const FLAGS: readonly RowFlag[] = ['o', 'c', 'l']

const float64 = (length: number) => new Float64Array(length)
const uint8 = (length: number) => new Uint8Array(length)

export type RowBytes = Record<'vectors' | 'ids' | 'columns' | 'payloads', number>

export interface StoredRow {
  key: IdKey
  born: number
  userVersion: number
  flag: RowFlag
  payload: string
  vector: Float32Array
}

export class RowStore {
  /** Of the vectors: row for row the same numbers. */
  readonly kernel: Kernel
  readonly #keys = new KeyColumn()
  readonly #born = new Column(float64)
  /** Infinity for a live row. */
  readonly #superseded = new Column(float64)
  readonly #userVersions = new Column(float64)
  /** Places in `FLAGS`. */
  readonly #flags = new Column(uint8)
  readonly #payloads: string[] = []
  #payloadBytes = 0
  /** Highest version that compaction or a restart made unreadable; reads below it are stale. */
  floor = 0
  points = 0
  copies = 0
  #sum = 0
  readonly lengths = new Lengths()
  readonly #live = new KeyIndex(this.#keys)
  readonly #liveMask = new RowMask()
  readonly #past = new Map<IdKey, number[]>()
  /** Rows in the order in which they were superseded. */
  readonly #ended: number[] = []
  /** Highest version at which a row was born or ended. */
  #newest = 0
  /** A repair may append operations that are older than others in the log; then the rows are not in the order of versions. */
  #ordered = true
  /** Rows by the order of their ids, each id once; made when it is asked for. */
  #sorted = new Uint32Array(0)
  /** Rows below it are in `#sorted`, if they were live then or had been. */
  #sortedTo = 0

  /** @param kernel one without rows */
  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  /** Memory of the rows by its parts, dead rows included. Of texts an estimate: a byte a unit. */
  get bytes(): RowBytes {
    const columns = [this.#born, this.#superseded, this.#userVersions, this.#flags]
    return {
      vectors: this.kernel.bytes,
      ids: this.#keys.bytes + this.#live.bytes + this.#sorted.byteLength,
      columns: columns.reduce((sum, column) => sum + column.bytes, this.#liveMask.words.byteLength),
      payloads: this.#payloadBytes,
    }
  }

  get size(): number {
    return this.#keys.length
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
    if (!this.end(row.key, row.born)) return false
    const number = this.size
    this.#keys.push(row.key)
    this.#born.push(row.born)
    this.#superseded.push(Number.POSITIVE_INFINITY)
    this.#userVersions.push(row.userVersion)
    this.#flags.push(FLAGS.indexOf(row.flag))
    this.#payloads.push(row.payload)
    this.#payloadBytes += STRING_BYTES + row.payload.length
    this.#noteVersion(row.born)
    this.kernel.append(row.vector)
    this.lengths.note(number, row.vector)
    this.#live.set(row.key, number)
    this.#liveMask.add(number)
    this.#count(row, 1)
    return true
  }

  /** Ends the present row of an id at a version; false where that row is not older than the version. */
  end(key: IdKey, version: number): boolean {
    const row = this.#live.get(key)
    if (row === undefined) return true
    if (this.#born.get(row) >= version) return false
    this.#superseded.set(row, version)
    this.#live.delete(key)
    this.#liveMask.remove(row)
    this.#noteVersion(version)
    this.#ended.push(row)
    const past = this.#past.get(key)
    if (past) past.push(row)
    else this.#past.set(key, [row])
    this.#count(this.at(row), -1)
    return true
  }

  #noteVersion(version: number): void {
    if (version < this.#newest) this.#ordered = false
    else this.#newest = version
  }

  #count(row: StoredRow, by: 1 | -1): void {
    if (row.flag === 'o') this.points += by
    else if (row.flag === 'c') this.copies += by
    this.#sum = (this.#sum + by * checksum(row)) >>> 0
  }

  isLive(row: number): boolean {
    return this.#liveMask.has(row)
  }

  /** Is the row part of the state at `version`; without one, is it live? */
  visible(row: number, version: number | undefined): boolean {
    if (version === undefined) return this.isLive(row)
    return this.#born.get(row) <= version && version < this.#superseded.get(row)
  }

  /**
   * The rows of the state at `version`; without one, the live rows. The mask may be the store's own, which the next `put` or
   * `end` changes: it is for a search that ends before.
   */
  maskAt(version: number | undefined): RowMask {
    if (version === undefined || version >= this.#newest) return this.#liveMask
    const mask = this.#liveMask.copy()
    for (const row of this.#bornAfter(version)) mask.remove(row)
    for (const row of this.#endedAfter(version)) if (this.visible(row, version)) mask.add(row)
    return mask
  }

  /** In the order of versions only the end of the column is looked at. */
  *#bornAfter(version: number): Generator<number> {
    for (let row = this.size - 1; row >= 0; row--) {
      if (this.#born.get(row) > version) yield row
      else if (this.#ordered) return
    }
  }

  *#endedAfter(version: number): Generator<number> {
    for (let i = this.#ended.length - 1; i >= 0; i--) {
      const row = this.#ended[i] as number
      if (this.#superseded.get(row) > version) yield row
      else if (this.#ordered) return
    }
  }

  /** The owner row of an id at a version. */
  ownerRow(key: IdKey, version: number | undefined): number | undefined {
    const owns = (row: number | undefined) =>
      row !== undefined && this.flagOf(row) === 'o' && this.visible(row, version)
    const row = this.#live.get(key)
    if (owns(row)) return row
    return version === undefined ? undefined : this.#past.get(key)?.find(owns)
  }

  /** Rows with a flag at a version. */
  count(flag: 'o' | 'c', version: number | undefined): number {
    let count = flag === 'o' ? this.points : this.copies
    if (version === undefined) return count
    for (const row of this.#bornAfter(version)) if (this.flagOf(row) === flag && this.isLive(row)) count--
    for (const row of this.#endedAfter(version)) if (this.flagOf(row) === flag && this.visible(row, version)) count++
    return count
  }

  /** Up to `limit` owner rows at a version, ids from `from` on, in order. */
  page(from: IdKey | null, limit: number, version: number | undefined): number[] {
    this.#sort()
    const rows: number[] = []
    for (let i = from === null ? 0 : this.#lowerBound(from); i < this.#sorted.length && rows.length < limit; i++) {
      const row = this.ownerRow(this.#keys.get(this.#sorted[i] as number), version)
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  /** A row stands for all rows of its id, whichever of them lives. */
  #sort(): void {
    if (this.#sortedTo === this.size) return
    const compare = (a: number, b: number) => this.#keys.compare(a, b)
    const fresh = Uint32Array.from({ length: this.size - this.#sortedTo }, (_, i) => this.#sortedTo + i).sort(compare)
    const merged = new Uint32Array(this.#sorted.length + fresh.length)
    let length = 0
    const take = (row: number) => {
      if (length === 0 || compare(merged[length - 1] as number, row) !== 0) merged[length++] = row
    }
    let i = 0
    for (const row of fresh) {
      while (i < this.#sorted.length && compare(this.#sorted[i] as number, row) <= 0) take(this.#sorted[i++] as number)
      take(row)
    }
    while (i < this.#sorted.length) take(this.#sorted[i++] as number)
    this.#sorted = length === merged.length ? merged : merged.slice(0, length)
    this.#sortedTo = this.size
  }

  #lowerBound(key: IdKey): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#keys.get(this.#sorted[middle] as number), key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  liveRows(): number[] {
    return [...this.#live.rows()].sort((a, b) => a - b)
  }

  /**
   * A store of the live rows alone, in the same order.
   * @param kernel one without rows
   */
  compacted(kernel: Kernel): RowStore {
    const next = new RowStore(kernel)
    next.floor = this.floor
    for (let row = 0; row < this.size; row++) {
      if (this.isLive(row)) next.put(this.at(row))
      else next.floor = Math.max(next.floor, this.#superseded.get(row))
    }
    return next
  }

  keyOf(row: number): IdKey {
    return this.#keys.get(row)
  }

  bornOf(row: number): number {
    return this.#born.get(row)
  }

  userVersionOf(row: number): number {
    return this.#userVersions.get(row)
  }

  flagOf(row: number): RowFlag {
    return FLAGS[this.#flags.get(row)] as RowFlag
  }

  /** JSON text, or '' for none. */
  payloadOf(row: number): string {
    return this.#payloads[row] as string
  }

  at(row: number): StoredRow {
    return {
      key: this.keyOf(row),
      born: this.bornOf(row),
      userVersion: this.userVersionOf(row),
      flag: this.flagOf(row),
      payload: this.payloadOf(row),
      vector: this.vector(row),
    }
  }
}

function checksum({ key, born, userVersion, flag, payload, vector }: StoredRow): number {
  return crc32(bytesOf(vector), crc32(JSON.stringify([key, born, userVersion, flag, payload])))
}

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
import { Lengths } from './lengths.ts'
import { RowMask } from './row-mask.ts'

const FLAGS: readonly RowFlag[] = ['o', 'c', 'l']

const float64 = (length: number) => new Float64Array(length)
const uint8 = (length: number) => new Uint8Array(length)

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
  readonly #keys: IdKey[] = []
  readonly #born = new Column(float64)
  /** Infinity for a live row. */
  readonly #superseded = new Column(float64)
  readonly #userVersions = new Column(float64)
  /** Places in `FLAGS`. */
  readonly #flags = new Column(uint8)
  readonly #payloads: string[] = []
  /** Highest version that compaction or a restart made unreadable; reads below it are stale. */
  floor = 0
  points = 0
  copies = 0
  #sum = 0
  readonly lengths = new Lengths()
  readonly #live = new Map<IdKey, number>()
  readonly #liveMask = new RowMask()
  readonly #past = new Map<IdKey, number[]>()
  /** Rows in the order in which they were superseded. */
  readonly #ended: number[] = []
  /** Highest version at which a row was born or ended. */
  #newest = 0
  /** A repair may append operations that are older than others in the log; then the rows are not in the order of versions. */
  #ordered = true
  #sorted: IdKey[] = []
  #unsorted: IdKey[] = []

  /** @param kernel one without rows */
  constructor(kernel: Kernel) {
    this.kernel = kernel
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
    this.#noteVersion(row.born)
    this.kernel.append(row.vector)
    this.lengths.note(number, row.vector)
    if (!this.#past.has(row.key)) this.#unsorted.push(row.key)
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
      const row = this.ownerRow(this.#sorted[i] as IdKey, version)
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  #sort(): void {
    if (this.#unsorted.length === 0) return
    const fresh = this.#unsorted.sort(compareKeys)
    this.#unsorted = []
    const merged: IdKey[] = []
    let i = 0
    for (const key of fresh) {
      while (i < this.#sorted.length && compareKeys(this.#sorted[i] as IdKey, key) < 0)
        merged.push(this.#sorted[i++] as IdKey)
      if (this.#sorted[i] !== key && merged.at(-1) !== key) merged.push(key)
    }
    while (i < this.#sorted.length) merged.push(this.#sorted[i++] as IdKey)
    this.#sorted = merged
  }

  #lowerBound(key: IdKey): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#sorted[middle] as IdKey, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  liveRows(): number[] {
    return [...this.#live.values()].sort((a, b) => a - b)
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
    return this.#keys[row] as IdKey
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

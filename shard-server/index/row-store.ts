/**
 * The rows of a cell beside the index: vectors, ids, versions, payloads. Rows are only ever appended; an update marks the
 * old row as superseded and adds a new one, so that a row knows when it lived (born <= version < superseded) and a read
 * at an earlier version still finds it. Compaction drops the dead; `floor` is the highest version at which one of them
 * was still alive, below which no read can be answered any more.
 */
import { crc32 } from 'node:zlib'
import { compareKeys, type IdKey } from '../../core/ids.ts'
import { bytesOf } from '../../core/vector.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { Lengths } from './lengths.ts'

const CHUNK_BYTES = 4 * 1024 * 1024

export interface StoredRow {
  key: IdKey
  born: number
  userVersion: number
  flag: RowFlag
  payload: string
  vector: Float32Array
}

export class RowStore {
  readonly dimension: number
  readonly rowsPerChunk: number
  chunks: Float32Array[] = []
  keys: IdKey[] = []
  born: number[] = []
  superseded: number[] = []
  userVersions: number[] = []
  flags: RowFlag[] = []
  payloads: string[] = []
  /** Highest version that compaction or a restart made unreadable; reads below it are stale. */
  floor = 0
  points = 0
  copies = 0
  #sum = 0
  readonly lengths = new Lengths()
  readonly #live = new Map<IdKey, number>()
  readonly #past = new Map<IdKey, number[]>()
  /** Rows in the order in which they were superseded. */
  #ended: number[] = []
  #sorted: IdKey[] = []
  #unsorted: IdKey[] = []

  constructor(dimension: number) {
    this.dimension = dimension
    this.rowsPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / (4 * dimension)))
  }

  get size(): number {
    return this.keys.length
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

  vector(row: number): Float32Array {
    const at = (row % this.rowsPerChunk) * this.dimension
    return (this.chunks[Math.floor(row / this.rowsPerChunk)] as Float32Array).subarray(at, at + this.dimension)
  }

  liveRow(key: IdKey): number | undefined {
    return this.#live.get(key)
  }

  /** Adds a row, superseding the id's present one; false where the present one is not older. */
  put(row: StoredRow): boolean {
    if (!this.end(row.key, row.born)) return false
    const number = this.size
    if (number % this.rowsPerChunk === 0) this.chunks.push(new Float32Array(this.rowsPerChunk * this.dimension))
    this.keys.push(row.key)
    this.born.push(row.born)
    this.superseded.push(Number.POSITIVE_INFINITY)
    this.userVersions.push(row.userVersion)
    this.flags.push(row.flag)
    this.payloads.push(row.payload)
    this.vector(number).set(row.vector)
    this.lengths.note(number, row.vector)
    if (!this.#past.has(row.key)) this.#unsorted.push(row.key)
    this.#live.set(row.key, number)
    this.#count(row, 1)
    return true
  }

  /** Ends the present row of an id at a version; false where that row is not older than the version. */
  end(key: IdKey, version: number): boolean {
    const row = this.#live.get(key)
    if (row === undefined) return true
    if ((this.born[row] as number) >= version) return false
    this.superseded[row] = version
    this.#live.delete(key)
    this.#ended.push(row)
    const past = this.#past.get(key)
    if (past) past.push(row)
    else this.#past.set(key, [row])
    this.#count(this.at(row), -1)
    return true
  }

  #count(row: StoredRow, by: 1 | -1): void {
    if (row.flag === 'o') this.points += by
    else if (row.flag === 'c') this.copies += by
    this.#sum = (this.#sum + by * checksum(row)) >>> 0
  }

  /** Is the row part of the state at `version`, or of the present one where there is none? */
  visible(row: number, version: number | undefined): boolean {
    if (version === undefined) return this.superseded[row] === Number.POSITIVE_INFINITY
    return (this.born[row] as number) <= version && version < (this.superseded[row] as number)
  }

  /** The owner row of an id at a version. */
  ownerRow(key: IdKey, version: number | undefined): number | undefined {
    const owns = (row: number | undefined) => row !== undefined && this.flags[row] === 'o' && this.visible(row, version)
    const row = this.#live.get(key)
    if (owns(row)) return row
    return version === undefined ? undefined : this.#past.get(key)?.find(owns)
  }

  /** Rows with a flag at a version. Looks only at what changed after it: rows are born, and end, in the order of versions. */
  count(flag: 'o' | 'c', version: number | undefined): number {
    let count = flag === 'o' ? this.points : this.copies
    if (version === undefined) return count
    for (let row = this.size - 1; row >= 0 && (this.born[row] as number) > version; row--) {
      if (this.flags[row] === flag && this.superseded[row] === Number.POSITIVE_INFINITY) count--
    }
    for (let i = this.#ended.length - 1; i >= 0; i--) {
      const row = this.#ended[i] as number
      if ((this.superseded[row] as number) <= version) break
      if (this.flags[row] === flag && (this.born[row] as number) <= version) count++
    }
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

  /** A store of the live rows alone, in the same order. */
  compacted(): RowStore {
    const next = new RowStore(this.dimension)
    next.floor = this.floor
    for (let row = 0; row < this.size; row++) {
      const ended = this.superseded[row] as number
      if (ended === Number.POSITIVE_INFINITY) next.put(this.at(row))
      else next.floor = Math.max(next.floor, ended)
    }
    return next
  }

  at(row: number): StoredRow {
    return {
      key: this.keys[row] as IdKey,
      born: this.born[row] as number,
      userVersion: this.userVersions[row] as number,
      flag: this.flags[row] as RowFlag,
      payload: this.payloads[row] as string,
      vector: this.vector(row),
    }
  }
}

function checksum({ key, born, userVersion, flag, payload, vector }: StoredRow): number {
  return crc32(bytesOf(vector), crc32(JSON.stringify([key, born, userVersion, flag, payload])))
}

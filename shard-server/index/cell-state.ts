/**
 * The state of a cell: the fold of its log up to `point`. Everything that reads or changes rows and index goes through
 * here, on one worker thread. The log is the only writer.
 */
import { MaksError } from '../../core/errors.ts'
import { type Gap, hear } from '../../core/heard.ts'
import type { IdKey } from '../../core/ids.ts'
import { parseOnce } from '../../core/once.ts'
import { decodeRow } from '../../core/row-codec.ts'
import type { EntryType, LogPoint, RowFlag } from '../../store/log-entry.ts'
import { Departures } from './departures.ts'
import { FlatIndex } from './flat-index.ts'
import { type FoundRow, Nearest, type Query } from './nearest.ts'
import { OnceRecords } from './once-records.ts'
import { RowStore } from './row-store.ts'
import type { OwnedShape } from './snapshot-manifest.ts'

export interface AppliedEntry {
  type: EntryType
  version: number
  userVersion: number
  key: IdKey
  flag: string
  once: string
  /** Where the row lies in the batch's bytes; 0 bytes for entries without one. */
  rowStart: number
  rowEnd: number
}

/** Compaction waits for so many dead rows, and for as many dead as live ones. */
const COMPACT_DEAD_MIN = 2048

export interface CellShape extends OwnedShape {
  scratchDir: string
}

export class CellState {
  readonly shape: CellShape
  rows: RowStore
  index: FlatIndex
  point: LogPoint
  /** Highest ordering version applied. */
  version: number
  /** Of what the log has lost before repairs (`core/heard.ts`). */
  gaps: readonly Gap[] = []
  compactions = 0
  readonly departures = new Departures()
  readonly once = new OnceRecords()
  /** Of the newest version in the log: clusters x dimension float32; none in version 0. */
  centroids: { version: number; bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) }

  constructor(shape: CellShape, point: LogPoint) {
    this.shape = shape
    this.point = point
    this.version = 0
    this.rows = new RowStore(shape.dimension)
    this.index = new FlatIndex(shape.metric, shape.dimension, shape.scratchDir)
  }

  apply(entries: readonly AppliedEntry[], bytes: Uint8Array, point: LogPoint): void {
    const added: Float32Array[] = []
    for (const entry of entries) {
      hear(this, entry)
      if (entry.once !== '') this.once.note(parseOnce(entry.key, entry.once))
      if (entry.type === 'T') this.#letGo(entry)
      if (entry.type === 'C')
        this.centroids = { version: entry.userVersion, bytes: bytes.slice(entry.rowStart, entry.rowEnd) }
      if (entry.type !== 'U') continue
      const { vector, payload } = decodeRow(bytes.subarray(entry.rowStart, entry.rowEnd), this.shape.dimension)
      const { key, version: born, userVersion } = entry
      const flag = entry.flag as RowFlag
      if (!this.rows.put({ key, born, userVersion, flag, payload, vector })) continue
      added.push(vector)
      this.departures.forget(key)
    }
    this.index.add(added)
    this.point = point
    if (this.rows.dead >= COMPACT_DEAD_MIN && this.rows.dead >= this.rows.live) this.compact()
  }

  #letGo({ key, version, flag }: AppliedEntry): void {
    const live = this.rows.liveRow(key)
    const row = live === undefined ? undefined : this.rows.at(live)
    if (this.rows.end(key, version)) this.departures.note(key, version, flag, row)
  }

  compact(): void {
    this.rows = this.rows.compacted()
    this.index.clear()
    const { chunks, size, rowsPerChunk, dimension } = this.rows
    this.index.add(
      chunks.map((chunk, i) => chunk.subarray(0, Math.min(rowsPerChunk, size - i * rowsPerChunk) * dimension)),
    )
    this.compactions++
  }

  /** Throws STALE where the version was already given up. */
  checkReadable(version: number | undefined): void {
    if (version !== undefined && version < this.rows.floor) {
      throw new MaksError('STALE', `version ${version} is older than what this pod still holds`)
    }
  }

  /**
   * The nearest visible rows of each query, exactly.
   * @param scanMs see `Nearest.search`: without it, every query is answered
   */
  search(queries: readonly Query[], scanMs = Number.POSITIVE_INFINITY): (FoundRow[] | undefined)[] {
    for (const query of queries) this.checkReadable(query.at)
    return new Nearest(this.shape.metric, this.rows, this.index).search(queries, scanMs)
  }
}

/**
 * The state of a cell: the fold of its log up to `tip`. It composes the row store, the kernel and what repairs
 * need, on one worker thread; how rows are compared is `ExactSearch`'s. The log is the only writer.
 */
import { MaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import { assertInvariant } from '../../core/invariant.ts'
import { coverEntry, type Hole } from '../../core/log/coverage.ts'
import { parseIdempotencyRecord } from '../../core/log/idempotency.ts'
import type { Metric } from '../../core/metric.ts'
import { assertCentroids } from '../../core/partition.ts'
import { rowViews } from '../../core/row-codec.ts'
import type { CellPlan } from '../../protocol/shard-rpc.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { WorkEnd } from '../../runtime/work-end.ts'
import { type EntryType, type LogTip, parseEditFlag, type RowFlag } from '../../store/log-entry.ts'
import type { PlannedState } from './filter-plan.ts'
import { IdempotencyRecords } from './idempotency-records.ts'
import { makeKernel } from './make-kernel.ts'
import { matchesNone } from './no-match.ts'
import { PayloadIndexes } from './payload-indexes.ts'
import { type FilteredMask, filteredMasks, filteredPage, stateAt } from './row-filter.ts'
import type { RowMask } from './row-mask.ts'
import { RowStore } from './row-store.ts'
import { ExactSearch, type FoundRow } from './search.ts'
import type { OwnedShape } from './snapshot-manifest.ts'
import { Tombstones } from './tombstones.ts'
import { whileHeld } from './while-held.ts'

export interface AppliedEntry {
  type: EntryType
  version: number
  userVersion: number
  key: IdKey
  flag: string
  idempotency: string
  /** Where the row lies in the batch's bytes; 0 bytes for entries without one. */
  rowStart: number
  rowEnd: number
}

/** Of the vectors that a step of cleaning reads, and so of its time: some milliseconds. */
const CLEAN_BYTES = 512 * 1024
const CLEAN_ROWS_MAX = 512
/** If cleaning leaves so many times more dead rows than it should, the log waits for it. */
const OVERDUE = 2

export interface CellShape extends OwnedShape {
  /** Of the one column of vectors that the index holds. */
  dimension: number
  metric: Metric
  scratchDir: string
}

/** A query of a search call. */
export interface Query {
  vector: Float32Array
  /** Rows at most. */
  limit: number
  /** Version to read at; the present state if absent. */
  at?: number
  /** The rows that it may find; absent: all. */
  filter?: FilterText
}

export class CellState {
  readonly shape: CellShape
  rows: RowStore
  #indexes: PayloadIndexes | undefined
  readonly #cleanRows: number
  tip: LogTip
  /** Highest ordering version applied. */
  version: number
  /** Of what the log has lost before repairs (`core/log/coverage.ts`). */
  holes: readonly Hole[] = []
  readonly tombstones = new Tombstones()
  readonly idempotency = new IdempotencyRecords()
  /** Of the newest version in the log: clusters x dimension float32; none in version 0. */
  centroids: { version: number; bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) }

  constructor(shape: CellShape, point: LogTip) {
    this.shape = shape
    this.tip = point
    this.version = 0
    const { metric, dimension, scratchDir } = shape
    this.rows = new RowStore(makeKernel(metric, dimension, scratchDir))
    this.#cleanRows = Math.max(1, Math.min(CLEAN_ROWS_MAX, Math.floor(CLEAN_BYTES / (4 * dimension))))
  }

  /** Chunks of rows that were cleaned and dropped since the start, or since the snapshot that was loaded. */
  get compactions(): number {
    return this.rows.first / this.rows.kernel.chunkRows
  }

  /** The payload indexes of the rows that are here now. */
  get indexes(): PayloadIndexes {
    if (this.#indexes?.rows !== this.rows) {
      const before = this.#indexes?.definitions ?? []
      this.#indexes = new PayloadIndexes(this.rows)
      this.#indexes.define(before)
    }
    return this.#indexes
  }

  apply(entries: readonly AppliedEntry[], bytes: Uint8Array, point: LogTip): void {
    for (const entry of entries) {
      coverEntry(this, entry)
      if (entry.idempotency !== '') this.idempotency.note(parseIdempotencyRecord(entry.key, entry.idempotency))
      if (entry.type === 'T') this.#evict(entry)
      if (entry.type === 'P') this.#edit(entry, bytes.subarray(entry.rowStart, entry.rowEnd))
      if (entry.type === 'C') {
        assertCentroids(entry.rowEnd - entry.rowStart, this.shape.dimension)
        this.centroids = { version: entry.userVersion, bytes: bytes.slice(entry.rowStart, entry.rowEnd) }
      }
      if (entry.type !== 'U') continue
      const { vector, payload } = rowViews(bytes.subarray(entry.rowStart, entry.rowEnd), this.shape.dimension)
      const { key, version: born, userVersion } = entry
      const flag = entry.flag as RowFlag
      if (!this.rows.stage({ key, born, userVersion, flag, payload, vector })) continue
      this.tombstones.forget(key)
    }
    this.rows.flush()
    this.tip = point
    this.assertRows()
  }

  /**
   * The row with another payload. Of another version than the edit was made of there is a row only if the directory was wrong;
   * then the row stays as it is, and the audit reports it.
   */
  #edit({ key, version, userVersion, flag: text }: AppliedEntry, payload: Uint8Array): void {
    const { flag, base } = parseEditFlag(text)
    const live = this.rows.liveRow(key)
    if (live === undefined || this.rows.bornOf(live) !== base) return
    this.rows.put({ key, born: version, userVersion, flag, payload, vector: this.rows.vector(live) })
  }

  #evict({ key, version, flag }: AppliedEntry): void {
    const live = this.rows.liveRow(key)
    const row = live === undefined ? undefined : this.rows.at(live)
    if (this.rows.endRow(key, version)) this.tombstones.note(key, version, flag, row)
  }

  /** A step of cleaning. False if there is nothing to clean now. */
  clean(): boolean {
    if (!this.rows.cleaningDue) return false
    this.rows.clean(this.#cleanRows)
    this.assertRows()
    return true
  }

  /** Should no entry be applied before more is cleaned? Otherwise the dead rows of many updates could fill the memory. */
  get overdue(): boolean {
    return this.rows.garbage > OVERDUE && this.rows.cleaningDue
  }

  /** Asserts that rows and kernel have the same rows: a search takes the kernel's numbers for the rows'. */
  assertRows(): void {
    const { kernel, size, first } = this.rows
    assertInvariant(kernel.rows === size, () => `the kernel has ${kernel.rows} rows, and ${size} are stored`)
    assertInvariant(kernel.first === first, () => `the kernel begins at row ${kernel.first}, and the rows at ${first}`)
    this.rows.assertCounts()
  }

  /** Throws STALE where the version was already given up. */
  checkReadable(version: number | undefined): void {
    if (version !== undefined && version < this.rows.floor) {
      throw new MaksError('STALE', `version ${version} is older than what this pod still holds`)
    }
  }

  /** True only if no row matches at the version; false also if the payload indexes cannot say. Throws STALE. */
  matchesNone(filter: FilterText, at: number | undefined): boolean {
    this.checkReadable(at)
    return matchesNone(filter, this.rows, this.indexes)
  }

  /**
   * The nearest visible rows of each query, exactly, of the rows as they are now: what is applied during the search changes
   * no answer. Throws STALE where a query's version was given up. Who reads the rows by their numbers afterwards holds them
   * (`RowStore.hold`) before the call.
   * @param scanMs see `ExactSearch.search`: without it, every query is answered
   * @param onPlanned gets how the rows of each query were found
   */
  async search(
    queries: readonly Query[],
    scanMs = Number.POSITIVE_INFINITY,
    onPlanned?: (query: number, plan: CellPlan) => void,
  ): Promise<(FoundRow[] | undefined)[]> {
    for (const { at } of queries) this.checkReadable(at)
    const { rows } = this
    return await whileHeld(rows, async () => {
      const made = await masksOf(rows, queries, this.indexes)
      const masked = queries.map(({ vector, limit }, i) => ({ vector, limit, mask: (made[i] as FilteredMask).mask }))
      for (const [i, { plan }] of made.entries()) onPlanned?.(i, plan)
      return await new ExactSearch(this.shape.metric, rows).search(masked, scanMs)
    })
  }

  /**
   * Up to `limit` owner rows that match at a version, ids from `from` on, in order. Throws STALE. As for a search, the caller
   * holds the rows.
   * @param end TIMEOUT is thrown then: see `inSlices`
   */
  async page(
    from: IdKey | null,
    limit: number,
    filter: FilterText,
    at: number | undefined,
    end?: WorkEnd,
  ): Promise<number[]> {
    const { rows } = this
    const page = (next: IdKey | null, most: number): number[] => {
      this.checkReadable(at)
      return rows.page(next, most, at)
    }
    this.checkReadable(at)
    const request = { from, limit, filter, state: stateAt(rows, at), end: rows.end }
    return await inSlices(filteredPage(rows, page, request, this.indexes), end)
  }

  /**
   * The rows that match, all without a filter, of the rows as they are now. Throws STALE. As for a search, the caller holds
   * the rows.
   * @param end TIMEOUT is thrown then: see `inSlices`
   */
  async matching(filter: FilterText | undefined, at: number | undefined, end?: WorkEnd): Promise<RowMask> {
    return (await this.planned(filter, at, end)).mask
  }

  /** The same with how they were found. */
  async planned(filter: FilterText | undefined, at: number | undefined, end?: WorkEnd): Promise<FilteredMask> {
    this.checkReadable(at)
    const [made] = await masksOf(this.rows, [{ at, ...(filter === undefined ? {} : { filter }) }], this.indexes, end)
    return made as FilteredMask
  }
}

/**
 * The rows that each query may find, of the rows as they are now; a mask that several have is made once.
 * @param rows held by the caller
 */
async function masksOf(
  rows: RowStore,
  queries: readonly { at?: number | undefined; filter?: FilterText }[],
  indexes: PayloadIndexes,
  end?: WorkEnd,
): Promise<FilteredMask[]> {
  const states = new Map<number | undefined, PlannedState>()
  for (const { at } of queries) if (!states.has(at)) states.set(at, stateAt(rows, at))
  const masks = new Map<number | undefined, Map<FilterText | undefined, FilteredMask>>()
  for (const [at, state] of states) {
    const ofVersion = new Map<FilterText | undefined, FilteredMask>([[undefined, unfiltered(state.mask)]])
    masks.set(at, ofVersion)
    const filters = [...new Set(queries.flatMap((query) => (query.at === at && query.filter ? [query.filter] : [])))]
    if (filters.length === 0) continue
    const made = await inSlices(filteredMasks(rows, state, filters, indexes), end)
    for (const [i, filter] of filters.entries()) ofVersion.set(filter, made[i] as FilteredMask)
  }
  // Meanwhile chunks may have been dropped that were cleaned before and held by another: no mask has rows of them.
  for (const ofVersion of masks.values()) for (const { mask } of ofVersion.values()) mask.dropBefore(rows.first)
  return queries.map(({ at, filter }) => masks.get(at)?.get(filter) as FilteredMask)
}

function unfiltered(mask: RowMask): FilteredMask {
  const { count } = mask
  return { mask, plan: { plan: 'all', indexes: [], candidates: count, checked: 0, matched: count } }
}

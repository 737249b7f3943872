/**
 * Filters over the rows of a cell: a filter becomes a row mask, which every search and count takes. The payload indexes say which
 * rows may match; of those that are not sure to, the payload is parsed once for all filters of a call. That may take long, so
 * that each of these yields after every row, and the index thread runs them in slices of `runtime/slices.ts`.
 */
import { compileFilter, type RowTest, StoredRow } from '../../core/filter/compile-filter.ts'
import { decodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { compareKeys, type IdKey } from '../../core/ids.ts'
import type { CellPlan } from '../../protocol/shard-rpc.ts'
import { type FilterPlan, type PlannedState, planFilter } from './filter-plan.ts'
import type { PayloadIndexes } from './payload-indexes.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

/** What a filter reads of the rows of a cell. */
export type FilteredRows = Pick<RowStore, 'keyOf' | 'payloadOf' | 'flagOf' | 'rowsOf' | 'relocations'>

/** What a filter asks of the payload indexes of a cell. */
export type FilterIndexes = Pick<PayloadIndexes, 'of' | 'texts' | 'step'>

export interface FilteredMask {
  mask: RowMask
  plan: CellPlan
}

/** Rows that are looked at for a page before the next ones are looked up. */
const PAGE_ROWS = 256
/** Of a page, so many rows that may match are sorted by their ids; of more, all ids are gone through in their order. */
const SORTED_MAX = 8192
/** Before a filter is planned, the indexes come to the newest rows by so many steps at most. */
const CATCH_UP_STEPS = 8

/**
 * Of each filter, the rows of the state that match.
 * @param state its mask must not change meanwhile
 */
export function* filteredMasks(
  rows: FilteredRows,
  state: PlannedState,
  filters: readonly FilterText[],
  indexes: FilterIndexes,
): Generator<void, FilteredMask[], void> {
  const { mask } = state
  yield* catchUp(indexes)
  const decoded = filters.map(decodeFilter)
  const tests = decoded.map((filter) => compileFilter(filter, indexes.texts))
  const parts: Part[] = []
  for (const filter of decoded) parts.push(partOf(yield* planFilter(filter, state, rows, indexes)))
  if (parts.every(({ open }) => open === undefined))
    return parts.map((part) => ({ mask: part.found, plan: planOf(part, mask) }))
  const any = mask.none()
  for (const { open } of parts) if (open) any.join(open)
  for (let row = any.next(0); row >= 0; row = any.next(row + 1)) {
    const stored = rowOf(rows, row)
    for (const [i, { open, found }] of parts.entries())
      if (open?.has(row) && (tests[i] as RowTest)(stored)) found.add(row)
    yield
  }
  return parts.map((part) => ({ mask: part.found, plan: planOf(part, mask) }))
}

/** Of one filter, while payloads are read. Large batches have many: none has more masks than it needs. */
interface Part extends Pick<FilterPlan, 'used'> {
  candidates: number
  found: RowMask
  /** The rows that may match, and are not sure to; absent if there are none. */
  open?: RowMask
}

function partOf({ sure, may, used }: FilterPlan): Part {
  const candidates = may.count
  if (sure === may) return { used, candidates, found: sure }
  const open = may.copy()
  open.subtract(sure)
  return { used, candidates, found: sure.copy(), open }
}

/** The rows of a version as they are now. */
export function stateAt(rows: Pick<RowStore, 'maskAt' | 'relocations'>, at: number | undefined): PlannedState {
  return { mask: rows.maskAt(at).copy(), relocations: rows.relocations }
}

function* catchUp(indexes: FilterIndexes): Generator<void, void, void> {
  for (let step = 0; step < CATCH_UP_STEPS && indexes.step(); step++) yield
}

function planOf({ used, candidates, found, open }: Part, all: RowMask): CellPlan {
  const checked = open?.count ?? 0
  const plan = checked === 0 ? 'index' : candidates < all.count ? 'candidates' : 'scan'
  return { plan, indexes: [...used].sort(), candidates, checked, matched: found.count }
}

export interface PageRequest {
  from: IdKey | null
  limit: number
  filter: FilterText
  /** The state of the page as it is now. Its mask must not change meanwhile. */
  state: PlannedState
  /** The row that comes next, as it is now. */
  end: number
}

/**
 * The rows that match, up to `limit`, in the order of ids, ids from one on.
 * @param page up to so many rows in the order of ids, ids from one on; each is seen as it is when it is looked at
 */
export function* filteredPage(
  rows: FilteredRows,
  page: (from: IdKey | null, limit: number) => number[],
  { from, limit, filter, state, end }: PageRequest,
  indexes: FilterIndexes,
): Generator<void, number[], void> {
  yield* catchUp(indexes)
  const decoded = decodeFilter(filter)
  const test = compileFilter(decoded, indexes.texts)
  const { sure, may } = yield* planFilter(decoded, state, rows, indexes)
  const matches = (row: number): boolean => {
    // A row of a later write, or one that was moved meanwhile.
    if (row >= end) return test(rowOf(rows, row))
    return sure.has(row) || (may.has(row) && test(rowOf(rows, row)))
  }
  const candidates = may.count <= SORTED_MAX ? sortedById(rows, may, from) : eachOf(rows, page, from)
  const found: number[] = []
  for (const row of candidates) {
    if (matches(row)) found.push(row)
    if (found.length === limit) return found
    yield
  }
  return found
}

/** The owner rows of a mask. */
function sortedById(rows: FilteredRows, mask: RowMask, from: IdKey | null): number[] {
  const found: { row: number; key: IdKey }[] = []
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    if (rows.flagOf(row) !== 'o') continue
    const key = rows.keyOf(row)
    if (from === null || compareKeys(key, from) >= 0) found.push({ row, key })
  }
  return found.sort((a, b) => compareKeys(a.key, b.key)).map(({ row }) => row)
}

function* eachOf(
  rows: FilteredRows,
  page: (from: IdKey | null, limit: number) => number[],
  from: IdKey | null,
): Generator<number, void, void> {
  for (let next = from; ; ) {
    const some = page(next, PAGE_ROWS + 1)
    yield* some.slice(0, PAGE_ROWS)
    const following = some[PAGE_ROWS]
    if (following === undefined) return
    next = rows.keyOf(following)
  }
}

function rowOf(rows: FilteredRows, row: number): StoredRow {
  return new StoredRow(rows.keyOf(row), () => rows.payloadOf(row))
}

/**
 * Filters over the rows of a cell: a filter becomes a row mask, which every search and count takes. Without an index of the
 * payloads each row is looked at, its payload parsed once for all filters of a call. That takes long, so that each of these
 * yields after every row, and the index thread runs them in slices of `runtime/slices.ts`.
 */
import { compileFilter, type RowTest, StoredRow } from '../../core/filter/compile-filter.ts'
import { decodeFilter, type FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

/** What a filter reads of the rows of a cell. */
export type FilteredRows = Pick<RowStore, 'keyOf' | 'payloadOf'>

/** Rows that are looked at for a page before the next ones are looked up. */
const PAGE_ROWS = 256

/**
 * Of each filter, the rows of `mask` that match.
 * @param mask must not change meanwhile
 */
export function* filteredMasks(
  rows: FilteredRows,
  mask: RowMask,
  filters: readonly FilterText[],
): Generator<void, RowMask[], void> {
  const tests = filters.map((filter) => compileFilter(decodeFilter(filter)))
  const found = tests.map(() => mask.copy())
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    const stored = rowOf(rows, row)
    for (let i = 0; i < tests.length; i++) if (!(tests[i] as RowTest)(stored)) (found[i] as RowMask).remove(row)
    yield
  }
  return found
}

/**
 * The rows that match, up to `limit`, of all that `page` gives: up to so many rows in the order of ids, ids from one on. Each is
 * seen as it is when it is looked at.
 */
export function* filteredPage(
  rows: FilteredRows,
  page: (from: IdKey | null, limit: number) => number[],
  { from, limit }: { from: IdKey | null; limit: number },
  filter: FilterText,
): Generator<void, number[], void> {
  const test = compileFilter(decodeFilter(filter))
  const found: number[] = []
  let next = from
  for (;;) {
    const some = page(next, PAGE_ROWS + 1)
    for (const row of some.slice(0, PAGE_ROWS)) {
      if (test(rowOf(rows, row))) found.push(row)
      if (found.length === limit) return found
      yield
    }
    const following = some[PAGE_ROWS]
    if (following === undefined) return found
    next = rows.keyOf(following)
  }
}

function rowOf(rows: FilteredRows, row: number): StoredRow {
  return new StoredRow(rows.keyOf(row), () => rows.payloadOf(row))
}

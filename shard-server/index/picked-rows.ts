/**
 * Pages in another order than that of ids: by values of the payloads, or drawn by chance. Both look at every row of a mask and
 * keep no more than a page; they yield after each row, and the index thread runs them in slices.
 */
import { StoredRow } from '../../core/filter/compile-filter.ts'
import {
  compareOrderValues,
  type OrderValue,
  orderValueOf,
  orderValueText,
  parseOrderValue,
} from '../../core/filter/order-value.ts'
import { valuesAt } from '../../core/filter/path-values.ts'
import { compareKeys, type IdKey } from '../../core/ids.ts'
import type { RowOrder } from '../../protocol/shard-rpc.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

type PagedRows = Pick<RowStore, 'keyOf' | 'payloadOf' | 'flagOf'>

/** A row at its place in an order by values. */
export interface ValuedRow {
  row: number
  key: IdKey
  value: OrderValue
}

/** Rows that are collected, beyond twice the limit, before they are sorted. */
const KEPT_MIN = 64

/**
 * The first rows in the order of their values, owner rows alone: of a row with several values each, equal ones once.
 * @param mask must not change meanwhile
 */
export function* rowsByValue(
  rows: PagedRows,
  mask: RowMask,
  { path, direction, startFrom }: Extract<RowOrder, { by: 'value' }>,
  limit: number,
): Generator<void, ValuedRow[], void> {
  const sign = direction === 'asc' ? 1 : -1
  const compare = (a: ValuedRow, b: ValuedRow) =>
    sign * (compareOrderValues(a.value, b.value) || compareKeys(a.key, b.key))
  const start = startFrom === undefined ? undefined : parseOrderValue(startFrom)
  const keep = 2 * limit + KEPT_MIN
  let first: ValuedRow[] = []
  let last: ValuedRow | undefined
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    if (rows.flagOf(row) !== 'o') continue
    const key = rows.keyOf(row)
    for (const value of orderValuesOf(rows, row, path)) {
      if (start !== undefined && sign * compareOrderValues(value, start) < 0) continue
      const one = { row, key, value }
      if (last !== undefined && compare(one, last) > 0) continue
      first.push(one)
      if (first.length < keep) continue
      first = first.sort(compare).slice(0, limit)
      last = first.at(-1)
    }
    yield
  }
  return first.sort(compare).slice(0, limit)
}

function orderValuesOf(rows: PagedRows, row: number, path: Extract<RowOrder, { by: 'value' }>['path']): OrderValue[] {
  const values = valuesAt(payloadOf(rows, row), path).flatMap((value) => orderValueOf(value) ?? [])
  if (values.length < 2) return values
  return [...new Map(values.map((value) => [orderValueText(value), value])).values()]
}

/**
 * Owner rows of the mask, each with the same probability, in an order by chance; and of how many they were drawn
 * (Vitter, Random Sampling with a Reservoir, 1985, algorithm R; then a shuffle).
 * @param mask must not change meanwhile
 * @param random a number from 0 to 1, 1 excluded
 */
export function* rowsByChance(
  rows: PagedRows,
  mask: RowMask,
  limit: number,
  random: () => number,
): Generator<void, { rows: number[]; matching: number }, void> {
  const drawn: number[] = []
  let matching = 0
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    if (rows.flagOf(row) !== 'o') continue
    const at = Math.floor(random() * ++matching)
    if (drawn.length < limit) {
      drawn.push(drawn[at] ?? row)
      drawn[at] = row
    } else if (at < limit) drawn[at] = row
    yield
  }
  for (let i = drawn.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    const moved = drawn[i] as number
    drawn[i] = drawn[other] as number
    drawn[other] = moved
  }
  return { rows: drawn, matching }
}

/** The payload of a row, parsed. */
export function payloadOf(rows: Pick<RowStore, 'keyOf' | 'payloadOf'>, row: number): unknown {
  return new StoredRow(rows.keyOf(row), () => rows.payloadOf(row)).payload
}

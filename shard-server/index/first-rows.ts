/**
 * The rows that may be among the first in an order by values, as the index of the field has them: then a page reads the payloads of
 * these alone. It is a superset: what an index cannot place is in it, and the order is that of the payloads.
 */
import { parseOrderValue } from '../../core/filter/order-value.ts'
import type { RowOrder } from '../../protocol/shard-rpc.ts'
import { type FieldIndex, VALUES_PER_PAYLOAD } from './field-index.ts'
import type { SortedValues } from './index-block.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

/** Values that are gone through before others may have a turn. */
const VALUES_AT_ONCE = 256

/** The values of a block that are left, from the best on. */
interface Cursor extends SortedValues {
  base: number
  at: number
}

/**
 * Of the rows of a mask those that may be among the first `limit`; the mask itself if the index would save nothing.
 * @param mask must not change meanwhile
 */
export function* firstRows(
  rows: Pick<RowStore, 'flagOf'>,
  mask: RowMask,
  index: FieldIndex,
  { direction, startFrom }: Pick<Extract<RowOrder, { by: 'value' }>, 'direction' | 'startFrom'>,
  limit: number,
): Generator<void, RowMask, void> {
  const sorted = index.sorted()
  const values = sorted.reduce((sum, { keys }) => sum + keys.length, 0)
  // A step looks at the best value of each block. More than these take longer than to read the payloads of the mask.
  const stepsMax = (VALUES_PER_PAYLOAD * mask.count) / Math.max(1, sorted.length)
  // Of evenly spread rows so many values are gone through.
  const expected = (limit * values) / Math.max(1, mask.count)
  if (values === 0 || 2 * limit > mask.count || expected > stepsMax) return mask
  const found = unplaced(index, mask, sorted)
  const sign = direction === 'asc' ? 1 : -1
  const slack = Math.max(...sorted.map((one) => one.slack))
  const start = startFrom === undefined ? Number.NEGATIVE_INFINITY : sign * startKey(startFrom, sorted)
  const cursors = sorted.map((one) => cursorAt(one, sign, start - slack))
  let sure = 0
  let last = Number.POSITIVE_INFINITY
  for (let step = 1; ; step++) {
    const best = bestOf(cursors, sign)
    if (!best) break
    // The rows are not evenly spread: few of them have a value, or they are far from where the order begins.
    if (step > stepsMax) return mask
    const key = sign * (best.keys[best.at] as number)
    if (key > last + slack) break
    const row = best.base + (best.places[best.at] as number)
    best.at += sign
    if (mask.has(row) && !found.has(row) && rows.flagOf(row) === 'o') {
      found.add(row)
      if (startFrom === undefined || key > start + slack) sure++
      if (sure === limit) last = Math.min(last, key)
    }
    if (step % VALUES_AT_ONCE === 0) yield
  }
  return found
}

function startKey(startFrom: string, [first]: readonly SortedValues[]): number {
  return Number(parseOrderValue(startFrom)) / (first?.perKey ?? 1)
}

/** The rows of the mask whose place the index does not know, or not as it is now. */
function unplaced(index: FieldIndex, mask: RowMask, sorted: ReturnType<FieldIndex['sorted']>): RowMask {
  const found = mask.copy()
  found.removeBefore(index.next)
  const others = mask.none()
  index.addMissed(others)
  for (const { latest, base } of sorted) for (const place of latest) others.addWithin(base + place)
  others.keep(mask)
  found.join(others)
  return found
}

/** @param start times `sign`: the first value that is wanted */
function cursorAt(block: SortedValues & { base: number }, sign: 1 | -1, start: number): Cursor {
  const { keys } = block
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const isBefore = sign > 0 ? (keys[middle] as number) < start : -(keys[middle] as number) >= start
    if (isBefore) low = middle + 1
    else high = middle
  }
  return { ...block, at: sign > 0 ? low : low - 1 }
}

/** The cursor with the best value. */
function bestOf(cursors: readonly Cursor[], sign: 1 | -1): Cursor | undefined {
  let best: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor.at < 0 || cursor.at >= cursor.keys.length) continue
    if (!best || sign * (cursor.keys[cursor.at] as number) < sign * (best.keys[best.at] as number)) best = cursor
  }
  return best
}

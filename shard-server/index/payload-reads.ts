/** The reads of a cell that list or count its rows by their payloads. Each holds the rows while it looks at them, in slices. */
import { pathText } from '../../core/filter/index-schema.ts'
import { orderValueText } from '../../core/filter/order-value.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { CellState } from './cell-state.ts'
import { encodeRows } from './encode-rows.ts'
import { type FacetCounts, facetCounts } from './facet-counts.ts'
import { firstRows } from './first-rows.ts'
import type { Argument, EncodedRows } from './index-calls.ts'
import { rowsByChance, rowsByValue, type ValuedRow } from './picked-rows.ts'
import { whileHeld } from './while-held.ts'

/** Throws STALE, and TIMEOUT at `end`. */
export function orderedPage(
  state: CellState,
  { order, limit, filter, at, end, ...wanted }: Argument<'orderedPage'>,
): Promise<EncodedRows & { matching?: number }> {
  const { rows } = state
  return whileHeld(rows, async () => {
    const mask = await state.matching(filter, at, end)
    if (order.by === 'chance') {
      const drawn = await inSlices(rowsByChance(rows, mask, limit, Math.random), end)
      return { ...encodeRows(rows, drawn.rows, () => ({}), wanted), matching: drawn.matching }
    }
    const index = state.indexes.of(pathText(order.path))
    const few = index ? await inSlices(firstRows(rows, mask, index, order, limit), end) : mask
    const found = await inSlices(rowsByValue(rows, few, order, limit), end)
    const numbers = found.map(({ row }) => row)
    const valueOf = (_row: number, n: number) => ({ orderValue: orderValueText((found[n] as ValuedRow).value) })
    return encodeRows(rows, numbers, valueOf, wanted)
  })
}

/** Throws STALE, and TIMEOUT at `end`. */
export function facet(state: CellState, { path, filter, at, end }: Argument<'facet'>): Promise<FacetCounts> {
  const { rows } = state
  return whileHeld(rows, async () => {
    const mask = await state.matching(filter, at, end)
    return await inSlices(facetCounts(rows, mask, path, state.indexes), end)
  })
}

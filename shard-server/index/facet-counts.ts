/** The counts of a facet: how many rows of a cell have each value at a path. A row counts once for a value, however often it has it. */
import { compareFacetValues, type FacetValue, facetText, facetValueOf } from '../../core/filter/facet-value.ts'
import { valuesAt } from '../../core/filter/path-values.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { checkLimit } from '../../core/limits.ts'
import { payloadOf } from './picked-rows.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

export interface FacetCounts {
  /** As `facetText` has them, one a line, in the order of `compareFacetValues`. */
  texts: Uint8Array
  /** Of each. */
  counts: Uint32Array
}

/**
 * The counts of owner rows. Yields after each row. Throws ANSWER_TOO_LARGE if there are too many different values, or too long
 * ones: the counts of each cell are whole, so that their sums are exact.
 * @param mask must not change meanwhile
 */
export function* facetCounts(
  rows: Pick<RowStore, 'keyOf' | 'payloadOf' | 'flagOf'>,
  mask: RowMask,
  path: JsonPath,
): Generator<void, FacetCounts, void> {
  const found = new Map<string, { value: FacetValue; count: number }>()
  let chars = 0
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    if (rows.flagOf(row) !== 'o') continue
    for (const [text, value] of facetValues(payloadOf(rows, row), path)) {
      const seen = found.get(text)
      if (seen) seen.count++
      else {
        found.set(text, { value, count: 1 })
        chars += text.length
        checkLimit('FACET_VALUES_MAX', 'the values of the facet', found.size)
        checkLimit('ANSWER_BYTES_MAX', 'the values of the facet', chars)
      }
    }
    yield
  }
  const ordered = [...found].sort(([, a], [, b]) => compareFacetValues(a.value, b.value))
  yield
  return {
    texts: Buffer.from(ordered.map(([text]) => text).join('\n')),
    counts: Uint32Array.from(ordered, ([, { count }]) => count),
  }
}

/** The values of a payload that count, by their texts. */
function facetValues(payload: unknown, path: JsonPath): Map<string, FacetValue> {
  const values = new Map<string, FacetValue>()
  for (const value of valuesAt(payload, path)) {
    const counted = facetValueOf(value)
    if (counted !== undefined) values.set(facetText(counted), counted)
  }
  return values
}

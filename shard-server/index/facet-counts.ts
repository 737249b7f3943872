/** The counts of a facet: how many rows of a cell have each value at a path. A row counts once for a value, however often it has it. */
import { compareFacetValues, type FacetValue, facetText, facetValueOf } from '../../core/filter/facet-value.ts'
import { pathText } from '../../core/filter/index-schema.ts'
import { valuesAt } from '../../core/filter/path-values.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { checkLimit } from '../../core/limits.ts'
import { type FieldIndex, VALUES_PER_PAYLOAD } from './field-index.ts'
import type { PlanIndexes } from './filter-plan.ts'
import { payloadOf } from './picked-rows.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

export interface FacetCounts {
  /** As `facetText` has them, one a line, in the order of `compareFacetValues`. */
  texts: Uint8Array
  /** Of each. */
  counts: Uint32Array
}

/** Rows that are looked at for their flag before others may have a turn. */
const FLAGS_AT_ONCE = 256
/** So many rows of the values of an index are counted while a payload is read and parsed, about. */
const ROWS_PER_PAYLOAD = 1024

type FacetRows = Pick<RowStore, 'keyOf' | 'payloadOf' | 'flagOf'>

/**
 * The counts of owner rows. Yields after each row, and after each value of an index. Throws ANSWER_TOO_LARGE if there are too many
 * different values, or too long ones: the counts of each cell are whole, so that their sums are exact.
 * @param mask must not change meanwhile
 * @param indexes of which one may have the values of the field: then the payloads of those rows alone are read that it cannot count
 */
export function* facetCounts(
  rows: FacetRows,
  mask: RowMask,
  path: JsonPath,
  indexes?: PlanIndexes,
): Generator<void, FacetCounts, void> {
  const found = new Counts()
  const owners = yield* ownersOf(rows, mask)
  const index = indexes?.of(pathText(path))
  const read = index && payloadsOf(index) <= owners.count ? yield* countIndexed(index, owners, found) : owners
  for (let row = read.next(0); row >= 0; row = read.next(row + 1)) {
    for (const [text, value] of facetValues(payloadOf(rows, row), path)) found.add(text, value, 1)
    yield
  }
  return yield* found.encoded()
}

/** As long as to read so many payloads it takes to count by an index; without end if it does not keep rows by their values. */
function payloadsOf({ values, having }: FieldIndex): number {
  return values === undefined ? Number.POSITIVE_INFINITY : values / VALUES_PER_PAYLOAD + having / ROWS_PER_PAYLOAD
}

/** Counts what an index can count of the rows; the others are the answer. */
function* countIndexed(index: FieldIndex, rows: RowMask, found: Counts): Generator<void, RowMask, void> {
  // While this goes on, the index may come to more rows: those are read, and in no count.
  const counted = rows.copy()
  counted.removeFrom(index.next)
  const missed = rows.none()
  index.addMissed(missed)
  counted.subtract(missed)
  for (const [value, count] of index.counts(counted)) {
    if (count > 0) found.add(facetText(value), value, count)
    yield
  }
  const others = rows.copy()
  others.subtract(counted)
  return others
}

function* ownersOf(rows: FacetRows, mask: RowMask): Generator<void, RowMask, void> {
  const owners = mask.copy()
  let looked = 0
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
    if (rows.flagOf(row) !== 'o') owners.remove(row)
    if (++looked % FLAGS_AT_ONCE === 0) yield
  }
  return owners
}

class Counts {
  readonly #found = new Map<string, { value: FacetValue; count: number }>()
  #chars = 0

  add(text: string, value: FacetValue, count: number): void {
    const seen = this.#found.get(text)
    if (seen) {
      seen.count += count
      return
    }
    this.#found.set(text, { value, count })
    this.#chars += text.length
    checkLimit('FACET_VALUES_MAX', 'the values of the facet', this.#found.size)
    checkLimit('ANSWER_BYTES_MAX', 'the values of the facet', this.#chars)
  }

  *encoded(): Generator<void, FacetCounts, void> {
    const ordered = [...this.#found].sort(([, a], [, b]) => compareFacetValues(a.value, b.value))
    yield
    return {
      texts: Buffer.from(ordered.map(([text]) => text).join('\n')),
      counts: Uint32Array.from(ordered, ([, { count }]) => count),
    }
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

/** What a payload index keeps of a block of rows, whatever the type of its values. */
import type { FacetValue } from '../../core/filter/facet-value.ts'
import type { FieldTest } from '../../core/filter/filter.ts'
import type { RowMask } from './row-mask.ts'

/** The rows of a block, or of all blocks, that an index names for a test. */
export interface Found {
  /** Rows at most; a row counts as often as it is named. */
  count: number
  /** Do all of them pass the test? If not, they are all that may pass, and their payloads must be looked at. */
  exact: boolean
  /** Adds them to a mask. */
  addTo: (mask: RowMask) => void
}

/** Values in ascending order. What is read of it does not change. */
export interface SortedValues {
  keys: Float64Array
  /** Of the row of each. */
  places: Uint16Array
  /** The places of those that came last, which are in no order. */
  latest: readonly number[]
  /** What a key is divided by: values of an order by values, and keys, count in other units. */
  perKey: number
  /** Values that are in another order than their keys, or equal, have keys that differ by so much at most. */
  slack: number
}

export interface IndexBlock {
  /** An estimate for texts. */
  readonly bytes: number
  /**
   * Takes one value of a field.
   * @param place of its row in the block, not below one that was added before
   * @returns whether the value is of the type of the index
   */
  add(place: number, value: unknown): boolean
  /** How many different values it has; absent where it does not keep rows by their values. */
  readonly values?: number
  /** Of each value, how many rows of a mask have it. Yields also those that none has. */
  counts?: (mask: RowMask, base: number) => Iterable<[value: FacetValue, rows: number]>
  /** Its values in their order, as they are now; absent where they have none. */
  sorted?: () => SortedValues
  /** Does `counts`, or `sorted`, lack the value of a row, or have it in another form, though a facet, or an order, has it? */
  misses?: (value: unknown) => boolean
  /** No row comes any more. */
  close(): void
  /**
   * The rows whose values pass a test; undefined if the index cannot say, which depends on the test alone.
   * @param base the number of the block's first row
   */
  find(test: FieldTest, base: number): Found | undefined
}

export const NOTHING: Found = { count: 0, exact: true, addTo: () => undefined }

/** The rows that one of several names. */
export function foundByAny(parts: readonly Found[]): Found {
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    exact: parts.every(({ exact }) => exact),
    addTo: (mask) => {
      for (const { addTo } of parts) addTo(mask)
    },
  }
}

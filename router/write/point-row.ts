/** The row of a point, as it goes into the log. */
import { MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import { checkLimit, entryBytes, logShareBytes } from '../../core/limits.ts'
import { encodeRow, type Row } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Write } from './writes.ts'

/**
 * Throws PAYLOAD_TOO_LARGE for a payload above its limit, and for a point that no log of this collection can ever take: a retry
 * would not help.
 * @param what the point in the error
 */
export function upsertOf(key: IdKey, row: Row, { walBudgetBytes }: CollectionConfig, what: string): Write {
  checkLimit('PAYLOAD_BYTES_MAX', `${what}.payload`, Buffer.byteLength(row.payload))
  const bytes = encodeRow(row)
  const given = entryBytes(key, bytes)
  const share = logShareBytes(walBudgetBytes)
  if (given > share)
    throw new MaksError(
      'PAYLOAD_TOO_LARGE',
      `${what}: ${given} bytes in the log are more than ${share}, the eighth of the budget of a cell's log; give Redis more memory, or use fewer cells`,
    )
  return { key, row: { vector: row.vector, bytes } }
}

/** The row of a point, as it goes into the log. */
import { MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import { checkLimit, entryBytes, logShareBytes } from '../../core/limits.ts'
import { encodeRow, type Row, rowBytesOf } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Write } from './writes.ts'

/**
 * Throws PAYLOAD_TOO_LARGE as an upsert of the whole row does, which a move of the point appends.
 * @param payload JSON text, '' for none
 */
export function payloadWriteOf(key: IdKey, payload: string, config: CollectionConfig, what: string): Write {
  const bytes = Buffer.from(payload)
  const rowBytes = rowBytesOf(config.vectors[''].size, bytes.length)
  checkBytes(key, bytes.length, rowBytes, config, what)
  return { key, payload: bytes }
}

/**
 * Throws PAYLOAD_TOO_LARGE for a payload above its limit, and for a point that no log of this collection can ever take: a retry
 * would not help.
 * @param what the point in the error
 */
export function upsertOf(key: IdKey, row: Row, config: CollectionConfig, what: string): Write {
  const bytes = encodeRow(row)
  checkBytes(key, Buffer.byteLength(row.payload), bytes.length, config, what)
  return { key, row: { vector: row.vector, bytes } }
}

function checkBytes(
  key: IdKey,
  payloadBytes: number,
  rowBytes: number,
  { walBudgetBytes }: CollectionConfig,
  what: string,
): void {
  checkLimit('PAYLOAD_BYTES_MAX', `${what}.payload`, payloadBytes)
  const given = entryBytes(key, rowBytes)
  const share = logShareBytes(walBudgetBytes)
  if (given > share)
    throw new MaksError(
      'PAYLOAD_TOO_LARGE',
      `${what}: ${given} bytes in the log are more than ${share}, the eighth of the budget of a cell's log; give Redis more memory, or use fewer cells`,
    )
}

/** A request under an idempotency key: what the log remembers it by. */
import { createHash } from 'node:crypto'
import { badRequest } from '../../core/errors.ts'
import { bytesOf } from '../../core/vector.ts'
import type { Write } from './writes.ts'

/** What each point of such a request has come to is remembered in Redis. */
export const IDEMPOTENCY_POINTS_MAX = 1000

/** The digest is of what is asked for, not of how it is written down: spaces and the order of fields do not matter. */
export function idempotencyOf(idempotencyKey: string, writes: readonly Write[]): { key: string; digest: string } {
  if (writes.length > IDEMPOTENCY_POINTS_MAX)
    throw badRequest(`a request with an "Idempotency-Key" holds at most ${IDEMPOTENCY_POINTS_MAX} points`)
  const asked = createHash('sha256')
  for (const { key, row, ifVersion } of writes) {
    asked.update(JSON.stringify([key, row ? row.bytes.byteLength : null, ifVersion ?? null]))
    if (row) asked.update(bytesOf(row.vector)).update(row.bytes)
  }
  return {
    key: createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32),
    digest: asked.digest('hex').slice(0, 32),
  }
}

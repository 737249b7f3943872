/** A request under an idempotency key: what the log remembers it by. */
import { createHash } from 'node:crypto'
import { badRequest } from '../../core/errors.ts'
import { bytesOf } from '../../core/vector.ts'
import type { Write } from './writes.ts'

/** What each point of such a request has come to is remembered in Redis. */
export const IDEMPOTENCY_POINTS_MAX = 1000

/** Digests of the key and of what is asked for under it. */
export interface Idempotency {
  key: string
  digest: string
}

/** Parts of what a request asks for, one after the other: another request has other parts. */
export type Asked = Iterable<string | Uint8Array>

/**
 * The digest is of what is asked for, not of how it is written down: spaces and the order of fields do not matter.
 * @param points that the request changes
 */
export function idempotencyOf(idempotencyKey: string, points: number, asked: Asked): Idempotency {
  if (points > IDEMPOTENCY_POINTS_MAX)
    throw badRequest(`a request with an "Idempotency-Key" holds at most ${IDEMPOTENCY_POINTS_MAX} points`)
  return { key: digestOf([idempotencyKey]), digest: digestOf(asked) }
}

function digestOf(parts: Asked): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 32)
}

/** What writes ask for. */
export function* askedByWrites(writes: readonly Write[]): Asked {
  for (const { key, row, ifVersion } of writes) {
    yield JSON.stringify([key, row ? row.bytes.byteLength : null, ifVersion ?? null])
    if (!row) continue
    yield bytesOf(row.vector)
    yield row.bytes
  }
}

/**
 * Requests that are to be executed once: what one that names an idempotency key has come to at one id, as the log and the
 * records in Redis have it.
 */
import type { IdKey } from '../ids.ts'

/** How long it is remembered. */
export const IDEMPOTENCY_TTL_MS = 3_600_000

export interface IdempotencyRecord {
  /** Digest of the idempotency key. */
  request: string
  /** Of what is asked for. */
  digest: string
  /** By the clock of Redis, ms. */
  at: number
  id: IdKey
  /** Of the operation, as `commit-batch.lua` gives it. */
  result: string
}

/** The text that `commit-batch.lua` puts into an entry about the id. */
export function parseIdempotencyRecord(id: IdKey, text: string): IdempotencyRecord {
  const [request = '', digest = '', at = '', result = ''] = text.split(':')
  return { request, digest, at: Number(at), id, result }
}

/**
 * What requests with an idempotency key have come to in this cell, as its log holds it: a repair writes the records in
 * Redis again from here. The requests that were used longest ago are forgotten first.
 */
import type { IdKey } from '../../core/ids.ts'
import { IDEMPOTENCY_TTL_MS, type IdempotencyRecord } from '../../core/log/idempotency.ts'

/** Ids, over all requests. */
export const IDEMPOTENCY_IDS_MAX = 100_000

interface Request {
  digest: string
  at: number
  results: Map<IdKey, string>
}

export class IdempotencyRecords {
  readonly #requests = new Map<string, Request>()
  #ids = 0

  note({ request, digest, at, id, result }: IdempotencyRecord): void {
    const known = this.#requests.get(request)
    const one = known?.digest === digest ? known : { digest, at, results: new Map<IdKey, string>() }
    if (one !== known) this.#forget(request)
    // A map keeps the order of insertion: what is put in again is the last one used. An entry that is replayed is no use.
    if (one !== known || at > one.at) {
      this.#requests.delete(request)
      this.#requests.set(request, one)
    }
    one.at = Math.max(one.at, at)
    if (!one.results.has(id)) this.#ids++
    one.results.set(id, result)
    for (const [oldest, { at: then }] of this.#requests) {
      if (this.#ids <= IDEMPOTENCY_IDS_MAX && then > at - IDEMPOTENCY_TTL_MS) break
      this.#forget(oldest)
    }
  }

  #forget(request: string): void {
    this.#ids -= this.#requests.get(request)?.results.size ?? 0
    this.#requests.delete(request)
  }

  /** The requests that were used longest ago come first. */
  *all(): Generator<IdempotencyRecord> {
    for (const [request, { digest, at, results }] of this.#requests)
      for (const [id, result] of results) yield { request, digest, at, id, result }
  }
}

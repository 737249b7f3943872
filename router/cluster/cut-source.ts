/** Cuts, shared: reads that arrive while one is on its way share the next, which is sent after each of them arrived. */
import { MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import type { RedisLink } from '../../store/redis-link.ts'
import { type CollectionScope, type Cut, readCut } from '../../store/topology.ts'

export class CutSource {
  readonly #link: RedisLink
  readonly #scope: CollectionScope
  #sent: Promise<Cut> | undefined
  #next: Promise<Cut> | undefined

  constructor(link: RedisLink, scope: CollectionScope) {
    this.#link = link
    this.#scope = scope
  }

  /** Throws REDIS_UNAVAILABLE or GATE_CLOSED. */
  take(): Promise<Cut> {
    if (this.#next) return this.#next
    const before = this.#sent
    const next = (async () => {
      await before?.catch(() => undefined)
      this.#next = undefined
      this.#sent = this.of([])
      return this.#sent
    })()
    this.#next = next
    return next
  }

  /** A cut with the owners of ids. */
  async of(ids: readonly IdKey[]): Promise<Cut> {
    const cut = await this.#link.use((redis) => readCut(redis, this.#scope, ids))
    if (!cut) throw new MaksError('GATE_CLOSED', 'the pods are comparing their copies with the log')
    return cut
  }
}

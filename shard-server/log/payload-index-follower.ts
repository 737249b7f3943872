/** Follows the payload indexes among the settings of the collection, and how far those of this pod have come. */
import { asMaksError } from '../../core/errors.ts'
import { indexDefinitions } from '../../core/filter/index-schema.ts'
import type { PodIndexes } from '../../protocol/shard-rpc.ts'
import { indexSchemasOf, type Settings } from '../../store/settings.ts'
import type { Pod } from '../pod/pod.ts'

export class PayloadIndexFollower {
  readonly #pod: Pick<Pod, 'index' | 'logger' | 'metrics'>
  readonly #readSettings: () => Promise<Settings>
  #settings: number | undefined
  /** The position that was applied when the index thread was asked last. */
  #applied: string | undefined
  #asking = false
  /** Undefined before the settings were read. */
  state: PodIndexes | undefined

  constructor(pod: Pick<Pod, 'index' | 'logger' | 'metrics'>, readSettings: () => Promise<Settings>) {
    this.#pod = pod
    this.#readSettings = readSettings
  }

  /**
   * Reads the settings if they have changed, and asks the index thread, for which no heartbeat waits, unless all is as it was. True
   * if others should know the state at once: an index was defined, or is complete.
   * @param applied the position that the pod has applied
   */
  async follow(settings: number, applied: string): Promise<boolean> {
    if (this.#asking || this.#isKnown(settings, applied)) return false
    this.#asking = true
    try {
      const { index, metrics } = this.#pod
      const before = this.state
      if (settings !== this.#settings) {
        const definitions = indexDefinitions(indexSchemasOf(await this.#readSettings()), (field, thrown) =>
          this.#pod.logger.warn({ field, error: asMaksError(thrown).message }, 'a payload index is left out'),
        )
        await index.call('defineIndexes', { definitions })
        this.#settings = settings
      }
      const fields = await index.call('payloadIndexes', null)
      this.state = { settings, fields }
      this.#applied = applied
      metrics.set('maksdb_payload_index_pending_rows', mostPending(this.state))
      return before?.settings !== settings || (mostPending(before) > 0 && mostPending(this.state) === 0)
    } catch (thrown) {
      this.#pod.logger.debug({ error: asMaksError(thrown).message }, 'the payload indexes stay as they were')
      return false
    } finally {
      this.#asking = false
    }
  }

  #isKnown(settings: number, applied: string): boolean {
    return (
      settings === this.#settings &&
      applied === this.#applied &&
      this.state !== undefined &&
      mostPending(this.state) === 0
    )
  }
}

function mostPending({ fields }: PodIndexes): number {
  return Math.max(0, ...Object.values(fields).map(({ pending }) => pending))
}

/** Follows the payload indexes among the settings of the collection, and how far those of this pod have come. */
import { asMaksError } from '../../core/errors.ts'
import { type IndexDefinition, indexDefinition } from '../../core/filter/index-schema.ts'
import type { PodIndexes } from '../../protocol/shard-rpc.ts'
import { INDEX_PREFIX, type Settings } from '../../store/settings.ts'
import type { Pod } from '../pod/pod.ts'

export class PayloadIndexFollower {
  readonly #pod: Pick<Pod, 'index' | 'logger' | 'metrics'>
  readonly #readSettings: () => Promise<Settings>
  #settings: number | undefined
  #asking = false
  /** Undefined before the settings were read. */
  state: PodIndexes | undefined

  constructor(pod: Pick<Pod, 'index' | 'logger' | 'metrics'>, readSettings: () => Promise<Settings>) {
    this.#pod = pod
    this.#readSettings = readSettings
  }

  /**
   * Reads the settings if they have changed, and asks the index thread, for which no heartbeat waits. True if others should know
   * the state at once: an index was defined, or is complete.
   */
  async follow(settings: number): Promise<boolean> {
    if (this.#asking) return false
    this.#asking = true
    try {
      const { index, metrics } = this.#pod
      const before = this.state
      if (settings !== this.#settings) {
        const definitions = this.#definitionsOf(await this.#readSettings())
        await index.call('defineIndexes', { definitions })
        this.#settings = settings
      }
      const fields = await index.call('payloadIndexes', null)
      this.state = { settings, fields }
      metrics.set('maksdb_payload_index_pending_rows', mostPending(this.state))
      return before?.settings !== settings || (mostPending(before) > 0 && mostPending(this.state) === 0)
    } catch (thrown) {
      this.#pod.logger.debug({ error: asMaksError(thrown).message }, 'the payload indexes stay as they were')
      return false
    } finally {
      this.#asking = false
    }
  }

  #definitionsOf(settings: Settings): IndexDefinition[] {
    return [...settings].flatMap(([setting, text]) => {
      if (!setting.startsWith(INDEX_PREFIX)) return []
      const name = setting.slice(INDEX_PREFIX.length)
      try {
        return [indexDefinition(name, text)]
      } catch (thrown) {
        // Of a version that knows other options: a filter on the field is exact without an index, too.
        this.#pod.logger.warn({ field: name, error: asMaksError(thrown).message }, 'a payload index is left out')
        return []
      }
    })
  }
}

function mostPending({ fields }: PodIndexes): number {
  return Math.max(0, ...Object.values(fields).map(({ pending }) => pending))
}

/**
 * Removes pods that have left a collection from its members in Redis. Which ones have left follows from a comparison of the
 * members with the processes, so that a supervisor that dies between ending a pod and removing it is made up for by the next.
 */
import type { CollectionConfig } from '../protocol/env/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { RedisLink } from '../store/redis-link.ts'
import { readTopology, removeMember } from '../store/topology.ts'

/** Between two looks at a collection that still has something to remove, or whose Redis does not answer. */
const AGAIN_MS = 1000

export class MemberMaintenance {
  readonly #logger: Logger
  /** Collections to look at, and when. */
  readonly #due = new Map<string, number>()
  #busy = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Look at these collections: their supervisor has just begun, or their number of pods may have changed. */
  look(names: readonly string[]): void {
    for (const name of names) this.#due.set(name, 0)
  }

  /**
   * Does what is due, beside the pass that calls it.
   * @param configOf a collection, by the name of its VectorCluster; undefined if it is no more
   * @param runs does this pod of a collection have a process?
   */
  run(
    configOf: (name: string) => CollectionConfig | undefined,
    runs: (config: CollectionConfig, cell: number, ordinal: number) => boolean,
  ): void {
    if (this.#busy) return
    const due: CollectionConfig[] = []
    for (const [name, at] of this.#due) {
      if (at > performance.now()) continue
      const config = configOf(name)
      if (config) due.push(config)
      else this.#due.delete(name)
    }
    if (due.length === 0) return
    this.#busy = true
    void Promise.all(due.map((config) => this.#removeDeparted(config, runs))).finally(() => {
      this.#busy = false
    })
  }

  async #removeDeparted(
    config: CollectionConfig,
    runs: (config: CollectionConfig, cell: number, ordinal: number) => boolean,
  ): Promise<void> {
    const { namespace, name, clusters, replicas } = config
    const scope = { namespace, name, clusters }
    this.#due.set(name, performance.now() + AGAIN_MS)
    const link = new RedisLink(config.redisUrl)
    try {
      const { members } = await link.use((redis) => readTopology(redis, scope))
      const surplus = members.filter(({ ordinal }) => ordinal >= replicas)
      for (const member of surplus.filter(({ cell, ordinal }) => !runs(config, cell, ordinal))) {
        const removal = await link.use((redis) => removeMember(redis, scope, member))
        this.#logger.info({ collection: config.collection, pod: member.pod, removal }, 'a pod has left')
      }
      if (surplus.length === 0) this.#due.delete(name)
    } catch (error) {
      this.#logger.debug({ collection: config.collection, error: String(error) }, 'the members cannot be read')
    } finally {
      link.drop()
    }
  }
}

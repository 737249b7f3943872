/**
 * The router's view of a collection: leaders, addresses of the pods, the partition. Read from Redis twice a second, and at
 * once if an answer shows that it is out of date; kept while Redis is away.
 */
import { type AliasTable, NO_ALIASES } from '../../core/aliases.ts'
import { refusalOf } from '../../core/data-identity.ts'
import { asMaksError, type MaksError } from '../../core/errors.ts'
import { leaderOf } from '../../core/log/leader.ts'
import type { Partition } from '../../core/partition.ts'
import { SpillReservoir } from '../../core/spill.ts'
import { float32View } from '../../core/vector.ts'
import { type CollectionConfig, identityOf } from '../../protocol/env/config.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import { readAliases } from '../../store/aliases.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { readSettings, type Settings } from '../../store/settings.ts'
import {
  type Cut,
  cutOf,
  type OwnedScope,
  readCentroids,
  readTopology,
  type TopologyView,
} from '../../store/topology.ts'
import { CutSource } from './cut-source.ts'

const POLL_MS = 500
/** Refreshes asked for within this time share one. */
const REFRESH_MIN_MS = 50
/** An answer that a former primary has already sent gets this time to arrive. */
const DEPOSED_GRACE_MS = 500

export class Collection {
  readonly config: CollectionConfig
  readonly scope: OwnedScope
  readonly link: RedisLink
  readonly cuts: CutSource
  readonly reservoir: SpillReservoir
  readonly #logger: Logger
  #partition: Partition
  #refreshing: Promise<void> | undefined
  #settings: Settings = new Map()
  #aliases: AliasTable = NO_ALIASES
  /** Reads of the aliases that were begun, and changes; and which of them `#aliases` is. */
  #aliasSteps = 0
  #aliasesAt = 0
  #closed = false
  /** Called after each reading of the topology. */
  readonly #watchers = new Set<() => void>()
  /** Undefined until Redis has answered once. */
  topology: TopologyView | undefined
  /**
   * The last state of all cells that was read from Redis, and since when it may be out of date; this process' own clock,
   * ms.
   */
  seen: { cut: Cut; at: number } | undefined
  redisUp = false
  /** Why the data in Redis is not this collection's; undefined if it is, or if Redis has not answered yet. */
  refused: MaksError | undefined

  constructor(config: CollectionConfig, logger: Logger) {
    this.config = config
    const { namespace, name, uid } = config
    this.scope = { namespace, name, uid, clusters: config.clusters }
    this.#logger = logger
    this.link = new RedisLink(config.redisUrl)
    this.cuts = new CutSource(this.link, this.scope)
    this.reservoir = new SpillReservoir(config.redundantStorage)
    const { size: dimension, metric } = config.vectors['']
    const { clusters } = config
    this.#partition = { version: 0, metric, dimension, clusters, centroids: new Float32Array(0) }
    void this.#poll()
  }

  get partition(): Partition {
    return this.#partition
  }

  /** Whether rows may lie in another cell than their own. Then only a full fan-out at a cut is sure to find each once. */
  get unsettled(): boolean {
    return (
      this.config.clusters > 1 &&
      (this.#partition.version === 0 || this.topology === undefined || this.topology.moving > 0)
    )
  }

  async #poll(): Promise<void> {
    while (!this.#closed) {
      await this.refresh()
      await sleep(POLL_MS)
    }
  }

  /** Reads the topology again; never throws. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      setTimeout(() => {
        this.#refreshing = undefined
      }, REFRESH_MIN_MS)
    })
    return this.#refreshing
  }

  async #refresh(): Promise<void> {
    const at = performance.now()
    const step = ++this.#aliasSteps
    try {
      const [topology, aliases] = await this.link.use((redis) =>
        Promise.all([readTopology(redis, this.scope), readAliases(redis, this.scope)]),
      )
      this.refused = refusalOf(topology.claimed, identityOf(this.config))
      if (this.refused) throw this.refused
      if (topology.centroidVersion !== this.#partition.version) await this.#readPartition(topology.centroidVersion)
      this.topology = topology
      this.#takeAliases(aliases, step)
      const cut = cutOf(topology)
      if (cut) this.seen = { cut, at }
      for (const watch of this.#watchers) watch()
      this.redisUp = true
    } catch (thrown) {
      if (this.redisUp)
        this.#logger.warn(
          { collection: this.config.collection, error: asMaksError(thrown).message },
          'Redis does not answer',
        )
      this.redisUp = false
    }
  }

  async #readPartition(version: number): Promise<void> {
    const bytes = version === 0 ? Buffer.alloc(0) : await this.link.use((redis) => readCentroids(redis, this.scope))
    if (bytes === null) return
    this.#partition = { ...this.#partition, version, centroids: float32View(bytes) }
  }

  /** What clients gave and answers repeat; while Redis is away, as it was read last. */
  async settings(): Promise<Settings> {
    if (!this.redisUp) return this.#settings
    try {
      this.#settings = await this.link.use((redis) => readSettings(redis, this.scope))
    } catch (thrown) {
      if (asMaksError(thrown).code !== 'REDIS_UNAVAILABLE') throw thrown
    }
    return this.#settings
  }

  /** The aliases that this collection keeps, as they were read or changed last. */
  get aliases(): AliasTable {
    return this.#aliases
  }

  /** Reads the aliases again. Throws REDIS_UNAVAILABLE. */
  async readAliases(): Promise<void> {
    const step = ++this.#aliasSteps
    this.#takeAliases(await this.link.use((redis) => readAliases(redis, this.scope)), step)
  }

  /** This router has changed them. */
  changedAliases(table: AliasTable): void {
    this.#takeAliases(table, ++this.#aliasSteps)
  }

  /** What began before the change, or the read, that is known is older than that. */
  #takeAliases(table: AliasTable, step: number): void {
    if (step < this.#aliasesAt) return
    this.#aliasesAt = step
    this.#aliases = table
  }

  leader(cell: number): Heartbeat | undefined {
    return leaderOf(this.topology, cell)
  }

  /**
   * Calls the current primary of a cell. The signal is aborted shortly after another pod leads: a pod that vanished with
   * its network closes no connection, and a call to it would last until its deadline.
   */
  async whileLeading<T>(cell: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const epoch = this.topology?.cells[cell]?.epoch
    const over = new AbortController()
    let grace: NodeJS.Timeout | undefined
    const watch = () => {
      const now = this.topology?.cells[cell]
      if (grace !== undefined || now?.epoch === epoch || !now?.leased) return
      grace = setTimeout(() => over.abort(new Error(`${now.leader} leads cell ${cell} now`)), DEPOSED_GRACE_MS)
    }
    this.#watchers.add(watch)
    try {
      return await work(over.signal)
    } finally {
      this.#watchers.delete(watch)
      clearTimeout(grace)
    }
  }

  /** The pods of a cell, the leader first, then the freshest. */
  pods(cell: number): Heartbeat[] {
    const leader = this.topology?.cells[cell]?.leader
    const seq = (member: Heartbeat) => Number(member.applied.split('-')[1] ?? 0)
    return (this.topology?.members ?? [])
      .filter((member) => member.cell === cell)
      .sort((a, b) => Number(b.pod === leader) - Number(a.pod === leader) || seq(b) - seq(a))
  }

  close(): void {
    this.#closed = true
    this.link.drop()
  }
}

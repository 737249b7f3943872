/**
 * What this router sees of the cells and of Redis, as metrics: a shard that has lost its only pod has nobody left who
 * could say so of itself.
 */
import type { MetricName } from '../../protocol/metrics/metrics.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { type RedisStats, readRedisStats } from '../../store/redis-stats.ts'
import type { Collection } from './collection.ts'
import type { Registry } from './collections.ts'

const TOPOLOGY_EVERY_MS = 1000
const REDIS_EVERY_MS = 10_000

const OF_CELLS = ['maksdb_router_cell_leased', 'maksdb_router_cell_pods'] as const
type Reading = [MetricName, (stats: RedisStats) => number]
const REDIS_GAUGES: Reading[] = [
  ['maksdb_redis_memory_bytes', ({ memoryBytes }) => memoryBytes],
  ['maksdb_redis_memory_limit_bytes', ({ memoryLimitBytes }) => memoryLimitBytes],
  ['maksdb_redis_clients', ({ clients }) => clients],
  ['maksdb_redis_aof_bytes', ({ aofBytes }) => aofBytes],
  ['maksdb_redis_persistence_ok', ({ persistenceOk }) => (persistenceOk ? 1 : 0)],
]
const REDIS_COUNTERS: Reading[] = [
  ['maksdb_redis_commands_total', ({ commands }) => commands],
  ['maksdb_redis_cpu_seconds_total', ({ cpuSeconds }) => cpuSeconds],
]
const OF_REDIS_NAMES = [...REDIS_GAUGES, ...REDIS_COUNTERS].map(([name]) => name)

type Labels = { vectorcluster: string; collection: string }

interface Told {
  labels: Labels
  clusters: number
  /** Cells that have been led. One that never was is new: nothing is lost, and nobody need come. */
  led: Set<number>
}

export class TopologyMetrics {
  readonly #registry: Registry
  readonly #metrics: Metrics
  /** Collections that have series, by name. */
  readonly #told = new Map<string, Told>()
  readonly #timers: NodeJS.Timeout[]

  constructor(registry: Registry, metrics: Metrics) {
    this.#registry = registry
    this.#metrics = metrics
    this.#timers = [
      setInterval(() => this.#tell(), TOPOLOGY_EVERY_MS),
      setInterval(() => void this.#tellRedis(), REDIS_EVERY_MS),
    ]
  }

  #tell(): void {
    for (const [name, { labels, clusters }] of this.#told) {
      if (this.#registry.find(name)?.config.clusters === clusters) continue
      this.#told.delete(name)
      this.#forget([...OF_CELLS, 'maksdb_redis_up', ...OF_REDIS_NAMES], labels)
      // They are gone when this turn of the event loop ends; what is still there is told by the next one.
      return
    }
    for (const name of this.#registry.names) {
      const collection = this.#registry.find(name)
      if (collection) this.#tellCells(collection)
    }
  }

  #tellCells(collection: Collection): void {
    const { topology, redisUp, config } = collection
    const told = this.#told.get(config.collection) ?? this.#begin(collection)
    this.#metrics.set('maksdb_redis_up', redisUp ? 1 : 0, told.labels)
    for (let cell = 0; cell < config.clusters; cell++) {
      const view = topology?.cells[cell]
      if (view !== undefined && view.leader !== '') told.led.add(cell)
      if (!told.led.has(cell)) continue
      const labels = { ...told.labels, cell }
      this.#metrics.set('maksdb_router_cell_leased', redisUp && view?.leased === true ? 1 : 0, labels)
      this.#metrics.set('maksdb_router_cell_pods', redisUp ? collection.pods(cell).length : 0, labels)
    }
  }

  #begin(collection: Collection): Told {
    const { config } = collection
    const told = { labels: labelsOf(collection), clusters: config.clusters, led: new Set<number>() }
    this.#told.set(config.collection, told)
    void this.#tellRedisOf(collection)
    return told
  }

  async #tellRedis(): Promise<void> {
    await Promise.all(
      [...this.#told.keys()].map(async (name) => {
        const collection = this.#registry.find(name)
        if (collection) await this.#tellRedisOf(collection)
      }),
    )
  }

  async #tellRedisOf(collection: Collection): Promise<void> {
    const labels = labelsOf(collection)
    try {
      const stats = await collection.link.use(readRedisStats)
      for (const [name, of] of REDIS_GAUGES) this.#metrics.set(name, of(stats), labels)
      for (const [name, of] of REDIS_COUNTERS) this.#metrics.follow(name, of(stats), labels)
    } catch {
      // `maksdb_redis_up` says so; old figures would say that all is well. INFO may also be refused to this user.
      this.#forget(OF_REDIS_NAMES, labels)
    }
  }

  #forget(names: readonly MetricName[], labels: Labels): void {
    for (const name of names) this.#metrics.remove(name, labels)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}

function labelsOf({ config }: Collection): Labels {
  return { vectorcluster: config.name, collection: config.collection }
}

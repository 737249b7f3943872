/**
 * What this router sees of the cells and of Redis, as metrics: a shard that has lost its only pod exports no
 * metric of its own.
 */
import type { MetricName } from '../../protocol/metrics/metrics.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { type RedisStats, readRedisStats } from '../../store/redis-stats.ts'
import type { Collection } from './collection.ts'
import type { Collections } from './collections.ts'

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

interface Exported {
  labels: Labels
  clusters: number
  /** Cells that have had a primary. A cell that never had one is new, and no reason for an alert. */
  led: Set<number>
}

export class TopologyMetrics {
  readonly #collections: Collections
  readonly #metrics: Metrics
  /** Collections that have series, by name. */
  readonly #exported = new Map<string, Exported>()
  readonly #timers: NodeJS.Timeout[]

  constructor(collections: Collections, metrics: Metrics) {
    this.#collections = collections
    this.#metrics = metrics
    this.#timers = [
      setInterval(() => this.#export(), TOPOLOGY_EVERY_MS),
      setInterval(() => void this.#exportRedis(), REDIS_EVERY_MS),
    ]
  }

  #export(): void {
    for (const [name, { labels, clusters }] of this.#exported) {
      if (this.#collections.find(name)?.config.clusters === clusters) continue
      this.#exported.delete(name)
      this.#forget([...OF_CELLS, 'maksdb_redis_up', ...OF_REDIS_NAMES], labels)
      // The series are removed at the end of this turn of the event loop; the next call exports the others.
      return
    }
    for (const name of this.#collections.names) {
      const collection = this.#collections.find(name)
      if (collection) this.#exportCells(collection)
    }
  }

  #exportCells(collection: Collection): void {
    const { topology, redisUp, config } = collection
    const exported = this.#exported.get(config.collection) ?? this.#begin(collection)
    this.#metrics.set('maksdb_redis_up', redisUp ? 1 : 0, exported.labels)
    for (let cell = 0; cell < config.clusters; cell++) {
      const view = topology?.cells[cell]
      if (view !== undefined && view.leader !== '') exported.led.add(cell)
      if (!exported.led.has(cell)) continue
      const labels = { ...exported.labels, cell }
      this.#metrics.set('maksdb_router_cell_leased', redisUp && view?.leased === true ? 1 : 0, labels)
      this.#metrics.set('maksdb_router_cell_pods', redisUp ? collection.pods(cell).length : 0, labels)
    }
  }

  #begin(collection: Collection): Exported {
    const { config } = collection
    const exported = { labels: labelsOf(collection), clusters: config.clusters, led: new Set<number>() }
    this.#exported.set(config.collection, exported)
    void this.#exportRedisOf(collection)
    return exported
  }

  async #exportRedis(): Promise<void> {
    await Promise.all(
      [...this.#exported.keys()].map(async (name) => {
        const collection = this.#collections.find(name)
        if (collection) await this.#exportRedisOf(collection)
      }),
    )
  }

  async #exportRedisOf(collection: Collection): Promise<void> {
    const labels = labelsOf(collection)
    try {
      const stats = await collection.link.use(readRedisStats)
      for (const [name, of] of REDIS_GAUGES) this.#metrics.set(name, of(stats), labels)
      for (const [name, of] of REDIS_COUNTERS) this.#metrics.follow(name, of(stats), labels)
    } catch {
      // `maksdb_redis_up` is 0; old figures would look healthy. INFO may also be refused to this user.
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

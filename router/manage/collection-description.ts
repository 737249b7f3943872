/** What a collection says of itself, as `GET /collections/:c` shows it. */
import { QDRANT_DISTANCE } from '../../core/metric.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Call } from '../../runtime/call.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Points } from '../points.ts'
import { isEmpty, type JsonObject } from '../requests/json-fields.ts'
import { shownIndexes, shownSection, shownSetting } from './collection-settings.ts'

/** Qdrant's own: clients take `m: 0` for a collection without an index. */
const HNSW = { m: 16, ef_construct: 100, full_scan_threshold: 10_000, max_indexing_threads: 0, on_disk: false }

/** Time for the count of a collection that is described, ms: without one, what is known of its cells is shown. */
const COUNT_WAIT_MS = 1000
const COUNT_READ = { consistency: 'default', token: undefined, maxStalenessMs: 0 } as const

/** Clients take `points_count` for the answer to whether there is data, right after a write: what the topology says is a second old. */
export async function countOf(points: Points, collection: Collection, call: Call): Promise<number | undefined> {
  const counted = points.count(collection, COUNT_READ, call).then(
    ({ count }) => count,
    () => undefined,
  )
  return Promise.race([counted, sleep(COUNT_WAIT_MS).then(() => undefined)])
}

/**
 * The fields that the models of qdrant-client require; `vectors` has the form of the request that created the collection,
 * and settings are as clients gave them.
 * @param counted how many points there are; undefined if nobody could count them in time
 */
export async function describe(collection: Collection, counted: number | undefined): Promise<JsonObject> {
  if (!collection.topology) await collection.refresh()
  const settings = await collection.settings()
  const { config, topology: view } = collection
  const points = counted ?? view?.rows ?? 0
  const led = view?.cells.every((cell) => cell.leased) ?? false
  return {
    status: view === undefined || view.regressed !== '' ? 'red' : led && view.moving === 0 ? 'green' : 'yellow',
    optimizer_status: 'ok',
    points_count: points,
    indexed_vectors_count: points,
    segments_count: config.clusters,
    config: configOf(config, settings),
    payload_schema: shownIndexes(settings, (field) => indexedPoints(collection, field)),
  }
}

/** As the primaries of the cells count them. */
function indexedPoints(collection: Collection, field: string): number {
  const primaries = collection.topology?.cells.map((_cell, number) => collection.leader(number)) ?? []
  return primaries.reduce((sum, pod) => sum + (pod?.payloadIndexes?.fields[field]?.points ?? 0), 0)
}

function configOf(config: CollectionConfig, settings: Settings): JsonObject {
  const vector = vectorOf(config, settings)
  const metadata = shownSection(settings, 'metadata')
  return {
    params: {
      vectors: config.vectorName === undefined ? vector : { [config.vectorName]: vector },
      shard_number: config.clusters,
      replication_factor: config.replicas,
      write_consistency_factor: 1,
      on_disk_payload: shownSetting(settings, 'on_disk_payload') ?? false,
    },
    hnsw_config: { ...HNSW, ...shownSection(settings, 'hnsw_config') },
    optimizer_config: {
      deleted_threshold: 0.5,
      vacuum_min_vector_number: 2048,
      default_segment_number: config.clusters,
      flush_interval_sec: 1,
      ...shownSection(settings, 'optimizers_config'),
    },
    wal_config: {
      wal_capacity_mb: Math.max(1, Math.floor(config.walBudgetBytes / 1e6)),
      wal_segments_ahead: 0,
      ...shownSection(settings, 'wal_config'),
    },
    quantization_config: shownSetting(settings, 'quantization_config') ?? null,
    ...(isEmpty(metadata) ? {} : { metadata }),
  }
}

function vectorOf({ vectors }: CollectionConfig, settings: Settings): JsonObject {
  const { size, metric } = vectors['']
  const given: [string, unknown][] = [
    ['hnsw_config', shownSection(settings, 'vector.hnsw_config')],
    ['quantization_config', shownSetting(settings, 'vector.quantization_config')],
    ['on_disk', shownSetting(settings, 'vector.on_disk')],
  ]
  return {
    size,
    distance: QDRANT_DISTANCE[metric],
    ...Object.fromEntries(given.filter(([, value]) => !isEmpty(value))),
  }
}

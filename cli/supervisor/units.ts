/** From manifests to processes: the units that should run, and the command of each. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Unit } from '../../core/plan.ts'
import type { CollectionConfig, RouterFile } from '../../protocol/config.ts'
import { collectionOf, redisMemoryBytes } from '../../protocol/vector-cluster.ts'
import type { DataDir, Settings, StoredCluster } from './data-dir.ts'

export interface Launch {
  command: string
  args: string[]
  env: Record<string, string | undefined>
}

export interface LocalUnit extends Unit {
  launch: (startId: string) => Launch
}

const LOCALHOST = '127.0.0.1'
const root = fileURLToPath(new URL('../../', import.meta.url))
/** Part of Redis' memory that the logs may take; the directory and its own needs take the rest. */
const WAL_SHARE = 0.8
/** FAISS hands a batch to BLAS from so many queries on; measured, see bench/README.md. */
const BLAS_THRESHOLD = '12'

/** One thread each: OpenMP and BLAS threads would fight over the cores with the other shards. */
const NATIVE_ENV = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MAKSDB_FAISS_BLAS_THRESHOLD: BLAS_THRESHOLD }

/** Settings of a supervisor's environment that reach the shards: intervals that tests shorten, and the level of the logs. */
const PASSED_ON = [
  'MAKSDB_LEASE_TTL_MS',
  'MAKSDB_SNAPSHOT_ENTRIES',
  'MAKSDB_SNAPSHOT_INTERVAL_MS',
  'MAKSDB_LOG_LEVEL',
  'MAKSDB_BODY_BYTES_MAX',
  'MAKSDB_LIMIT_MAX',
  'MAKSDB_TIMEOUT_MS',
] as const

export function collectionConfig(dir: DataDir, { manifest, extras }: StoredCluster): CollectionConfig {
  const { spec, metadata } = manifest
  const { clusters, replicas, dimension, metric, centroids } = spec
  const own = `redis://${LOCALHOST}:${dir.redisPort(metadata.name)}?passwordFile=${encodeURIComponent(join(dir.clusterDir(metadata.name), 'redis-password'))}`
  return {
    collection: collectionOf(manifest),
    namespace: metadata.namespace,
    name: metadata.name,
    dimension,
    metric,
    clusters,
    replicas,
    centroidSource: centroids.source,
    seed: centroids.seed,
    sampleSize: centroids.sampleSize,
    ...(extras.hasCentroids ? { centroidsFile: join(dir.clusterDir(metadata.name), 'centroids.json') } : {}),
    recallTarget: spec.search.recallTarget,
    ...(spec.search.probes === undefined ? {} : { probes: spec.search.probes }),
    redundantStorage: Number(spec.redundantStorage),
    durability: spec.durability === 'Memory' ? 'Memory' : 'Fsync',
    redisUrl: extras.redisUrl ?? own,
    walBudgetBytes: Math.floor((WAL_SHARE * redisMemoryBytes(spec)) / clusters),
    namedVector: extras.namedVector,
  }
}

export function routerFile(dir: DataDir, clusters: readonly StoredCluster[]): RouterFile {
  return { collections: clusters.map((cluster) => collectionConfig(dir, cluster)) }
}

export function localUnits(
  dir: DataDir,
  settings: Settings,
  adminPort: number,
  clusters: readonly StoredCluster[],
): LocalUnit[] {
  return [
    ...clusters.flatMap((cluster) => [...redisUnit(dir, cluster), ...shardUnits(dir, cluster)]),
    routerUnit(dir, settings, adminPort),
  ]
}

function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

function redisUnit(dir: DataDir, cluster: StoredCluster): LocalUnit[] {
  if (cluster.extras.redisUrl !== null) return []
  const { metadata, spec } = cluster.manifest
  const port = dir.redisPort(metadata.name)
  const folder = dir.clusterDir(metadata.name)
  const lines = [
    `port ${port}`,
    `bind ${LOCALHOST}`,
    'daemonize no',
    `dir ${join(folder, 'redis')}`,
    'save ""',
    'appendonly yes',
    `appendfsync ${spec.durability === 'Memory' ? 'everysec' : 'always'}`,
    'no-appendfsync-on-rewrite no',
    `maxmemory ${redisMemoryBytes(spec)}`,
    'maxmemory-policy noeviction',
  ]
  const unit = {
    name: `${metadata.name}-redis`,
    kind: 'redis' as const,
    collection: collectionOf(cluster.manifest),
    cell: null,
    ordinal: null,
    fingerprint: fingerprint(lines),
  }
  return [
    {
      ...unit,
      launch: () => {
        const file = join(folder, 'redis.conf')
        const password = dir.readSecretFile(dir.redisPasswordFile(metadata.name))
        writeFileSync(file, [...lines, `requirepass ${password}`, ''].join('\n'), { mode: 0o600 })
        return { command: 'redis-server', args: [file], env: {} }
      },
    },
  ]
}

function shardUnits(dir: DataDir, cluster: StoredCluster): LocalUnit[] {
  const config = collectionConfig(dir, cluster)
  const cells = Array.from({ length: config.clusters }, (_, cell) => cell)
  const ordinals = Array.from({ length: config.replicas }, (_, ordinal) => ordinal)
  return cells.flatMap((cell) =>
    ordinals.map((ordinal): LocalUnit => {
      const name = `${config.name}-shard-${cell}-${ordinal}`
      return {
        name,
        kind: 'shard',
        collection: config.collection,
        cell,
        ordinal,
        // The number of replicas is part of it: pods count each other when the gate opens and when the log is cut.
        fingerprint: fingerprint(config),
        launch: (startId) => ({
          command: process.execPath,
          args: [join(root, 'shard-server/main.ts')],
          env: {
            ...passedOn(),
            ...NATIVE_ENV,
            MAKSDB_COLLECTION: JSON.stringify(config),
            MAKSDB_CELL: String(cell),
            MAKSDB_ORDINAL: String(ordinal),
            MAKSDB_START_ID: startId,
            MAKSDB_DATA_DIR: join(dir.clusterDir(config.name), `shard-${cell}-${ordinal}`),
            MAKSDB_RUN_FILE: dir.runFile(name),
            MAKSDB_INTERNAL_TOKEN: dir.token,
            // The ports of the last start, where they are still free: addresses that others remember stay right.
            MAKSDB_PORT: String(dir.readRun(name)?.port ?? 0),
            MAKSDB_ADMIN_PORT: String(dir.readRun(name)?.adminPort ?? 0),
          },
        }),
      }
    }),
  )
}

function routerUnit(dir: DataDir, settings: Settings, adminPort: number): LocalUnit {
  const { host, port, apiKey, readOnlyApiKey } = settings
  return {
    name: 'router',
    kind: 'router',
    collection: null,
    cell: null,
    ordinal: null,
    fingerprint: fingerprint(settings),
    launch: () => ({
      command: process.execPath,
      args: [join(root, 'router/main.ts')],
      env: {
        ...passedOn(),
        MAKSDB_ROUTER_FILE: join(dir.path, 'router.json'),
        MAKSDB_HOST: host,
        MAKSDB_PORT: String(port),
        MAKSDB_ADMIN_PORT: String(dir.readRun('router')?.adminPort ?? 0),
        MAKSDB_RUN_FILE: dir.runFile('router'),
        MAKSDB_INTERNAL_TOKEN: dir.token,
        MAKSDB_API_KEY: apiKey,
        MAKSDB_READ_ONLY_API_KEY: readOnlyApiKey,
        MAKSDB_SUPERVISOR_URL: `http://${LOCALHOST}:${adminPort}`,
      },
    }),
  }
}

function passedOn(): Record<string, string | undefined> {
  return Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]))
}

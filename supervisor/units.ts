/** From manifests to processes: the units that should run, and the command of each. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Unit } from '../core/plan/process-plan.ts'
import { collectionConfigOf, redisSettings } from '../protocol/env/cluster-config.ts'
import { type CollectionConfig, type RouterFile, startConfigOf } from '../protocol/env/config.ts'
import { memoryEnv, NATIVE_ENV } from '../protocol/env/process-env.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
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
const root = fileURLToPath(new URL('../', import.meta.url))
/** Settings of a supervisor's environment that reach the shards: intervals that tests shorten, and the level of the logs. */
const PASSED_ON = [
  'MAKSDB_LEASE_TTL_MS',
  'MAKSDB_SNAPSHOT_ENTRIES',
  'MAKSDB_SNAPSHOT_INTERVAL_MS',
  'MAKSDB_LOG_LEVEL',
  'MAKSDB_BODY_BYTES_MAX',
  'MAKSDB_TIMEOUT_MS',
  'MAKSDB_MEMORY_LIMIT_BYTES',
] as const

export function collectionConfig(dir: DataDir, { manifest, extras }: StoredCluster): CollectionConfig {
  const { name } = manifest.metadata
  const passwordFile = encodeURIComponent(join(dir.clusterDir(name), 'redis-password'))
  const { uid, since } = dir.clusterIdentity(name)
  return collectionConfigOf(manifest, {
    uid,
    owner: `VectorCluster ${name} of the data directory ${dir.path} on ${hostname()}`,
    since,
    redisUrl: extras.redisUrl ?? `redis://${LOCALHOST}:${dir.redisPort(name)}?passwordFile=${passwordFile}`,
    centroidsFile: extras.hasCentroids ? join(dir.clusterDir(name), 'centroids.json') : undefined,
  })
}

/** The file of a collection's configuration, for its shards. */
export function configFile(name: string): string {
  return join('clusters', name, 'collection.json')
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
    `dir ${join(folder, 'redis')}`,
    // A title would be written over the environment, by which a process is known (orphans.ts).
    'set-proc-title no',
    ...redisSettings(spec),
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

/** @param name of the VectorCluster */
export function shardName(name: string, cell: number, ordinal: number): string {
  return `${name}-shard-${cell}-${ordinal}`
}

function shardUnits(dir: DataDir, cluster: StoredCluster): LocalUnit[] {
  const config = collectionConfig(dir, cluster)
  const cells = Array.from({ length: config.clusters }, (_, cell) => cell)
  const ordinals = Array.from({ length: config.replicas }, (_, ordinal) => ordinal)
  return cells.flatMap((cell) =>
    ordinals.map((ordinal): LocalUnit => {
      const name = shardName(config.name, cell, ordinal)
      return {
        name,
        kind: 'shard',
        collection: config.collection,
        cell,
        ordinal,
        fingerprint: fingerprint(startConfigOf(config)),
        launch: (startId) => ({
          command: process.execPath,
          args: [join(root, 'shard-server/main.ts')],
          env: {
            ...passedOn(),
            ...NATIVE_ENV,
            ...memoryEnv(process.env),
            MAKSDB_COLLECTION_FILE: join(dir.path, configFile(config.name)),
            MAKSDB_CELL: String(cell),
            MAKSDB_ORDINAL: String(ordinal),
            MAKSDB_START_ID: startId,
            MAKSDB_DATA_DIR: join(dir.clusterDir(config.name), `shard-${cell}-${ordinal}`),
            MAKSDB_RUN_FILE: dir.runFile(name),
            MAKSDB_TERMINATION_FILE: dir.lastWordsFile(name),
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
        ...memoryEnv(process.env),
        MAKSDB_ROUTER_FILE: join(dir.path, 'router.json'),
        MAKSDB_HOST: host,
        // Asked by the supervisor and by `status`, whatever address clients use; and open to all who reach it.
        MAKSDB_ADMIN_HOST: LOCALHOST,
        MAKSDB_PORT: String(port),
        MAKSDB_GRPC_PORT: String(port + 1),
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

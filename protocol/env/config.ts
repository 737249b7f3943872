/** The environment of each program, as schemas: what a variable means, its default, and one readable error for all that is wrong. */
import { z } from 'zod'
import { type DataIdentity, LOG_FORMAT } from '../../core/data-identity.ts'
import { DURABILITY_LEVELS } from '../../core/durability.ts'
import { MaksError } from '../../core/errors.ts'
import { issuesText } from '../issues-text.ts'

const number = (fallback: number) => z.coerce.number().default(fallback)

/** Of a request: a client that waits longer has gone, and its work takes the place of others'. */
export const TIMEOUT_MS_MAX = 300_000

/** Fields that a shard keeps from its start to its end: a change of one restarts it, in local mode and on Kubernetes alike. */
const startFields = {
  collection: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** Of the VectorCluster: tells namesakes apart that share a Redis. */
  uid: z.string(),
  /** The VectorCluster, for people. */
  owner: z.string(),
  /** When the VectorCluster was made, ms. */
  since: z.number(),
  /** The Redis serves VectorClusters of this namespace and name alone. */
  ownRedis: z.boolean(),
  /** By their names: today the default vector alone, whose name is empty. */
  vectors: z.strictObject({ '': z.object({ size: z.number(), metric: z.enum(['L2', 'InnerProduct', 'Cosine']) }) }),
  clusters: z.number(),
  centroidSource: z.enum(['Random', 'Supplied', 'Dynamic']),
  seed: z.number(),
  sampleSize: z.number(),
  /** A file of supplied centroids: JSON list of lists. */
  centroidsFile: z.string().optional(),
  redundantStorage: z.number(),
  durability: z.enum(DURABILITY_LEVELS),
  redisUrl: z.string(),
}

/** Fields that a running shard takes over when its file changes. The only list of them: a new field stands here or above. */
const liveFields = {
  replicas: z.number(),
  recallTarget: z.number(),
  probes: z.number().optional(),
  walBudgetBytes: z.number(),
  /** Name of the vector in requests and answers, which clients compare; absent: the vector has none. Only routers read it. */
  vectorName: z.string().optional(),
  /** SHA-256 of internal tokens that are valid beside that of the environment, while they change. */
  tokenHashes: z.array(z.string()).optional(),
}

/** The file of a collection; a router takes over every field of it while it runs. */
export const collectionConfigSchema = z.object({ ...startFields, ...liveFields })
export type CollectionConfig = z.infer<typeof collectionConfigSchema>

export type LiveField = keyof typeof liveFields
export const LIVE_FIELDS = Object.keys(liveFields) as readonly LiveField[]

/** What a shard holds on to from its start to its end, in the order of the fields of `config`. */
export function startConfigOf(config: CollectionConfig): Omit<CollectionConfig, LiveField> {
  const kept = Object.entries(config).filter(([field]) => !Object.hasOwn(liveFields, field))
  return Object.fromEntries(kept) as Omit<CollectionConfig, LiveField>
}

/** Who the programs of a collection work for, and on what data. */
export function identityOf({ vectors, clusters, uid, owner, since, ownRedis }: CollectionConfig): DataIdentity {
  return { shape: { format: LOG_FORMAT, vectors, cells: clusters }, uid, owner, since, ownRedis }
}

export const shardEnvSchema = z.object({
  MAKSDB_COLLECTION_FILE: z
    .string()
    .describe('JSON file of the collection: dimension, metric, cells, Redis; reloaded when it changes'),
  MAKSDB_CELL: z.coerce.number().describe('number of the cell, from 0'),
  MAKSDB_ORDINAL: z.coerce.number().describe('number of the pod in its cell, from 0'),
  MAKSDB_START_ID: z
    .string()
    .optional()
    .describe('id of this start of the process, part of the lease token; absent: random'),
  MAKSDB_TERMINATION_FILE: z
    .string()
    .optional()
    .describe(
      'file to which the process writes its start id and the error with which it ends; the kubelet publishes both after the process has ended',
    ),
  MAKSDB_DATA_DIR: z.string().describe('directory of the snapshots'),
  MAKSDB_HOST: z.string().default('127.0.0.1').describe('address to listen on; *: every address of both families'),
  MAKSDB_ADVERTISE: z.string().default('127.0.0.1').describe('address at which routers and peers reach this pod'),
  MAKSDB_PORT: number(0).describe('port for routers and peers; 0: a free port'),
  MAKSDB_ADMIN_PORT: number(0).describe('port of health and metrics; 0: a free port'),
  MAKSDB_RUN_FILE: z.string().optional().describe('file to which the process writes its pid and ports'),
  MAKSDB_INTERNAL_TOKEN: z.string().describe('credential that shard and admin calls must carry'),
  MAKSDB_LEASE_TTL_MS: number(3000).describe(
    'time in ms without a renewal after which another pod may take over the lease',
  ),
  MAKSDB_SNAPSHOT_ENTRIES: number(20_000).describe('number of log entries after which a pod takes a snapshot'),
  MAKSDB_SNAPSHOT_INTERVAL_MS: number(300_000).describe(
    'time in ms after which a pod with new entries takes a snapshot',
  ),
  MAKSDB_MEMORY_LIMIT_BYTES: z.coerce
    .number()
    .positive()
    .optional()
    .describe(
      'resident memory in bytes that the process may reach; before it does, writes that need memory are refused. The limits of its cgroups hold in any case',
    ),
  MAKSDB_LOG_LEVEL: z.string().default('info').describe('pino level'),
})
export type ShardEnv = z.infer<typeof shardEnvSchema>

export const routerEnvSchema = z.object({
  MAKSDB_ROUTER_FILE: z.string().describe('JSON file that lists the collections; reloaded when it changes'),
  MAKSDB_VECTOR_CLUSTER: z
    .string()
    .optional()
    .describe('VectorCluster that this router serves, a label of its metrics; absent: the router serves several'),
  MAKSDB_HOST: z.string().default('127.0.0.1').describe('address to listen on; *: every address of both families'),
  MAKSDB_PORT: number(6333).describe('REST port'),
  MAKSDB_GRPC_PORT: z.coerce.number().int().min(0).max(65_535).optional().describe('gRPC port; absent: no gRPC'),
  MAKSDB_ADMIN_PORT: number(0).describe('port of health and metrics; 0: a free port'),
  MAKSDB_ADMIN_HOST: z.string().optional().describe('address of health and metrics; absent: that of MAKSDB_HOST'),
  MAKSDB_RUN_FILE: z.string().optional().describe('file to which the process writes its pid and ports'),
  MAKSDB_INTERNAL_TOKEN: z.string().describe('credential for shards and the supervisor'),
  MAKSDB_API_KEY: z.string().optional().describe('read-write key'),
  MAKSDB_READ_ONLY_API_KEY: z.string().optional().describe('read-only key'),
  MAKSDB_TLS_DIR: z
    .string()
    .optional()
    .describe('directory with tls.crt and tls.key, which turn on HTTPS on the REST port'),
  MAKSDB_SUPERVISOR_URL: z
    .string()
    .optional()
    .describe('local mode: URL of the supervisor, which creates and deletes collections'),
  MAKSDB_BODY_BYTES_MAX: number(32 * 1024 * 1024).describe('maximum size of a request body in bytes'),
  MAKSDB_TIMEOUT_MS: z.coerce
    .number()
    .min(1)
    .max(TIMEOUT_MS_MAX)
    .default(30_000)
    .describe('default timeout of a request in ms, up to 300000'),
  MAKSDB_DRAIN_MS: number(0).describe('time in ms during which the router still accepts requests after SIGTERM'),
  MAKSDB_CORS_ORIGIN: z
    .string()
    .optional()
    .describe('origins from which browsers may call the API, separated by commas, or `*`; absent: none'),
  MAKSDB_LOG_LEVEL: z.string().default('info').describe('pino level'),
})
export type RouterEnv = z.infer<typeof routerEnvSchema>

export const operatorEnvSchema = z.object({
  MAKSDB_NAMESPACE: z.string().default('default').describe('namespace of the operator itself, for its Lease'),
  MAKSDB_LEASE_NAME: z.string().default('maksdb-operator').describe('name of the Lease that the leader holds'),
  MAKSDB_IMAGE: z.string().describe('image of shards and routers of new VectorClusters that name none'),
  MAKSDB_IMAGE_PULL_POLICY: z
    .enum(['Always', 'IfNotPresent', 'Never'])
    .default('IfNotPresent')
    .describe('pull policy of that image'),
  MAKSDB_WATCH_NAMESPACES: z.string().default('').describe('namespaces to watch, separated by commas; empty: all'),
  MAKSDB_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('number of VectorClusters that the operator reconciles at the same time'),
  MAKSDB_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('address of health and metrics; *: every address of both families'),
  MAKSDB_ADMIN_PORT: number(0).describe('port of health and metrics; 0: a free port'),
  MAKSDB_RUN_FILE: z.string().optional().describe('file to which the process writes its pid and ports'),
  MAKSDB_LOG_LEVEL: z.string().default('info').describe('pino level'),
})

export const routerFileSchema = z.object({ collections: z.array(collectionConfigSchema) })
export type RouterFile = z.infer<typeof routerFileSchema>

/** What a process writes to MAKSDB_RUN_FILE once it listens. */
export const runFileSchema = z.object({
  pid: z.number(),
  port: z.number(),
  adminPort: z.number(),
  grpcPort: z.number().optional(),
})
export type RunFile = z.infer<typeof runFileSchema>

export function parseEnv<S extends z.ZodType>(schema: S, env: Record<string, string | undefined>): z.infer<S> {
  const parsed = schema.safeParse(env)
  if (!parsed.success)
    throw new MaksError('BAD_REQUEST', `the environment is not complete: ${issuesText(parsed.error)}`)
  return parsed.data
}

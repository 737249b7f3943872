/**
 * The VectorCluster manifest: the same schema for a local file and for the custom resource. Defaults make `dimension`
 * the only required field. Fields that only Kubernetes can honour are accepted and kept.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { DURABILITY_LEVELS } from '../../core/durability.ts'
import { badRequest } from '../../core/errors.ts'
import { DIMENSION_MAX } from '../../core/vector.ts'
import { issuesText } from '../issues-text.ts'
import { cel } from './cel.ts'
import { keyRef, nameRef, resources, scheduling } from './pod-fields.ts'
import {
  REDIS_LIMIT_SMALL,
  REDIS_SIZE_RULES,
  REDIS_VOLUME_SMALL,
  redisLimitFits,
  redisSchema,
  redisVolumeFits,
} from './redis.ts'
import { storageOf } from './volume.ts'

export const API_VERSION = 'maksdb.io/v1alpha1'
export const KIND = 'VectorCluster'
export const CLUSTERS_MAX = 256
export const REPLICAS_MAX = 9
const ROUTERS_MAX = 100
export const NAME_MAX = 40
const VECTOR_NAME_MAX = 255
/** The Services of `films` are `films`, `films-redis` and `films-shards`: a VectorCluster of the latter names would share one. */
export const RESERVED_SUFFIXES = ['-redis', '-shards'] as const
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
/** On Kubernetes a VectorCluster's name is also its Service's. */
const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const NAME_DIGEST_LENGTH = 12
/** Qdrant's rule for names of collections. */
const COLLECTION_NAME = /^[^<>:"/\\|?*\x00-\x1F]{1,255}$/
/** Clients and proxies take these segments out of a path before they send it, so that no request would reach them. */
const DOT_NAMES = ['.', '..']
const DOT_NAMES_REFUSED = 'must not be "." or "..", which cannot stand in the path of a request'
const SAMPLE_PER_CLUSTER_MIN = 10
const SEED_MAX = 0xffffffff
const fixed = (field: string) => cel({ rule: 'self == oldSelf', message: `${field} cannot be changed` })

export const centroidsSchema = z
  .strictObject({
    source: z
      .enum(['Random', 'Supplied', 'Dynamic'])
      .default('Dynamic')
      .describe(
        'Random: generated from the seed; Supplied: read from a ConfigMap or uploaded; Dynamic: trained on the first points',
      )
      .meta(fixed('centroids.source')),
    seed: z.int().min(0).max(SEED_MAX).default(0).describe('seed of Random centroids and of the training'),
    sampleSize: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe('number of points at which Dynamic centroids are trained; at least 10 for each of the clusters'),
    configMapRef: keyRef.optional().describe('ConfigMap key with Supplied centroids: JSON, a list of lists of numbers'),
  })
  .prefault({})

export const vectorClusterSpecSchema = z
  .strictObject({
    dimension: z.int().min(1).max(DIMENSION_MAX).describe('number of components of a vector').meta(fixed('dimension')),
    metric: z
      .enum(['L2', 'InnerProduct', 'Cosine'])
      .default('L2')
      .describe('distance between two vectors')
      .meta(fixed('metric')),
    collection: z
      .string()
      .min(1, 'must not be empty')
      .max(255, 'must have at most 255 characters')
      .regex(COLLECTION_NAME, 'must be 1 to 255 characters without < > : " / \\ | ? * and control characters')
      .refine((name) => !DOT_NAMES.includes(name), DOT_NAMES_REFUSED)
      .refine((name) => name.isWellFormed(), 'must be well-formed Unicode')
      .meta(cel({ rule: "!(self in ['.', '..'])", message: `collection ${DOT_NAMES_REFUSED}` }))
      .optional()
      .describe('name of the collection in the API; absent: metadata.name'),
    vectorName: z
      .string()
      .max(VECTOR_NAME_MAX, `must have at most ${VECTOR_NAME_MAX} characters`)
      .refine((name) => name.isWellFormed(), 'must be well-formed Unicode')
      .optional()
      .describe('name of the vector of each point in the API; absent: the vector has no name'),
    clusters: z
      .int()
      .min(1)
      .max(CLUSTERS_MAX)
      .default(1)
      .describe(
        'k-means clusters, each run by one StatefulSet; a change needs live re-clustering, which is not available yet, and a condition reports it',
      ),
    replicas: z
      .int()
      .min(1)
      .max(REPLICAS_MAX)
      .default(1)
      .describe('pods of each StatefulSet: one primary and its replicas'),
    centroids: centroidsSchema.describe('source of the centroids of the clusters'),
    search: z
      .strictObject({
        recallTarget: z
          .number()
          .min(0)
          .max(1)
          .default(0.95)
          .describe('share of the true nearest neighbours that a search should find, 0 to 1'),
        probes: z
          .int()
          .min(1)
          .max(CLUSTERS_MAX)
          .optional()
          .describe('number of clusters that a search probes; overrides recallTarget'),
      })
      .prefault({})
      .describe('recall of searches'),
    redundantStorage: z
      .string()
      .max(5)
      .regex(/^(1(\.\d{1,3})?|2(\.0{1,3})?)$/, 'must be a number from "1.0" to "2.0"')
      .default('1.0')
      .describe(
        'upper bound of the average number of rows of a point, its owner row and its redundant rows together: "1.0" to "2.0"',
      ),
    durability: z
      .enum(DURABILITY_LEVELS)
      .default('Fsync')
      .describe(
        'where a write must be stored before it is acknowledged: Memory: the memory of Redis; Fsync: the disk of Redis; Replicated: also a replica of Redis; Journal: the disk of Redis and the volume of the shard',
      ),
    redis: redisSchema.describe('Redis that stores the write-ahead log'),
    storage: storageOf('10Gi').prefault({}).describe('volume of each shard pod, which stores its snapshots'),
    reclaimPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe('Retain: the data stays after the VectorCluster is deleted; Delete: the data is deleted with it'),
    image: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe(
        'image of shards and routers; absent: the image that the operator had when the VectorCluster was created',
      ),
    auth: z
      .strictObject({ secretRef: nameRef.describe('Secret with the key api-key and, optionally, read-only-api-key') })
      .optional()
      .describe('API keys; absent: the operator creates the Secret <name>-api-key'),
    tls: z
      .strictObject({ secretRef: nameRef.describe('Secret with tls.crt and tls.key, as cert-manager creates it') })
      .optional()
      .describe('HTTPS for the API; routers reload the files when they change'),
    service: z
      .strictObject({
        ipFamilyPolicy: z
          .enum(['SingleStack', 'PreferDualStack', 'RequireDualStack'])
          .optional()
          .describe('IP families of the Services; absent: one address, of the first family of the Kubernetes cluster'),
      })
      .optional()
      .describe('Services of the VectorCluster'),
    router: z
      .strictObject({
        replicas: z.int().min(1).max(ROUTERS_MAX).default(2).describe('number of router pods'),
        resources: resources.optional().describe('resources of the router container'),
      })
      .prefault({})
      .describe('stateless router in front of the shards'),
    resources: resources.optional().describe('resources of the shard container'),
    ...scheduling,
  })
  .refine((spec) => spec.centroids.sampleSize >= SAMPLE_PER_CLUSTER_MIN * spec.clusters, {
    path: ['centroids', 'sampleSize'],
    message: `must be at least ${SAMPLE_PER_CLUSTER_MIN} for each of the clusters`,
  })
  .refine((spec) => spec.durability !== 'Replicated' || spec.redis.external !== undefined, {
    path: ['durability'],
    message: 'Replicated needs an external Redis with replicas',
  })
  .refine(redisVolumeFits, { path: ['redis', 'managed', 'storage', 'size'], message: REDIS_VOLUME_SMALL })
  .refine(redisLimitFits, { path: ['redis', 'managed', 'resources', 'limits', 'memory'], message: REDIS_LIMIT_SMALL })
  .meta(
    cel(
      {
        rule: 'has(self.collection) == has(oldSelf.collection) && (!has(self.collection) || self.collection == oldSelf.collection)',
        message: 'collection cannot be changed',
      },
      {
        rule: `self.centroids.sampleSize >= ${SAMPLE_PER_CLUSTER_MIN} * self.clusters`,
        message: `centroids.sampleSize must be at least ${SAMPLE_PER_CLUSTER_MIN} for each of the clusters`,
      },
      {
        rule: "self.durability != 'Replicated' || has(self.redis.external)",
        message: 'durability: Replicated needs an external Redis with replicas',
      },
      ...REDIS_SIZE_RULES,
    ),
  )

export const vectorClusterSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: z.object({
    name: z.string().max(NAME_MAX).regex(DNS_LABEL, 'must be a DNS label'),
    namespace: z.string().default('default'),
  }),
  spec: vectorClusterSpecSchema,
})

export type VectorCluster = z.infer<typeof vectorClusterSchema>
export type VectorClusterSpec = z.infer<typeof vectorClusterSpecSchema>

/** Throws BAD_REQUEST that names every field that is wrong. */
export function parseVectorCluster(value: unknown): VectorCluster {
  const parsed = vectorClusterSchema.safeParse(value)
  if (!parsed.success) throw badRequest(`the manifest is not valid: ${issuesText(parsed.error)}`)
  return parsed.data
}

export function collectionOf(cluster: VectorCluster): string {
  return cluster.spec.collection ?? cluster.metadata.name
}

/** Why a name cannot be a collection's, or undefined. */
export function collectionNameFault(name: string): string | undefined {
  return vectorClusterSpecSchema.shape.collection.safeParse(name).error?.issues[0]?.message
}

/** The VectorCluster of a collection that is asked for by its name, which may hold nearly any character. */
export function clusterNameFor(collection: string): string {
  const plain =
    collection.length <= NAME_MAX &&
    SERVICE_NAME.test(collection) &&
    !RESERVED_SUFFIXES.some((suffix) => collection.endsWith(suffix))
  return plain ? collection : `c-${createHash('sha256').update(collection).digest('hex').slice(0, NAME_DIGEST_LENGTH)}`
}

/**
 * The VectorCluster manifest: the same schema for a local file and for the custom resource. Defaults make `dimension`
 * the only required field. Fields that only Kubernetes can honour are accepted and kept.
 */
import { z } from 'zod'
import { badRequest } from '../core/errors.ts'
import { DIMENSION_MAX } from '../core/vector.ts'

export const API_VERSION = 'maksdb.io/v1alpha1'
export const KIND = 'VectorCluster'
export const CLUSTERS_MAX = 256
export const REPLICAS_MAX = 9
/** Qdrant's rule for names of collections. */
export const COLLECTION_NAME = /^[^<>:"/\\|?*\0\u001F]{1,255}$/
const SAMPLE_PER_CLUSTER_MIN = 10
const GIBI = 1024 ** 3

const quantity = z.string().regex(/^[1-9]\d*(Ki|Mi|Gi|Ti|k|M|G|T)?$/, 'must be a quantity such as 10Gi')
const storage = z.object({ size: quantity.default('10Gi'), storageClassName: z.string().optional() })
/** The log and the directory; Redis may use a third of it as memory. */
const redisStorage = z.object({ size: quantity.default('1Gi'), storageClassName: z.string().optional() })
const secretKey = z.object({ name: z.string(), key: z.string() })
const free = z.record(z.string(), z.unknown())

export const centroidsSchema = z
  .object({
    source: z.enum(['Random', 'Supplied', 'Dynamic']).default('Dynamic'),
    seed: z.int().min(0).max(0xffffffff).default(0),
    sampleSize: z.int().min(1).max(10_000_000).default(10_000),
    configMapRef: secretKey.optional(),
  })
  .prefault({})

export const vectorClusterSpecSchema = z
  .strictObject({
    dimension: z.int().min(1).max(DIMENSION_MAX),
    metric: z.enum(['L2', 'InnerProduct', 'Cosine']).default('L2'),
    collection: z.string().regex(COLLECTION_NAME).optional(),
    clusters: z.int().min(1).max(CLUSTERS_MAX).default(1),
    replicas: z.int().min(1).max(REPLICAS_MAX).default(1),
    centroids: centroidsSchema,
    search: z
      .strictObject({ recallTarget: z.number().min(0).max(1).default(0.95), probes: z.int().min(1).optional() })
      .prefault({}),
    redundantStorage: z
      .string()
      .regex(/^(1(\.\d{1,3})?|2(\.0{1,3})?)$/, 'must be a number from "1.0" to "2.0"')
      .default('1.0'),
    durability: z.enum(['Memory', 'Fsync', 'Replicated', 'Journal']).default('Fsync'),
    redis: z
      .strictObject({
        managed: z.strictObject({ storage: redisStorage.prefault({}) }).optional(),
        external: z.strictObject({ urlSecretRef: secretKey }).optional(),
        image: z.string().optional(),
      })
      .refine((redis) => !(redis.managed && redis.external), 'has either managed or external, not both')
      .default({ managed: { storage: { size: '1Gi' } } }),
    storage: storage.prefault({}),
    reclaimPolicy: z.enum(['Retain', 'Delete']).default('Retain'),
    auth: free.optional(),
    tls: free.optional(),
    router: z.strictObject({ replicas: z.int().min(1).default(2) }).prefault({}),
    resources: free.optional(),
    nodeSelector: free.optional(),
    tolerations: z.array(free).optional(),
    affinity: free.optional(),
    topologySpreadConstraints: z.array(free).optional(),
    imagePullSecrets: z.array(free).optional(),
    podTemplate: free.optional(),
  })
  .refine((spec) => spec.centroids.sampleSize >= SAMPLE_PER_CLUSTER_MIN * spec.clusters, {
    path: ['centroids', 'sampleSize'],
    message: `must be at least ${SAMPLE_PER_CLUSTER_MIN} for each of the clusters`,
  })

export const vectorClusterSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: z.object({
    name: z
      .string()
      .max(40)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label'),
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

export function issuesText(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`).join('; ')
}

export function collectionOf(cluster: VectorCluster): string {
  return cluster.spec.collection ?? cluster.metadata.name
}

const UNITS: Record<string, number> = {
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: GIBI,
  Ti: 1024 ** 4,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
}

export function quantityBytes(text: string): number {
  const match = /^(\d+)(.*)$/.exec(text)
  return Number(match?.[1] ?? 0) * (UNITS[match?.[2] ?? ''] ?? 1)
}

/** Redis may use a third of its volume as memory: the log of appended commands and its rewrite need the rest. */
export function redisMemoryBytes(spec: VectorClusterSpec): number {
  return Math.floor(quantityBytes(spec.redis.managed?.storage.size ?? '1Gi') / 3)
}

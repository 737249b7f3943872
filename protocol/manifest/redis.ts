/** The Redis of a VectorCluster: managed or external, how large it is, and how much of that it may use. */
import { z } from 'zod'
import { cel } from './cel.ts'
import { keyRef, resources } from './pod-fields.ts'
import { sizeBytes } from './quantity.ts'
import { storageOf } from './volume.ts'

const REDIS_SIZE = '1Gi'
/** Each cell's part of the log must take a batch of writes: 1 MiB, after what Redis may use and its directory takes. */
const REDIS_VOLUME_EACH_MI = 4
const REDIS_LIMIT_EACH_MI = 3
const REDIS_LIMIT_MIN_MI = 64
const MIB = 1024 ** 2
export const REDIS_VOLUME_SMALL = `redis.managed.storage.size must be at least ${REDIS_VOLUME_EACH_MI}Mi for each of the clusters`
export const REDIS_LIMIT_SMALL = `redis.managed.resources.limits.memory must be at least ${REDIS_LIMIT_MIN_MI}Mi, and ${REDIS_LIMIT_EACH_MI}Mi for each of the clusters`

export const redisSchema = z
  .strictObject({
    managed: z
      .strictObject({
        storage: storageOf(REDIS_SIZE)
          .prefault({})
          .describe(
            'volume of the log; maxmemory of Redis is a third of its size, and at most 0.6 of the memory limit of Redis',
          ),
        resources: resources.optional().describe('resources of the Redis container'),
      })
      .optional()
      .describe('a Redis for this VectorCluster alone, managed by the operator'),
    external: z
      .strictObject({ urlSecretRef: keyRef.describe('Secret with the URL: redis://user:password@host:6379/0') })
      .optional()
      .describe('an existing Redis, version 7.0 or newer'),
    image: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe('image of the managed Redis; absent: the image of the shards, which contains Redis'),
  })
  .refine((redis) => !(redis.managed && redis.external), 'must have either managed or external, not both')
  .meta(
    cel(
      {
        rule: '!(has(self.managed) && has(self.external))',
        message: 'redis must have either managed or external, not both',
      },
      {
        rule: 'has(self.external) == has(oldSelf.external)',
        message: 'redis: the kind of Redis, managed or external, cannot be changed',
      },
    ),
  )
  .default({ managed: { storage: { size: REDIS_SIZE } } })

/** What of the manifest the memory of the managed Redis follows from. */
type RedisSizes = { redis: z.infer<typeof redisSchema> }

/** The volume of the managed Redis, also where the manifest says nothing of it. */
export function redisStorage(spec: RedisSizes): { size: string; storageClassName?: string | undefined } {
  return spec.redis.managed?.storage ?? { size: REDIS_SIZE }
}

function redisLimitBytes({ redis }: RedisSizes): number {
  const limit = redis.managed?.resources?.limits?.memory
  return limit === undefined ? Number.POSITIVE_INFINITY : sizeBytes(limit)
}

/** Of the volume: the log of appended commands and its rewrite need the rest. */
const VOLUME_SHARE = 1 / 3
/** Of the memory limit: pages that are copied while Redis forks, buffers, and fragmentation need the rest. */
const LIMIT_SHARE = 0.6

/** At this Redis refuses writes with 507 WAL_FULL, before the kernel ends it. */
export function redisMemoryBytes(spec: RedisSizes): number {
  return Math.floor(Math.min(sizeBytes(redisStorage(spec).size) * VOLUME_SHARE, redisLimitBytes(spec) * LIMIT_SHARE))
}

/** What of the manifest decides whether the managed Redis is large enough. */
type SizedSpec = RedisSizes & { clusters: number }

export function redisVolumeFits(spec: SizedSpec): boolean {
  return (
    spec.redis.external !== undefined ||
    sizeBytes(redisStorage(spec).size) >= REDIS_VOLUME_EACH_MI * MIB * spec.clusters
  )
}

export function redisLimitFits(spec: SizedSpec): boolean {
  return redisLimitBytes(spec) >= Math.max(REDIS_LIMIT_MIN_MI, REDIS_LIMIT_EACH_MI * spec.clusters) * MIB
}

/** Both checks as rules of the API server, over the spec. */
export const REDIS_SIZE_RULES = [
  {
    rule: `has(self.redis.external) || quantity(has(self.redis.managed) ? self.redis.managed.storage.size : '${REDIS_SIZE}').asApproximateFloat() >= ${REDIS_VOLUME_EACH_MI * MIB}.0 * double(self.clusters)`,
    message: REDIS_VOLUME_SMALL,
  },
  {
    rule: `!has(self.redis.managed) || !has(self.redis.managed.resources) || !has(self.redis.managed.resources.limits) || !('memory' in self.redis.managed.resources.limits) || quantity(string(self.redis.managed.resources.limits['memory'])).asApproximateFloat() >= (self.clusters > ${Math.floor(REDIS_LIMIT_MIN_MI / REDIS_LIMIT_EACH_MI)} ? ${REDIS_LIMIT_EACH_MI * MIB}.0 * double(self.clusters) : ${REDIS_LIMIT_MIN_MI * MIB}.0)`,
    message: REDIS_LIMIT_SMALL,
  },
]

/** Names and ports of what is made for a VectorCluster. */
export const PORTS = { rest: 6333, shard: 7001, admin: 7002, redis: 6379 } as const

/** Where files lie in the containers. */
export const PATHS = {
  config: '/etc/maksdb/config',
  internal: '/etc/maksdb/internal',
  external: '/etc/maksdb/redis',
  centroids: '/etc/maksdb/centroids',
  tls: '/etc/maksdb/tls',
  data: '/data',
} as const

export const KEYS = {
  redisPassword: 'redis-password',
  internalToken: 'internal-token',
  apiKey: 'api-key',
  readOnlyApiKey: 'read-only-api-key',
  collection: 'collection.json',
  router: 'router.json',
  redis: 'redis.conf',
  credentials: 'credentials.json',
  centroids: 'centroids.json',
  redisUrl: 'url',
} as const

export function names(cluster: string) {
  return {
    shard: (cell: number) => `${cluster}-shard-${cell}`,
    shards: `${cluster}-shards`,
    redis: `${cluster}-redis`,
    router: `${cluster}-router`,
    service: cluster,
    config: `${cluster}-config`,
    internal: `${cluster}-internal`,
    apiKey: `${cluster}-api-key`,
  }
}

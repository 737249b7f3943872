/** What follows from a manifest for the programs, alike for local processes and for pods. */
import { redisMemoryBytes } from '../manifest/redis.ts'
import { collectionOf, type VectorCluster, type VectorClusterSpec } from '../manifest/vector-cluster.ts'
import type { CollectionConfig } from './config.ts'

/** Part of Redis' memory that the logs may take; the directory and its own needs take the rest. */
const WAL_SHARE = 0.8

/** What only the place where it runs knows. */
export interface DeploymentContext {
  uid: string
  /** The VectorCluster, for people. */
  owner: string
  /** When the VectorCluster was made, ms. */
  since: number
  redisUrl: string
  /** Path of the supplied centroids, where there are any. */
  centroidsFile?: string | undefined
  /** Cells that run; the manifest's number where it is not given. */
  clusters?: number
}

export function collectionConfigOf(cluster: VectorCluster, at: DeploymentContext): CollectionConfig {
  const { spec, metadata } = cluster
  const clusters = at.clusters ?? spec.clusters
  const { replicas, dimension, metric, centroids } = spec
  return {
    collection: collectionOf(cluster),
    namespace: metadata.namespace,
    name: metadata.name,
    uid: at.uid,
    owner: at.owner,
    since: at.since,
    ownRedis: spec.redis.external === undefined,
    vectors: { '': { size: dimension, metric } },
    clusters,
    replicas,
    centroidSource: centroids.source,
    seed: centroids.seed,
    sampleSize: centroids.sampleSize,
    ...(at.centroidsFile === undefined ? {} : { centroidsFile: at.centroidsFile }),
    recallTarget: spec.search.recallTarget,
    ...(spec.search.probes === undefined ? {} : { probes: spec.search.probes }),
    redundantStorage: Number(spec.redundantStorage),
    durability: spec.durability,
    redisUrl: at.redisUrl,
    walBudgetBytes: Math.floor((WAL_SHARE * redisMemoryBytes(spec)) / clusters),
    ...(spec.vectorName === undefined ? {} : { vectorName: spec.vectorName }),
  }
}

/** Settings of a managed Redis that the durability of the log rests on. */
export function redisSettings(spec: VectorClusterSpec): string[] {
  return [
    'daemonize no',
    'save ""',
    'appendonly yes',
    `appendfsync ${spec.durability === 'Memory' ? 'everysec' : 'always'}`,
    'no-appendfsync-on-rewrite no',
    `maxmemory ${redisMemoryBytes(spec)}`,
    'maxmemory-policy noeviction',
  ]
}

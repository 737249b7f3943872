/** Which VectorClusters a local cluster can take, and which changes of a manifest. */
import { MaksError } from '../core/errors.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
import type { StoredCluster } from './data-dir.ts'

/** Collections that one local cluster may hold. */
export const COLLECTIONS_MAX = 64

/** The VectorClusters after an apply. Throws what the user must correct. */
export function applied(current: readonly StoredCluster[], changed: readonly StoredCluster[]): StoredCluster[] {
  const next = new Map(current.map((cluster) => [cluster.manifest.metadata.name, cluster]))
  for (const cluster of changed) {
    const { name } = cluster.manifest.metadata
    const before = next.get(name)
    if (before) checkChange(before, cluster)
    const namesake = [...next.values()].find(
      (other) =>
        other.manifest.metadata.name !== name && collectionOf(other.manifest) === collectionOf(cluster.manifest),
    )
    if (namesake)
      throw new MaksError('ALREADY_EXISTS', `the collection ${collectionOf(cluster.manifest)} already exists`)
    next.set(name, cluster)
  }
  if (next.size > COLLECTIONS_MAX)
    throw new MaksError('TOO_MANY_COLLECTIONS', `a local cluster holds at most ${COLLECTIONS_MAX} collections`)
  return [...next.values()]
}

/** Throws, naming the field, if the change is not possible. */
function checkChange(current: StoredCluster, next: StoredCluster): void {
  const before = current.manifest.spec
  const after = next.manifest.spec
  const fixed: [string, unknown, unknown][] = [
    ['dimension', before.dimension, after.dimension],
    ['metric', before.metric, after.metric],
    ['collection', collectionOf(current.manifest), collectionOf(next.manifest)],
    ['centroids.source', before.centroids.source, after.centroids.source],
    ['redis', current.extras.redisUrl === null, next.extras.redisUrl === null],
  ]
  for (const [field, was, is] of fixed) {
    if (was !== is) throw new MaksError('BAD_REQUEST', `${next.manifest.metadata.name}: ${field} cannot be changed`)
  }
  if (before.clusters !== after.clusters)
    throw new MaksError(
      'UNSUPPORTED',
      `${next.manifest.metadata.name}: a change of clusters needs re-clustering, which is not built yet`,
    )
}

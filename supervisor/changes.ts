/** Which changes of a manifest a running cluster can take. */
import { MaksError } from '../core/errors.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
import type { StoredCluster } from './data-dir.ts'

/** Throws, naming the field, where the change is not possible. */
export function checkChange(current: StoredCluster, next: StoredCluster): void {
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

/** Keys of a collection in a Redis that others use, too: they go with the collection, and nothing else does. */
import { asMaksError } from '../core/errors.ts'
import { eraseKeys } from '../store/ownership.ts'
import { RedisLink } from '../store/redis-link.ts'
import type { DataDir, StoredCluster } from './data-dir.ts'
import { collectionConfig } from './units.ts'

/** Returns why keys stay; undefined where none do. */
export async function eraseSharedKeys(dir: DataDir, cluster: StoredCluster): Promise<string | undefined> {
  if (cluster.extras.redisUrl === null) return undefined
  const config = collectionConfig(dir, cluster)
  const link = new RedisLink(config.redisUrl)
  const stay = (why: string) => `the keys of ${config.collection} in the external Redis stay: ${why}`
  try {
    const removed = await link.use((redis) => eraseKeys(redis, config))
    if (typeof removed === 'number') return undefined
    return stay(
      removed.uid === '' ? 'no VectorCluster has claimed them' : `they belong to ${removed.other} (uid ${removed.uid})`,
    )
  } catch (error) {
    return stay(asMaksError(error).message)
  } finally {
    link.drop()
  }
}

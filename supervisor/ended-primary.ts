/** The lease of a primary whose process has ended goes to the next one at once, not after its time. */
import type { CollectionConfig } from '../protocol/env/config.ts'
import { RedisLink } from '../store/redis-link.ts'
import { releaseLeaseOf } from '../store/topology.ts'
import type { LocalUnit } from './units.ts'

/** @param startId of the process that has ended; true where it held the lease */
export async function releaseLeaseOfEnded(
  config: CollectionConfig,
  { cell, ordinal }: LocalUnit,
  startId: string,
): Promise<boolean> {
  if (cell === null) return false
  const link = new RedisLink(config.redisUrl)
  return link
    .use((redis) => releaseLeaseOf(redis, config, cell, `${cell}/${ordinal}`, startId))
    .catch(() => false)
    .finally(() => link.drop())
}

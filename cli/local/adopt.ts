/**
 * `maksdb start --adopt UID`: the data in an external Redis belongs to a data directory that is gone. Only who names that
 * owner's uid, which the error names, takes it over.
 */
import { badRequest, MaksError } from '../../core/errors.ts'
import { adoptKeys } from '../../store/ownership.ts'
import { RedisLink } from '../../store/redis-link.ts'
import type { DataDir, StoredCluster } from '../../supervisor/data-dir.ts'
import { collectionConfig } from '../../supervisor/units.ts'

export async function adoptData(dir: DataDir, clusters: readonly StoredCluster[], earlier: string): Promise<void> {
  const shared = clusters.filter(({ extras }) => extras.redisUrl !== null)
  if (shared.length === 0) throw badRequest('--adopt: no VectorCluster of the files has an external Redis')
  const problems: string[] = []
  for (const cluster of shared) {
    const config = collectionConfig(dir, cluster)
    const link = new RedisLink(config.redisUrl)
    const owned = await link.use((redis) => adoptKeys(redis, config, config, earlier)).finally(() => link.drop())
    if (owned.done) return
    problems.push(
      owned.uid === ''
        ? `${config.name}: no cluster has claimed keys of this name`
        : `${config.name}: the keys belong to ${owned.other} (uid ${owned.uid})`,
    )
  }
  throw new MaksError('DATA_OF_ANOTHER_OWNER', `--adopt ${earlier}: ${problems.join('; ')}`)
}

/** What every part of a shard server needs to know of its pod. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { identityOf } from '../protocol/cluster-config.ts'
import type { CollectionConfig, ShardEnv } from '../protocol/config.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { CellLog } from '../store/cell-log.ts'
import type { IndexActor } from './index/index-actor.ts'

export interface Pod {
  name: string
  env: ShardEnv
  startId: string
  config: CollectionConfig
  log: CellLog
  index: IndexActor
  metrics: Metrics
  logger: Logger
  snapshotDir: string
}

export function makePod(
  env: ShardEnv,
  config: CollectionConfig,
  parts: Pick<Pod, 'startId' | 'index' | 'metrics' | 'logger'>,
): Pod {
  const { namespace, name, clusters } = config
  return {
    ...parts,
    name: `${env.MAKSDB_CELL}/${env.MAKSDB_ORDINAL}`,
    env,
    config,
    log: new CellLog({ namespace, name, clusters, cell: env.MAKSDB_CELL, identity: identityOf(config) }),
    snapshotDir: join(env.MAKSDB_DATA_DIR, 'snapshots'),
  }
}

/** Names this process and this attempt to lead: `<pod>#<start id>#<random>`. */
export function leaseToken(pod: Pod): string {
  return `${pod.name}#${pod.startId}#${randomBytes(6).toString('hex')}`
}

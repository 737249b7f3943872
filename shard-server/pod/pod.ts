/** What every part of a shard server needs to know of its pod. */

import { join } from 'node:path'
import { type CollectionConfig, identityOf, type ShardEnv } from '../../protocol/env/config.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { CellLog } from '../../store/cell-log.ts'
import type { IndexActor } from '../index/index-actor.ts'

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

/** A heartbeat with what never changes while the pod runs, and nothing held yet. */
export function heartbeatOf(pod: Pod): Heartbeat {
  const { env } = pod
  return {
    pod: pod.name,
    cell: env.MAKSDB_CELL,
    ordinal: env.MAKSDB_ORDINAL,
    address: env.MAKSDB_ADVERTISE,
    port: 0,
    adminPort: 0,
    startId: pod.startId,
    beat: 0,
    applied: '0-0',
    points: 0,
    redundantRows: 0,
    digest: '',
    oldestSnapshot: null,
    newestSnapshot: null,
    retentionPin: null,
  }
}

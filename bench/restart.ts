/** How long a cell of one replica gives no answer when its process is killed, and where it has its rows from then. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { STABLE_MS } from '../core/plan/process-plan.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { until } from '../runtime/until.ts'
import { metricsOf } from '../test/support/process-metrics.ts'
import { COLLECTION, LIMIT } from './collection.ts'
import type { Process, Version } from './version.ts'

/** For whatever is waited for. */
const WAIT_MS = 600_000
const POLL_MS = 5

export function shardOf(version: Version): Process {
  const shard = version.processes().find(({ kind }) => kind === 'shard')
  if (!shard) throw new Error(`${version.name} has no shard`)
  return shard
}

/** A metric of the shard; 0 if it has not been measured yet. */
export async function metricOf(version: Version, name: string): Promise<number> {
  const shard = shardOf(version)
  // A connection of an earlier process may be found closed.
  const all = await until('the metrics of the shard', () => metricsOf(shard).catch(() => undefined))
  return [...all].find(([series]) => series === name || series.startsWith(`${name}{`))?.[1] ?? 0
}

/**
 * The first exact answer over all rows: a pod that still replays its log answers from what it has, and marks the answer as
 * `eventual`. Resolves with the seconds from `started`, of the clock of `performance`.
 */
export async function firstAnswer(
  version: Version,
  rows: number,
  query: Float32Array,
  started: number,
): Promise<number> {
  const collection = version.client.collection(COLLECTION)
  const ask = async () =>
    (await collection.count()) === rows &&
    (await collection.query(query, { limit: LIMIT, exact: true })).points.length > 0
  await until('an answer over all rows', () => ask().catch(() => false), WAIT_MS, POLL_MS)
  return (performance.now() - started) / 1000
}

/** Kills the process of the shard, which is started again at once. Resolves with the seconds until the first answer over all rows. */
export async function killedUntilAnswer(version: Version, rows: number, query: Float32Array): Promise<number> {
  // A process that ends soon after its start is started again only after a pause.
  await sleep(STABLE_MS)
  const { pid } = shardOf(version)
  const started = performance.now()
  process.kill(pid, 'SIGKILL')
  await until('the end of the shard', () => !existsSync(`/proc/${pid}`), WAIT_MS, 1)
  return firstAnswer(version, rows, query, started)
}

/** Resolves when a snapshot holds every entry of the log. */
export async function snapshotTaken(version: Version): Promise<void> {
  const folder = join(version.dataDir, 'clusters', COLLECTION, 'shard-0-0', 'snapshots')
  await until(
    'a snapshot of all entries',
    async () => {
      const names = existsSync(folder) ? readdirSync(folder) : []
      const entries = names.map((name) => Number(/^snapshot-\d+-(\d+)$/.exec(name)?.[1] ?? 0))
      return Math.max(0, ...entries) >= (await metricOf(version, 'maksdb_appended_seq'))
    },
    WAIT_MS,
    1000,
  )
}

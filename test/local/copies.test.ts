/** Pods of a cell are compared all the time: a copy that differs is told of, though every checksum on its disk is right. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { formatPosition } from '../../core/log/position.ts'
import { until } from '../../runtime/until.ts'
import { makeKernel } from '../../shard-server/index/make-kernel.ts'
import { RowStore } from '../../shard-server/index/row-store.ts'
import { loadSnapshot, writeSnapshot } from '../../shard-server/index/snapshot-files.ts'
import { listSnapshots, snapshotPath } from '../../shard-server/index/snapshot-manifest.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { metricOf } from '../support/process-metrics.ts'

let cluster: TestCluster
afterAll(() => cluster.close())

it('a replica that holds another row than its primary is told of by metric and log', async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 1, replicas: 2, centroids: { source: 'Random', seed: 1 } },
    env: { MAKSDB_SNAPSHOT_ENTRIES: '50' },
  })
  const points = Array.from({ length: 60 }, (_, id) => ({ id, vector: [id, 1], payload: { id } }))
  await cluster.collection.upsert(points)
  const primary = await cluster.primary(0)
  const metric = (name: string) => metricOf(primary, name)
  await until('copies to be compared', async () => (await metric('maksdb_divergence_checks_total')) > 2 || undefined)
  expect(await metric('maksdb_replicas_diverged')).toBe(0)

  // The supervisor must not start the replica again before its snapshot is another one.
  const supervisor = await cluster.find({ kind: 'supervisor' })
  process.kill(supervisor.pid, 'SIGSTOP')
  const replica = await cluster.find({ kind: 'shard', role: 'replica' })
  kill(replica)
  await changeARow(join(cluster.dataDir, 'clusters', 'things', `shard-0-${replica.ordinal}`, 'snapshots'))
  process.kill(supervisor.pid, 'SIGCONT')
  await until('the difference to be found', async () => (await metric('maksdb_replicas_diverged')) === 1 || undefined)
  expect(cluster.logs()).toContain('hold different rows')
})

/** Writes the newest snapshot again, with all checksums, and one payload otherwise. */
async function changeARow(dir: string): Promise<void> {
  const [newest] = await listSnapshots(dir)
  if (!newest) throw new Error('there is no snapshot')
  const shape = {
    owner: 'default/things/0',
    dimension: 2,
    metric: 'L2' as const,
    vectors: { '': { size: 2, metric: 'L2' as const } },
    scratchDir: tmpdir(),
  }
  const state = await loadSnapshot(shape, snapshotPath(dir, newest))
  const changed = new RowStore(makeKernel(shape.metric, shape.dimension, shape.scratchDir))
  state.rows.liveRows().forEach((number, n) => {
    const row = state.rows.at(number)
    changed.put(n === 7 ? { ...row, payload: row.payload.replace(/\d+/, '99') } : row)
  })
  state.rows = changed
  // A whole snapshot of a position is never written over.
  rmSync(snapshotPath(dir, newest), { recursive: true })
  expect(formatPosition(await writeSnapshot(state, dir))).toBe(formatPosition(newest))
}

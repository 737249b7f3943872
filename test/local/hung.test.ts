/** A process that runs but does not answer is replaced, whichever it is, and the cluster goes on with what it had. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProcessStatus } from '../../cli/status.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { MISSES_MAX } from '../../supervisor/liveness.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { metricsOf } from '../support/process-metrics.ts'

/** The wait for each probe, in the place of ten seconds: all that differs is how long the test takes. */
const ANSWER_MS = 3000
/** The probes, their pauses, and the start of the next process on a busy machine. */
const REPLACED_MS = MISSES_MAX * (ANSWER_MS + 2000) + 30_000

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 1, replicas: 2, centroids: { source: 'Random', seed: 1 } },
    env: { MAKSDB_ANSWER_MS: String(ANSWER_MS) },
  })
  await cluster.collection.upsert([{ id: 1, vector: [1, 2] }])
})
afterAll(() => cluster.close())

describe('a process that is stopped for good', () => {
  it.each(['router', 'redis', 'shard'] as const)('is replaced where it is a %s, and nothing is lost', async (kind) => {
    await cluster.allFollow()
    const before = await cluster.processes()
    const hung = before.find((one) => one.kind === kind && one.role !== 'replica') as ProcessStatus
    kill(hung, 'SIGSTOP')
    const since = performance.now()
    const next = await until(
      `another ${kind}`,
      async () => (await cluster.processes()).find(({ name, pid }) => name === hung.name && pid !== hung.pid),
      REPLACED_MS,
    )
    console.log(`a stopped ${kind} was replaced after ${Math.round(performance.now() - since)} ms`)
    expect(next.pid).not.toBe(hung.pid)
    await cluster.allReady()
    await cluster.allFollow()
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(1)
    // Nobody else was taken for hung: a process that waits for a stopped Redis answers all the same.
    const others = (all: readonly ProcessStatus[]) =>
      all.flatMap(({ name, pid }) => (name === hung.name ? [] : [`${name} ${pid}`])).sort()
    expect(others(await cluster.processes())).toEqual(others(before))
    const supervisor = await cluster.find({ kind: 'supervisor' })
    expect((await metricsOf(supervisor)).get(`maksdb_hung_processes_total{kind="${kind}"}`)).toBe(1)
  })
})

describe('a process that is stopped for a while', () => {
  it('is left alone, as one that is merely loaded is', async () => {
    const before = await cluster.processes()
    const shard = await cluster.primary(0)
    kill(shard, 'SIGSTOP')
    await sleep((MISSES_MAX - 2) * ANSWER_MS)
    kill(shard, 'SIGCONT')
    await cluster.allFollow()
    // Misses are counted in a row: further pauses begin at none.
    kill(shard, 'SIGSTOP')
    await sleep((MISSES_MAX - 2) * ANSWER_MS)
    kill(shard, 'SIGCONT')
    await cluster.allFollow()
    const pids = (all: readonly ProcessStatus[]) => all.map(({ name, pid }) => `${name} ${pid}`).sort()
    expect(pids(await cluster.processes())).toEqual(pids(before))
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { ownerCell } from '../../core/partition.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { flowing, violations, Writers } from '../support/writers.ts'

const LEASE_TTL_MS = 3000
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 8, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
})
afterAll(() => cluster.close())

let loads = 0
const load = () =>
  new Writers(cluster, {
    firstId: loads++ * 10_000_000,
    writers: 4,
    idsPerWriter: 200,
    deletes: 0.1,
    vector: (id, n) => Array.from({ length: 8 }, (_, i) => Math.sin(id + n * (i + 1))),
  })

async function caughtUp(pid: number): Promise<boolean> {
  return until('the replica to catch up', async () => {
    const processes = await cluster.processes()
    const own = processes.find((one) => one.pid === pid)
    const leader = processes.find((one) => one.cluster === own?.cluster && one.role === 'primary')
    return own?.role === 'replica' && leader !== undefined && own.appliedId === leader.appliedId ? true : undefined
  })
}

describe('kill -9 of a primary under load', () => {
  it('another leads within the lease TTL and a second, nothing acknowledged is missing, the killed one comes back as a replica and catches up', async () => {
    const writers = load()
    await flowing(writers, 200)
    const gaps: number[] = []
    for (const cell of [0, 1, 0]) {
      const victim = await cluster.primary(cell)
      writers.resetGap()
      kill(victim)
      const killed = performance.now()
      const next = await until('a new primary', async () =>
        (await cluster.processes()).find(
          (one) => one.cluster === cell && one.role === 'primary' && one.pid !== victim.pid,
        ),
      )
      const took = performance.now() - killed
      expect(took).toBeLessThan(LEASE_TTL_MS + 1000)
      expect(next.ordinal).not.toBe(victim.ordinal)
      await flowing(writers)
      gaps.push(Math.round(took))
      const reborn = await until('the killed process to come back', async () =>
        (await cluster.processes()).find((one) => one.name === victim.name && one.ready),
      )
      expect(reborn.pid).not.toBe(victim.pid)
    }
    const state = await writers.stop()
    const replicas = (await cluster.processes()).filter(({ role }) => role === 'replica')
    expect(replicas).toHaveLength(2)
    for (const { pid } of replicas) await caughtUp(pid)
    expect(await violations(cluster, state)).toEqual([])
    console.log(
      `new primaries after ${gaps.join(', ')} ms; ${state.writes} writes acknowledged; refused or unknown: ${JSON.stringify([...state.failures])}`,
    )
  })

  it('searches go on from the replica, and say so', async () => {
    kill(await cluster.primary(0))
    const answers = await searchesFor(1500)
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(new Set(answers.map(({ consistency }) => consistency))).toContain('primary')
    // A killed primary has a successor at once; beside one that is silent but has its lease only the replica answers.
    await cluster.allFollow()
    const silent = await cluster.primary(0)
    kill(silent, 'SIGSTOP')
    const during = await searchesFor(1500)
    kill(silent, 'SIGCONT')
    expect(during.filter(({ status }) => status !== 200)).toEqual([])
    expect(during.map(({ consistency }) => consistency)).toContain('eventual')
    await until('all shards', async () =>
      (await cluster.processes()).filter(({ kind, ready }) => kind === 'shard' && ready).length === 4
        ? true
        : undefined,
    )
  })
})

async function searchesFor(ms: number): Promise<{ status: number; consistency: unknown }[]> {
  const answers: { status: number; consistency: unknown }[] = []
  const end = performance.now() + ms
  while (performance.now() < end) {
    const { status, json } = await cluster.fetch('POST', '/collections/things/points/query', {
      query: [1, 0, 0, 0, 0, 0, 0, 0],
      limit: 3,
      params: { exact: true },
    })
    answers.push({ status, consistency: json.maksdb?.consistency })
  }
  return answers
}

describe('a primary that is paused past its lease', () => {
  it('is replaced, and after SIGCONT cannot append: what it still sends meets the fence', async () => {
    const writers = load()
    await flowing(writers, 100)
    const paused = await cluster.primary(1)
    kill(paused, 'SIGSTOP')
    const next = await until(
      'another primary',
      async () => {
        const leader = (await cluster.topology()).cells[1]?.primary
        return leader !== null && leader !== `1/${paused.ordinal}` ? leader : undefined
      },
      LEASE_TTL_MS + 1500,
    )
    expect(next).toBe(`1/${1 - (paused.ordinal ?? 0)}`)
    await flowing(writers)
    kill(paused, 'SIGCONT')
    await sleep(500)
    await flowing(writers)
    const state = await writers.stop()
    await until('the paused one to be a replica', async () =>
      (await cluster.find({ pid: paused.pid })).role === 'replica' ? true : undefined,
    )
    expect(await violations(cluster, state)).toEqual([])
  })

  it('keeps no write waiting: what was on its way to it is answered when another leads, not at its deadline', async () => {
    const { json } = await cluster.fetch('GET', '/v1/collections/things/centroids')
    const { version, centroids } = json.result as { version: number; centroids: number[][] }
    const partition = { version, metric: 'L2', dimension: 8, clusters: 2 } as const
    const cellOf = (id: number, vector: number[]) =>
      ownerCell({ ...partition, centroids: Float32Array.from(centroids.flat()) }, idKey(id), Float32Array.from(vector))
    const paused = await cluster.primary(1)
    kill(paused, 'SIGSTOP')
    const sent = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const vector = Array.from({ length: 8 }, (__, j) => Math.sin(8 * i + j))
        const points = [{ id: 9_000_000 + i, vector }]
        const { status } = await cluster.fetch('PUT', '/collections/things/points?wait=true&timeout=60', { points })
        return { status, ms: performance.now() - sent, cell: cellOf(9_000_000 + i, vector) }
      }),
    )
    kill(paused, 'SIGCONT')
    const held = answers.filter(({ cell }) => cell === 1)
    expect(held.length).toBeGreaterThan(0)
    expect(new Set(held.map(({ status }) => status))).toEqual(new Set([504]))
    expect(Math.max(...held.map(({ ms }) => ms))).toBeLessThan(LEASE_TTL_MS + 10_000)
    const others = answers.filter(({ cell }) => cell !== 1)
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
  })
})

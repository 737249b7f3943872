/** What the operator says of a Redis that is slow, that is away, and that is full. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { conditionsOf, type PassResult, SILENCE_REPORTED_MS } from '../../operator/status/conditions.ts'
import { type LogState, LogViews } from '../../operator/watch/log-view.ts'
import { collectionConfigOf } from '../../protocol/env/cluster-config.ts'
import { parseVectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { Condition } from '../../protocol/manifest/vector-cluster-status.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestRedis } from '../support/redis.ts'

const cluster = parseVectorCluster({
  apiVersion: 'maksdb.io/v1alpha1',
  kind: 'VectorCluster',
  metadata: { name: 'films' },
  spec: { dimension: 2, durability: 'Memory' },
})
/** Without cells: no pod is needed to be ready. */
const scope = collectionConfigOf(cluster, {
  uid: 'u',
  owner: 'default/films',
  since: 0,
  redisUrl: '',
  clusters: 0,
})
/** As often as passes come while something is wrong. */
const PASS_MS = 500
let redis: TestRedis
let views: LogViews

beforeEach(async () => {
  redis = await TestRedis.start()
  views = new LogViews(() => {})
})
afterEach(async () => {
  views.close()
  await redis.close()
})

function findings(log: LogState): PassResult {
  const open = log.topology && { ...log.topology, gateOpen: true }
  return {
    generation: 1,
    world: {
      paused: false,
      gate: 'open',
      shards: [],
      redis: null,
      wanted: { replicas: 1, shardVolumeBytes: 0, redisVolumeBytes: 0 },
    },
    plan: { replicas: [], actions: [], blockedBy: [] },
    log: { ...log, topology: open },
    routersReady: 1,
    routersWanted: 1,
    service: 'films',
    reachable: true,
    problems: [],
    disruptions: [],
    clustersAsked: 0,
    clustersRun: 0,
  }
}

/** Passes for a time: what Ready was at each. */
async function readyFor(ms: number, before: Condition[]): Promise<{ said: string[]; conditions: Condition[] }> {
  const said: string[] = []
  let conditions = before
  for (const end = performance.now() + ms; performance.now() < end; await sleep(PASS_MS)) {
    const log = await views.read('default/films', redis.url, scope, '')
    if (!log) continue
    conditions = conditionsOf(findings(log), conditions, new Date())
    said.push(conditions.find(({ type }) => type === 'Ready')?.status ?? '')
  }
  return { said, conditions }
}

describe('the condition Ready', () => {
  it('does not flip for one slow answer, and tells a real outage in bounded time', async () => {
    const start = await readyFor(1500, [])
    expect(new Set(start.said)).toEqual(new Set(['True']))
    process.kill(redis.pid, 'SIGSTOP')
    const slow = await readyFor(SILENCE_REPORTED_MS - 1500, start.conditions)
    process.kill(redis.pid, 'SIGCONT')
    const after = await readyFor(2000, slow.conditions)
    expect(new Set([...slow.said, ...after.said])).toEqual(new Set(['True']))
    process.kill(redis.pid, 'SIGSTOP')
    const outage = await readyFor(SILENCE_REPORTED_MS + 4000, after.conditions)
    expect(outage.said.at(-1)).toBe('Unknown')
    // Once: it does not come and go.
    expect(outage.said.lastIndexOf('True')).toBeLessThan(outage.said.indexOf('Unknown'))
    process.kill(redis.pid, 'SIGCONT')
    const back = await readyFor(12_000, outage.conditions)
    expect(back.said.at(-1)).toBe('True')
  })
})

it('the memory that Redis uses is seen, against its limit', async () => {
  await redis.client.config('SET', 'maxmemory', '64mb')
  const log = await readState()
  expect(log.memory?.max).toBe(64 * 1024 ** 2)
  expect(log.memory?.used).toBeGreaterThan(100_000)
  expect(log.memory?.used).toBeLessThan(10 * 1024 ** 2)
  await redis.client.set('much', Buffer.alloc(8 * 1024 ** 2))
  expect((await readState()).memory?.used).toBeGreaterThan(8 * 1024 ** 2)
})

async function readState(): Promise<LogState> {
  for (;;) {
    const log = await views.read('default/films', redis.url, scope, '')
    await sleep(200)
    if (log?.memory) return (await views.read('default/films', redis.url, scope, '')) ?? log
  }
}

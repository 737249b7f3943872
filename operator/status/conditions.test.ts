import { describe, expect, it } from 'vitest'
import type { PodView, SetView } from '../../core/plan/rollout-plan.ts'
import type { TopologyView } from '../../store/topology.ts'
import { conditionsOf, fullnessOf, type PassResult } from './conditions.ts'
import { statusEventsOf } from './status-events.ts'

const pod = (over: Partial<PodView> = {}): PodView => ({
  name: 'films-shard-0-0',
  ordinal: 0,
  ready: true,
  terminating: false,
  outdated: [],
  primary: true,
  caughtUp: true,
  ...over,
})
const set = (pods: PodView[]): SetView => ({
  name: 'films-shard-0',
  exists: true,
  declared: true,
  replicas: 1,
  volumeBytes: 1,
  volumes: [],
  pods,
})
const topology: TopologyView = {
  gateOpen: true,
  version: 1,
  centroidVersion: 1,
  moving: 0,
  rows: 5,
  redundantRows: 0,
  regressed: '',
  generation: 0,
  repaired: '',
  timeline: 0,
  members: [],
  claimed: { shape: '', uid: '', owner: '', since: 0, released: false, written: true },
  cells: [
    {
      epoch: 1,
      leader: '0/0',
      head: { epoch: 1, seq: 1 },
      trim: { epoch: 0, seq: 0 },
      migrated: 1,
      walBytes: 1,
      leased: true,
    },
  ],
}

function findings(over: Partial<PassResult> = {}): PassResult {
  return {
    generation: 3,
    world: {
      paused: false,
      gate: 'open',
      shards: [set([pod()])],
      redis: null,
      wanted: { replicas: 1, shardVolumeBytes: 1, redisVolumeBytes: 0 },
    },
    plan: { replicas: [1], actions: [], blockedBy: [] },
    log: { topology, durable: 'yes', error: undefined, silentMs: 0 },
    routersReady: 2,
    routersWanted: 2,
    service: 'films',
    reachable: true,
    problems: [],
    disruptions: [],
    clustersAsked: 1,
    clustersRun: 1,
    ...over,
  }
}

const NOW = new Date('2026-01-01T00:00:00Z')
const verdictsOf = (found: PassResult) =>
  Object.fromEntries(conditionsOf(found, [], NOW).map(({ type, status, reason }) => [type, `${status} ${reason}`]))

describe('the conditions', () => {
  it('where all is well', () => {
    expect(verdictsOf(findings())).toEqual({
      Ready: 'True Serving',
      Progressing: 'False Settled',
      Degraded: 'False AllPodsReady',
      RedisDurable: 'True SettingsCarryIt',
    })
  })

  const world = findings().world
  const table: [string, Partial<PassResult>, Record<string, string>][] = [
    [
      'a Redis that does not answer',
      { log: { topology: undefined, durable: 'unknown', error: 'gone', silentMs: 9e9 } },
      { Ready: 'Unknown LogUnreachable', RedisDurable: 'Unknown RedisUnreachable' },
    ],
    [
      'a log that has lost something',
      {
        log: {
          topology: { ...topology, gateOpen: false, regressed: 'why' },
          durable: 'yes',
          error: undefined,
          silentMs: 0,
        },
      },
      { Ready: 'False LogRegressed', Degraded: 'True LogRegressed' },
    ],
    [
      'a shard without a primary',
      {
        log: {
          topology: { ...topology, cells: [{ ...topology.cells[0]!, leased: false }] },
          durable: 'yes',
          error: undefined,
          silentMs: 0,
        },
      },
      { Ready: 'False NoPrimary' },
    ],
    [
      'settings that do not carry it',
      { log: { topology, durable: 'no', error: undefined, silentMs: 0 } },
      { Ready: 'True Serving', RedisDurable: 'False SettingsDoNotCarryIt' },
    ],
    [
      'a pod that is out of date',
      { world: { ...world, shards: [set([pod({ outdated: ['image'] })])] } },
      { Progressing: 'True RollingOut' },
    ],
    [
      'a pod that is not ready',
      { world: { ...world, shards: [set([pod({ ready: false })])] } },
      { Ready: 'False PodsNotReady', Progressing: 'True Starting', Degraded: 'True PodsMissing' },
    ],
    ['no router', { routersReady: 0 }, { Ready: 'False RouterNotReady', Progressing: 'True Starting' }],
    [
      'another number of clusters',
      { clustersAsked: 4 },
      { Ready: 'True Serving', Progressing: 'False ReclusteringUnsupported' },
    ],
    [
      'a missing Secret',
      { problems: [{ reason: 'ReferenceMissing', message: 'm', blocksReady: true }] },
      { Ready: 'False ReferenceMissing', Degraded: 'True ReferenceMissing' },
    ],
    [
      'a Service that leads to no router',
      { reachable: false },
      { Ready: 'False NoReadyEndpoint', Progressing: 'False Settled' },
    ],
    [
      'a name that is taken',
      { problems: [{ reason: 'NameTaken', message: 'm', blocksReady: true, failures: 9 }] },
      { Ready: 'False NameTaken', Progressing: 'False NameTaken', Degraded: 'True NameTaken' },
    ],
    [
      'a write that was refused once',
      { problems: [{ reason: 'Refused', message: 'm', failures: 1 }] },
      { Ready: 'True Serving', Progressing: 'False Refused', Degraded: 'True Refused' },
    ],
    [
      'a write that is refused again and again',
      { problems: [{ reason: 'Refused', message: 'm', failures: 3 }] },
      { Ready: 'True Serving', Progressing: 'False ReconcileFailed', Degraded: 'True ReconcileFailed' },
    ],
    [
      'a volume whose storage has not grown to what its claim asks for',
      {
        world: {
          ...world,
          wanted: { ...world.wanted, shardVolumeBytes: 20 },
          shards: [
            { ...set([pod()]), volumeBytes: 20, volumes: [{ name: 'data-films-shard-0-0', bytes: 20, capacity: 10 }] },
          ],
        },
      },
      { Ready: 'True Serving', Progressing: 'True GrowingVolumes' },
    ],
    [
      'a volume that a smaller shard left behind',
      {
        world: {
          ...world,
          shards: [{ ...set([pod()]), volumes: [{ name: 'data-films-shard-0-1', bytes: 20, capacity: 0 }] }],
        },
      },
      { Progressing: 'False Settled' },
    ],
    [
      'a StatefulSet that has not taken over the manifest',
      { world: { ...world, shards: [{ ...set([pod()]), declared: false }] } },
      { Progressing: 'True RollingOut' },
    ],
    ['paused', { world: { ...world, paused: true } }, { Progressing: 'False Paused' }],
  ]
  it.each(table)('%s', (_what, over, expected) => {
    expect(verdictsOf(findings(over))).toMatchObject(expected)
  })

  it('say all that is wrong, up to three sentences', () => {
    const problems = ['a', 'b', 'a', 'c', 'd', 'e'].map((message) => ({ reason: 'Refused', message }))
    const degraded = conditionsOf(findings({ problems }), [], NOW).find(({ type }) => type === 'Degraded')
    expect(degraded?.message).toBe('a; b; c; and 2 more')
  })

  it.each([
    ['89 % used', 89, undefined],
    ['90 % used', 90, 'RedisNearlyFull'],
    ['all used: writes are refused', 100, 'RedisFull'],
  ])('of a Redis with %s', (_what, used, reason) => {
    const log = { topology, durable: 'yes' as const, memory: { used, max: 100 }, error: undefined, silentMs: 0 }
    const found = verdictsOf(findings({ log, problems: fullnessOf(log) }))
    expect(found.Degraded).toBe(reason ? `True ${reason}` : 'False AllPodsReady')
    expect(found.Ready).toBe(reason === 'RedisFull' ? 'False RedisFull' : 'True Serving')
    expect(fullnessOf({ ...log, memory: { used, max: 0 } })).toEqual([])
  })

  describe('where Redis is slow', () => {
    const before = conditionsOf(findings(), [], NOW)
    const redis = (ready: boolean): SetView => ({
      ...set([pod({ name: 'films-redis-0', ready })]),
      name: 'films-redis',
    })
    const silent = (silentMs: number, over: Partial<PassResult> = {}) =>
      conditionsOf(
        findings({ log: { topology: undefined, durable: 'unknown', error: 'slow', silentMs }, ...over }),
        before,
        NOW,
      ).map(({ type, status }) => `${type} ${status}`)

    it('stay as they were before, for one slow answer', () => {
      expect(silent(4999)).toContain('Ready True')
      expect(silent(4999)).toContain('RedisDurable True')
      expect(silent(4999, { world: { ...world, redis: redis(true) } })).toContain('Ready True')
    })

    it('report silence after five seconds, and at once where Redis is known to be down', () => {
      expect(silent(5000)).toContain('Ready Unknown')
      expect(silent(5000)).toContain('RedisDurable Unknown')
      expect(silent(1, { world: { ...world, redis: redis(false) } })).toContain('Ready Unknown')
    })
  })

  it('change their time only with their status', () => {
    const first = conditionsOf(findings(), [], NOW)
    const later = conditionsOf(findings({ clustersAsked: 4, routersReady: 0 }), first, new Date('2026-01-02T00:00:00Z'))
    const times = Object.fromEntries(
      later.map(({ type, lastTransitionTime }) => [type, lastTransitionTime.slice(0, 10)]),
    )
    expect(times).toEqual({
      Ready: '2026-01-02',
      Progressing: '2026-01-02',
      Degraded: '2026-01-01',
      RedisDurable: '2026-01-01',
    })
  })
})

describe('status events', () => {
  it('say what changed, and nothing twice', () => {
    const before = { conditions: conditionsOf(findings(), [], NOW) }
    const after = { conditions: conditionsOf(findings({ routersReady: 0 }), before.conditions, NOW) }
    expect(statusEventsOf(before, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Warning RouterNotReady',
      'Normal Starting',
    ])
    expect(statusEventsOf(after, after)).toEqual([])
    expect(statusEventsOf(after, before).map(({ reason }) => reason)).toEqual(['Ready', 'Settled'])
  })

  it('of a cluster that is still starting does not warn', () => {
    const starting = { conditions: conditionsOf(findings({ routersReady: 0 }), [], NOW) }
    expect(statusEventsOf({}, starting).map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Starting'])
  })

  it('names a new primary', () => {
    const shard = { cell: 0, primary: 'a-0', epoch: 2, points: 0, readyReplicas: 1, floor: { id: '0-0', version: 0 } }
    expect(statusEventsOf({ shards: [shard] }, { shards: [{ ...shard, primary: 'a-1', epoch: 3 }] })[0]?.note).toBe(
      'shard 0 is led by a-1, before by a-0 (epoch 3)',
    )
  })
})

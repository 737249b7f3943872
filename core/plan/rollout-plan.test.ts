import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClusterAction, type ClusterWorld, type PodView, planCluster, type SetView } from './rollout-plan.ts'

function pod(set: string, ordinal: number, over: Partial<PodView> = {}): PodView {
  return {
    name: `${set}-${ordinal}`,
    ordinal,
    ready: true,
    terminating: false,
    outdated: [],
    primary: false,
    caughtUp: true,
    ...over,
  }
}

function setOf(name: string, pods: PodView[], over: Partial<SetView> = {}): SetView {
  const volumes = pods.map(({ name: of }) => ({ name: `data-${of}`, bytes: 10, capacity: 10 }))
  return { name, exists: true, declared: true, replicas: pods.length, volumeBytes: 10, volumes, pods, ...over }
}

function world(over: Partial<ClusterWorld> = {}): ClusterWorld {
  return {
    paused: false,
    gate: 'open',
    shards: [0, 1].map((cell) => setOf(`s${cell}`, [pod(`s${cell}`, 0, { primary: true }), pod(`s${cell}`, 1)])),
    redis: setOf('redis', [pod('redis', 0)]),
    wanted: { replicas: 2, shardVolumeBytes: 10, redisVolumeBytes: 10 },
    ...over,
  }
}

const old = { outdated: ['image'] }

describe('what the plan does next', () => {
  const table: [string, ClusterWorld, ClusterAction[], string[]][] = [
    ['nothing where all is well', world(), [], []],
    [
      'a replica before its primary',
      world({ shards: [setOf('s0', [pod('s0', 0, { ...old, primary: true }), pod('s0', 1, old)])] }),
      [{ type: 'replace-pod', pod: 's0-1', why: 'image' }],
      [],
    ],
    [
      'a hand-over before a primary is replaced',
      world({ shards: [setOf('s0', [pod('s0', 0, { ...old, primary: true }), pod('s0', 1)])] }),
      [{ type: 'hand-over', cell: 0, pod: 's0-0', why: 'it will be replaced: image' }],
      [],
    ],
    [
      'no hand-over to a replica that lags',
      world({ shards: [setOf('s0', [pod('s0', 0, { ...old, primary: true }), pod('s0', 1, { caughtUp: false })])] }),
      [],
      ['NoSuccessor'],
    ],
    [
      'nothing while another pod is not ready',
      world({
        shards: [
          setOf('s0', [pod('s0', 0, { primary: true }), pod('s0', 1, old)]),
          setOf('s1', [pod('s1', 0, { primary: true }), pod('s1', 1, { ready: false })]),
        ],
      }),
      [],
      ['PodNotReady'],
    ],
    [
      'a broken pod at once, whatever else',
      world({ gate: 'unknown', shards: [setOf('s0', [pod('s0', 0, { ...old, ready: false })])] }),
      [{ type: 'replace-pod', pod: 's0-0', why: 'image' }],
      [],
    ],
    [
      'the only pod of a shard without a hand-over',
      world({
        wanted: { replicas: 1, shardVolumeBytes: 10, redisVolumeBytes: 10 },
        shards: [setOf('s0', [pod('s0', 0, { ...old, primary: true })])],
      }),
      [{ type: 'replace-pod', pod: 's0-0', why: 'image' }],
      [],
    ],
    [
      'Redis when the shards are done',
      world({ redis: setOf('redis', [pod('redis', 0, old)]) }),
      [{ type: 'replace-pod', pod: 'redis-0', why: 'image' }],
      [],
    ],
    [
      'no Redis before every shard has the new template: until then no shard pod looks outdated',
      world({
        shards: [
          setOf('s0', [pod('s0', 0, { primary: true })]),
          setOf('s1', [pod('s1', 0, { primary: true })], { declared: false }),
        ],
        wanted: { replicas: 1, shardVolumeBytes: 10, redisVolumeBytes: 10 },
        redis: setOf('redis', [pod('redis', 0, old)]),
      }),
      [],
      ['TemplateNotSeen'],
    ],
    [
      'a hand-over before the primary leaves with its ordinal',
      world({
        wanted: { replicas: 1, shardVolumeBytes: 10, redisVolumeBytes: 10 },
        shards: [setOf('s0', [pod('s0', 0), pod('s0', 1, { primary: true })])],
      }),
      [{ type: 'hand-over', cell: 0, pod: 's0-1', why: 'the shard is scaled in' }],
      ['ScalingIn'],
    ],
    [
      'volumes before the set that declares them',
      world({ wanted: { replicas: 2, shardVolumeBytes: 10, redisVolumeBytes: 20 } }),
      [{ type: 'grow-volume', volume: 'data-redis-0', bytes: 20 }],
      [],
    ],
    [
      'the set, once its volumes have grown',
      world({
        wanted: { replicas: 2, shardVolumeBytes: 10, redisVolumeBytes: 20 },
        redis: setOf('redis', [pod('redis', 0)], { volumes: [{ name: 'data-redis-0', bytes: 20, capacity: 20 }] }),
      }),
      [{ type: 'recreate-set', set: 'redis' }],
      [],
    ],
    [
      'nothing while the log is closed',
      world({ gate: 'closed', redis: setOf('r', [pod('r', 0, old)]) }),
      [],
      ['LogClosed'],
    ],
    [
      'a Redis that lets in nobody who starts, before all else and whatever the gate',
      world({
        gate: 'unknown',
        shards: [setOf('s0', [pod('s0', 0, { ...old, primary: true }), pod('s0', 1, old)])],
        redis: setOf('redis', [pod('redis', 0, { outdated: ['credentials'] })]),
      }),
      [{ type: 'replace-pod', pod: 'redis-0', why: 'credentials' }],
      [],
    ],
    [
      'nothing where all pods wait for a Redis that restarts: they still answer reads',
      world({
        gate: 'closed',
        shards: [
          setOf('s0', [
            pod('s0', 0, { ...old, ready: false, recovering: true }),
            pod('s0', 1, { ...old, ready: false, recovering: true }),
          ]),
        ],
      }),
      [],
      ['LogClosed'],
    ],
    ['nothing when paused', world({ paused: true, redis: setOf('r', [pod('r', 0, old)]) }), [], ['Paused']],
  ]
  it.each(table)('%s', (_title, given, actions, blocked) => {
    const plan = planCluster(given)
    expect(plan.actions).toEqual(actions)
    expect(plan.blockedBy.map(({ predicate }) => predicate)).toEqual(blocked)
  })
})

const pods = (name: string) =>
  fc
    .array(
      fc.record({
        ready: fc.boolean(),
        terminating: fc.boolean(),
        outdated: fc.constantFrom([], ['image']),
        caughtUp: fc.boolean(),
      }),
      { minLength: 0, maxLength: 3 },
    )
    .chain((given) =>
      fc
        .integer({ min: -1, max: given.length - 1 })
        .map((leader) => given.map((over, ordinal) => pod(name, ordinal, { ...over, primary: ordinal === leader }))),
    )
const anySet = (name: string) =>
  fc
    .tuple(pods(name), fc.boolean(), fc.boolean(), fc.constantFrom(10, 20), fc.constantFrom(10, 20))
    .map(([given, exists, declared, volumeBytes, bytes]) =>
      setOf(name, given, {
        exists,
        declared,
        volumeBytes,
        volumes: given.map((one) => ({ name: `data-${one.name}`, bytes, capacity: bytes })),
      }),
    )
const anyWorld: fc.Arbitrary<ClusterWorld> = fc.record({
  paused: fc.boolean(),
  gate: fc.constantFrom('open' as const, 'closed' as const, 'unknown' as const),
  shards: fc.tuple(anySet('s0'), anySet('s1')),
  redis: fc.option(anySet('redis'), { nil: null }),
  wanted: fc.record({
    replicas: fc.integer({ min: 1, max: 3 }),
    shardVolumeBytes: fc.constantFrom(10, 20),
    redisVolumeBytes: fc.constantFrom(10, 20),
  }),
})

function podNamed(given: ClusterWorld, name: string): PodView {
  const all = [...given.shards, ...(given.redis ? [given.redis] : [])].flatMap((one) => one.pods)
  return all.find((one) => one.name === name) as PodView
}

describe('whatever the world is like', () => {
  it('a ready pod is taken away alone, when every other is there, and never a primary with peers (D1, D2, D6)', () => {
    fc.assert(
      fc.property(anyWorld, (given) => {
        const { actions } = planCluster(given)
        const replaced = actions.flatMap((action) =>
          action.type === 'replace-pod' ? [podNamed(given, action.pod)] : [],
        )
        const ready = replaced.filter((one) => one.ready)
        if (ready.length === 0) return
        expect(replaced.length).toBe(1)
        expect(given.gate).toBe('open')
        for (const one of given.shards.flatMap((shard) => shard.pods)) expect(one.ready && !one.terminating).toBe(true)
        const peers = given.shards.find((shard) => shard.pods.includes(ready[0] as PodView))?.pods ?? []
        if (peers.length > 1) expect(ready[0]?.primary).toBe(false)
      }),
    )
  })

  it('what is up to date is never replaced, and paused nothing is done (D6)', () => {
    fc.assert(
      fc.property(anyWorld, (given) => {
        const { actions, replicas } = planCluster(given)
        for (const action of actions)
          if (action.type === 'replace-pod') expect(podNamed(given, action.pod).outdated).not.toEqual([])
        if (!given.paused) return
        expect(actions).toEqual([])
        expect(replicas).toEqual(given.shards.map((shard) => shard.replicas))
      }),
    )
  })

  it('a shard is made smaller only when a pod that stays leads it and has caught up (D3)', () => {
    fc.assert(
      fc.property(anyWorld, (given) => {
        const { replicas } = planCluster(given)
        given.shards.forEach((shard, cell) => {
          const next = replicas[cell] as number
          if (!shard.exists || next >= shard.replicas) return
          expect(given.gate).toBe('open')
          expect(shard.pods.some((one) => one.ordinal < next && one.primary && one.ready && one.caughtUp)).toBe(true)
        })
      }),
    )
  })

  it('a set is created again only when all its volumes have grown (D5); Redis goes after every shard (D4)', () => {
    fc.assert(
      fc.property(anyWorld, (given) => {
        for (const action of planCluster(given).actions) {
          if (action.type === 'recreate-set') {
            const of = [...given.shards, given.redis].find((one) => one?.name === action.set) as SetView
            const bytes = of === given.redis ? given.wanted.redisVolumeBytes : given.wanted.shardVolumeBytes
            expect(of.volumes.every((volume) => volume.bytes >= bytes)).toBe(true)
          }
          if (action.type === 'replace-pod' && action.pod === 'redis-0' && podNamed(given, 'redis-0').ready) {
            expect(given.shards.flatMap((shard) => shard.pods).every((one) => one.outdated.length === 0)).toBe(true)
            expect(given.shards.every((shard) => shard.exists && shard.declared)).toBe(true)
          }
        }
      }),
    )
  })

  it('carried out, it comes to an end with everything as wanted (D7)', () => {
    fc.assert(
      fc.property(anyWorld, (start) => {
        let now: ClusterWorld = settle({ ...start, paused: false, gate: 'open' }, { replicas: [], actions: [] })
        for (let pass = 0; pass < 60; pass++) {
          const plan = planCluster(now)
          const next = settle(now, plan)
          if (plan.actions.length === 0 && JSON.stringify(next) === JSON.stringify(now)) break
          now = next
        }
        const last = planCluster(now)
        expect(last.actions).toEqual([])
        expect(last.blockedBy).toEqual([])
        for (const shard of now.shards) {
          expect(shard.replicas).toBe(now.wanted.replicas)
          expect(shard.pods.map((one) => one.outdated)).toEqual(shard.pods.map(() => []))
          expect(shard.volumeBytes).toBeGreaterThanOrEqual(now.wanted.shardVolumeBytes)
        }
      }),
    )
  })
})

/** A Kubernetes that does what it is told, and pods that become ready, catch up and elect one of the able. */
function settle(given: ClusterWorld, plan: { replicas: number[]; actions: ClusterAction[] }): ClusterWorld {
  const after = (shard: SetView, replicas: number, bytes: number): SetView => {
    const gone = new Set(plan.actions.flatMap((action) => (action.type === 'replace-pod' ? [action.pod] : [])))
    const handing = new Set(plan.actions.flatMap((action) => (action.type === 'hand-over' ? [action.pod] : [])))
    const recreated = plan.actions.some((action) => action.type === 'recreate-set' && action.set === shard.name)
    const grown = new Set(plan.actions.flatMap((action) => (action.type === 'grow-volume' ? [action.volume] : [])))
    const exists = !recreated
    const count = exists ? replicas : shard.pods.length
    const next = Array.from({ length: count }, (_, ordinal): PodView => {
      const present = shard.pods.find((one) => one.ordinal === ordinal)
      if (!present || gone.has(present.name)) return pod(shard.name, ordinal)
      return {
        ...present,
        ready: true,
        terminating: false,
        caughtUp: true,
        primary: present.primary && !handing.has(present.name),
      }
    })
    const leader = next.find((one) => one.primary) ?? next.find((one) => !handing.has(one.name)) ?? next[0]
    return {
      name: shard.name,
      exists,
      declared: true,
      replicas: count,
      volumeBytes: exists && !shard.exists ? bytes : shard.volumeBytes,
      volumes: next.map((one) => {
        const volume = shard.volumes.find(({ name }) => name === `data-${one.name}`)
        const asked = grown.has(`data-${one.name}`) || !volume ? bytes : volume.bytes
        return { name: `data-${one.name}`, bytes: asked, capacity: asked }
      }),
      pods: next.map((one) => ({ ...one, primary: one === leader })),
    }
  }
  const { wanted, redis } = given
  return {
    ...given,
    shards: given.shards.map((shard, cell) =>
      after(shard, plan.replicas[cell] ?? shard.pods.length, wanted.shardVolumeBytes),
    ),
    redis: redis && after(redis, 1, wanted.redisVolumeBytes),
  }
}

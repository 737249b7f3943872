import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Action, backoffMs, type ObservedUnit, plan, type Unit } from './process-plan.ts'

const redis = (fingerprint = 'a'): Unit => ({
  name: 'r',
  kind: 'redis',
  collection: 'c',
  cell: null,
  ordinal: null,
  fingerprint,
})
const shard = (cell: number, ordinal: number, fingerprint = 'a'): Unit => ({
  name: `s-${cell}-${ordinal}`,
  kind: 'shard',
  collection: 'c',
  cell,
  ordinal,
  fingerprint,
})
const seen = (unit: Unit, fields: Partial<ObservedUnit> = {}): ObservedUnit => ({
  ...unit,
  state: 'ready',
  primary: false,
  failures: 0,
  endedAt: 0,
  ...fields,
})
const brief = (actions: Action[]) =>
  actions.map((action) => (action.type === 'start' ? `start ${action.unit.name}` : `${action.type} ${action.name}`))

describe('the plan', () => {
  it('starts Redis first, and shards when it is ready (U1)', () => {
    const wanted = [redis(), shard(0, 0)]
    expect(brief(plan(wanted, [], 0))).toEqual(['start r'])
    expect(brief(plan(wanted, [seen(redis(), { state: 'starting' })], 0))).toEqual([])
    expect(brief(plan(wanted, [seen(redis())], 0))).toEqual(['start s-0-0'])
  })

  it('never stops the last ready pod of a wanted cell (U2)', () => {
    const wanted = [redis(), shard(0, 0)]
    const extra = seen(shard(0, 1), { primary: true })
    expect(brief(plan(wanted, [seen(redis()), seen(shard(0, 0), { state: 'starting' }), extra], 0))).toEqual([])
    expect(brief(plan(wanted, [seen(redis()), seen(shard(0, 0)), extra], 0))).toEqual(['stop s-0-1'])
    expect(brief(plan([redis()], [seen(redis()), extra], 0))).toEqual(['stop s-0-1'])
  })

  it('replaces one unit at a time, the primary last, and only while all others are ready (U3)', () => {
    const wanted = [redis(), shard(0, 0, 'b'), shard(0, 1, 'b')]
    const observed = [seen(redis()), seen(shard(0, 0), { primary: true }), seen(shard(0, 1))]
    expect(brief(plan(wanted, observed, 0))).toEqual(['stop s-0-1'])
    const next = [seen(redis()), seen(shard(0, 0), { primary: true }), seen(shard(0, 1, 'b'), { state: 'starting' })]
    expect(brief(plan(wanted, next, 0))).toEqual([])
    const last = [seen(redis()), seen(shard(0, 0), { primary: true }), seen(shard(0, 1, 'b'))]
    expect(brief(plan(wanted, last, 0))).toEqual(['stop s-0-0'])
  })

  it('waits longer each time before it starts what keeps dying (U4)', () => {
    expect([0, 1, 2, 3, 20].map(backoffMs)).toEqual([0, 250, 500, 1000, 10_000])
    const dead = seen(redis(), { state: 'stopped', failures: 2, endedAt: 1000 })
    expect(plan([redis()], [dead], 1200)).toEqual([{ type: 'wait', name: 'r', untilMs: 1500 }])
    expect(brief(plan([redis()], [dead], 1500))).toEqual(['start r'])
  })

  const units = fc
    .record({
      clusters: fc.integer({ min: 1, max: 3 }),
      replicas: fc.integer({ min: 1, max: 3 }),
      fingerprint: fc.constantFrom('a', 'b'),
    })
    .map(({ clusters, replicas, fingerprint }) => [
      redis(fingerprint),
      ...Array.from({ length: clusters * replicas }, (_, i) =>
        shard(Math.floor(i / replicas), i % replicas, fingerprint),
      ),
    ])

  it('converges from any world to any other, and then has nothing to do', () => {
    fc.assert(
      fc.property(units, units, fc.array(fc.nat(2), { maxLength: 12 }), (before, wanted, states) => {
        let world = before.map((unit, i) =>
          seen(unit, {
            state: (['ready', 'starting', 'stopped'] as const)[states[i] ?? 0] as 'ready',
            primary: unit.ordinal === 0,
          }),
        )
        for (let pass = 0; pass < 60; pass++) {
          const actions = plan(wanted, world, pass)
          for (const action of actions) {
            if (action.type === 'start')
              world = [
                ...world.filter(({ name }) => name !== action.unit.name),
                seen(action.unit, { state: 'starting' }),
              ]
            if (action.type === 'stop') {
              const stopped = world.find(({ name }) => name === action.name) as ObservedUnit
              const peers = world.filter(
                (other) => other.cell === stopped.cell && other !== stopped && other.state === 'ready',
              )
              // U2, whatever the world: a cell that is wanted keeps a ready pod, unless it has but this one.
              const single = wanted.filter(({ cell }) => cell === stopped.cell).length === 1
              if (
                stopped.kind === 'shard' &&
                stopped.state === 'ready' &&
                !single &&
                wanted.some(({ cell }) => cell === stopped.cell)
              )
                expect(peers.length).toBeGreaterThan(0)
              world = world.filter(({ name }) => name !== action.name)
            }
          }
          // What starts becomes ready before the next pass.
          world = world.map((unit) => (unit.state === 'starting' ? { ...unit, state: 'ready' } : unit))
        }
        expect(plan(wanted, world, 1000)).toEqual([])
        const left = world.filter(({ state }) => state !== 'stopped')
        expect(left.map(({ name, fingerprint }) => `${name} ${fingerprint}`).sort()).toEqual(
          wanted.map(({ name, fingerprint }) => `${name} ${fingerprint}`).sort(),
        )
      }),
    )
  })
})

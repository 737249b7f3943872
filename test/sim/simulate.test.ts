/** Histories of a collection that loses pods, volumes, replies and parts of its log, drawn from seeds. */
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { firstViolation } from './simulate.ts'

/** Faults that the simulation has found in the protocol, put in again, and the seed that shows each. */
const REGRESSIONS: [what: string, seed: number, mutant: string][] = [
  [
    'entries that nobody had read were lost, others took their places, and the lost write was acknowledged',
    4,
    'an opened gate goes on in the same history',
  ],
  [
    'a loss that was accepted again and again was never acted on',
    11,
    'each acceptance of a loss begins its window anew',
  ],
  [
    'a cell lost its log when the only pod that knew its end had lost its volume, and nobody was told',
    100_879,
    'only pods know what the log was',
  ],
  [
    'Redis restarted in the middle of a repair, and the gate opened on a directory that was not written yet',
    1198,
    'an unfinished repair is forgotten',
  ],
  [
    'a pod that alone remembered a row in the middle of an overwrite started again without it, and Redis lost its tail',
    366,
    'snapshots forget what was let go',
  ],
  [
    'Redis lost the first step of a repair, which went on, and the gate opened on an empty log',
    401_865,
    'a repair goes on after Redis has lost its first step',
  ],
  [
    'Redis forgot that a connection had been given up, and a batch came late, in the place of a lost one',
    20_455,
    'a lead outlives the closed gate',
  ],
  [
    'a pod slept while the gate was closed, led at once, and took new entries for lost ones',
    300_853,
    'who slept while the gate was closed leads at once',
  ],
  [
    'a repair was begun anew, and took its own first steps for a sign that a cell had heard of what it never heard of',
    6_001_803,
    'a repair does not say what was lost before it',
  ],
]

describe('the simulation', () => {
  it('of 2,000 seeds loses, doubles and misplaces nothing', { timeout: 400_000 }, async () => {
    expect(await firstViolation({ from: 0, to: 2000 })).toBeUndefined()
  })

  it('of 500 longer seeds loses, doubles and misplaces nothing', { timeout: 400_000 }, async () => {
    expect(await firstViolation({ from: 0, to: 500, steps: 150 })).toBeUndefined()
  })

  it('of 1,000 seeds with a training and a supervisor loses, doubles and misplaces nothing', {
    timeout: 400_000,
  }, async () => {
    expect(await firstViolation({ from: 0, to: 1000, wide: true })).toBeUndefined()
  })

  it('of 1,000 seeds with edits of payloads loses, doubles and misplaces nothing, and makes each edit of the row that it has read', {
    timeout: 400_000,
  }, async () => {
    expect(await firstViolation({ from: 0, to: 600, edits: true })).toBeUndefined()
    expect(await firstViolation({ from: 0, to: 400, edits: true, wide: true })).toBeUndefined()
  })

  it.each(REGRESSIONS)('shows how %s, by seed %i', async (_what, seed, name) => {
    const {
      mutation,
      steps = 60,
      wide = false,
    } = MUTANTS.find((mutant) => mutant.name === name) as (typeof MUTANTS)[number]
    expect((await firstViolation({ from: seed, to: seed + 1, mutation, steps, wide }))?.seed).toBe(seed)
    expect(await firstViolation({ from: seed, to: seed + 1, steps, wide })).toBeUndefined()
  })

  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'finds out a protocol in which %s',
    async (_name, { mutation, from = 0, wide = false, edits = false, steps = 60 }) => {
      expect(await firstViolation({ from, to: from + 300, mutation, wide, edits, steps })).toBeDefined()
    },
  )
})

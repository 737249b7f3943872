/** One trial of `npm run tail-loss` at each of two levels. */
import { afterEach, expect, it } from 'vitest'
import { TailLossTrials } from './tail-loss.ts'

let trials: TailLossTrials | undefined
afterEach(() => trials?.cluster.close())

it('at Journal nothing is lost where Redis loses its tail and every pod is killed with it', async () => {
  trials = await TailLossTrials.start('Journal')
  const result = await trials.trial()
  expect(result.inTail).toBeGreaterThan(20)
  expect(result).toMatchObject({ lost: 0, told: '' })
})

it('at Fsync what is lost then is told, with the range, before anything goes on', async () => {
  trials = await TailLossTrials.start('Fsync')
  const result = await trials.trial()
  expect(result.inTail).toBeGreaterThan(20)
  expect(result.lost).toBeGreaterThan(0)
  expect(result.toldEntries).toBeGreaterThanOrEqual(result.lost)
})

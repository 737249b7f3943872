import { describe, expect, it } from 'vitest'
import { InvariantViolated } from '../invariant.ts'
import { assertAnswered, assertApplied, assertContinues, assertHeadNotBelow } from './log-invariants.ts'
import { ORIGIN } from './position.ts'

const tip = (seq: number, hash = `h${seq}`, epoch = 7) => ({ position: { epoch, seq }, hash })

describe('at a commit', () => {
  it('each operation has one result', () => {
    assertAnswered(3, 3)
    for (const results of [2, 4]) expect(() => assertAnswered(3, results)).toThrow(InvariantViolated)
  })

  it('the head of the log does not go below an entry that was seen; a batch may leave it where it is', () => {
    assertHeadNotBelow(9, 9)
    assertHeadNotBelow(9, 12)
    assertHeadNotBelow(9, undefined)
    expect(() => assertHeadNotBelow(9, 8)).toThrow('the log ends at entry 8 after it had entry 9')
  })
})

describe('at the replay', () => {
  it('the index is at the verified tip, as many entries further as were applied', () => {
    assertApplied(tip(4), 3, tip(7), tip(7))
    expect(() => assertApplied(tip(4), 3, tip(7), tip(6))).toThrow('the index is at 7-6 after entries up to 7-7')
    expect(() => assertApplied(tip(4), 3, tip(7), tip(7, 'other'))).toThrow(InvariantViolated)
    expect(() => assertApplied(tip(4), 3, tip(7), tip(7, 'h7', 8))).toThrow(InvariantViolated)
    expect(() => assertApplied(tip(4), 2, tip(7), tip(7))).toThrow('2 entries brought the index from 7-4 to 7-7')
  })

  it('a log that begins again may begin above everything', () => {
    assertApplied({ position: ORIGIN, hash: '' }, 2, tip(102), tip(102))
  })
})

it('a batch of the journal continues the one before; the first may begin anywhere', () => {
  assertContinues(undefined, 41)
  assertContinues(41, 42)
  for (const first of [41, 43]) expect(() => assertContinues(41, first)).toThrow(InvariantViolated)
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scoreBy } from './scoring.ts'

const similarity = fc.double({ min: -1e6, max: 1e6, noNaN: true })
/** From -1 to 1. */
const bent = (x: number) => x / (1 + Math.abs(x))

describe('the best score', () => {
  const best = (positive: number[], negative: number[]) =>
    scoreBy({ is: 'bestScore', positives: positive.length, examples: positive.length + negative.length }, [
      ...positive,
      ...negative,
    ])

  it('is that of the best positive example, from 0 to 1, if no negative one is as good', () => {
    expect(best([0], [])).toBe(0.5)
    expect(best([-3, 1], [0.5])).toBe(0.75)
    expect(best([0.5], [1])).toBe(-0.75)
    expect(best([1], [1])).toBe(-0.75)
    expect(best([], [0])).toBe(-0.5)
  })

  it('is higher for a point that is nearer to a positive example', () => {
    fc.assert(
      fc.property(similarity, fc.double({ min: 1, max: 1e3, noNaN: true }), (x, more) => {
        expect(best([x + more], [])).toBeGreaterThan(best([x], []))
      }),
    )
  })
})

it('the sum of scores is that of the positive ones, less that of the negative ones', () => {
  expect(scoreBy({ is: 'sumScores', positives: 2, examples: 3 }, [1, 2.5, 4])).toBe(-0.5)
  expect(scoreBy({ is: 'sumScores', positives: 0, examples: 1 }, [4])).toBe(-4)
})

describe('the score of a discovery', () => {
  const discover = (target: number, ...pairs: number[]) =>
    scoreBy({ is: 'discover', examples: pairs.length + 1 }, [target, ...pairs])

  it('counts pairs first, and the target within equal counts', () => {
    expect(discover(0)).toBe(0.5)
    expect(discover(0, 2, 1, 3, 1)).toBe(2.5)
    expect(discover(0, 1, 2)).toBe(-0.5)
    expect(discover(0, 1, 1)).toBe(0.5)
    expect(discover(-1e9, 2, 1)).toBeGreaterThan(discover(1e9, 1, 2))
  })

  it('is between its count and one more', () => {
    fc.assert(
      fc.property(similarity, fc.array(fc.tuple(similarity, similarity), { maxLength: 5 }), (target, pairs) => {
        const count = pairs.reduce((sum, [a, b]) => sum + Math.sign(a - b), 0)
        const score = discover(target, ...pairs.flat())
        expect(score - count).toBeGreaterThanOrEqual(0)
        expect(score - count).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('the score of a context', () => {
  const context = (...pairs: number[]) => scoreBy({ is: 'context', examples: pairs.length }, pairs)

  it('is 0 for a point that is nearer to the positive one of each pair, and below for any other', () => {
    expect(context(2, 1, 5, -5)).toBe(0)
    expect(context(1, 1)).toBeLessThan(0)
    expect(context(1, 2, 1, 3)).toBeCloseTo(bent(-1) + bent(-2), 6)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { budgetOf, type Disruptions, freeAt, giveBack, recent, spend, total } from './disruption-budget.ts'

const HOUR = 3_600_000
const START = Date.parse('2026-01-01T10:00:00Z')

describe('the budget of disruptions', () => {
  it('is never exceeded within any hour, whatever asks and however often', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 900_000 }), count: fc.integer({ min: 1, max: 4 }) }), {
          maxLength: 120,
        }),
        fc.integer({ min: 1, max: 30 }),
        (asked, budget) => {
          let now = START
          let noted: Disruptions[] = []
          const done: { at: number; count: number }[] = []
          for (const { waitMs, count } of asked) {
            now += waitMs
            const next = spend(noted, count, budget, now)
            if (!next) continue
            noted = next
            done.push({ at: now, count })
            expect(noted.length).toBeLessThanOrEqual(8)
          }
          for (const { at } of done) {
            const within = done.filter((one) => one.at >= at && one.at < at + HOUR)
            expect(within.reduce((sum, one) => sum + one.count, 0)).toBeLessThanOrEqual(budget)
          }
        },
      ),
    )
  })

  it('lets four rollouts of everything through, hand-overs of all primaries included', () => {
    // Two shards of two pods, and Redis.
    expect(budgetOf(5)).toBeGreaterThanOrEqual(4 * (5 + 2))
  })

  it('is whole again an hour after it was used up, and says when something is free', () => {
    const used = spend([], 30, 30, START) as Disruptions[]
    expect(spend(used, 1, 30, START + HOUR - 1)).toBeUndefined()
    expect(freeAt(used, START)).toEqual(new Date('2026-01-01T11:10:00Z'))
    expect(spend(used, 30, 30, freeAt(used, START).getTime())).toHaveLength(1)
  })

  it('gets back what disrupted nothing', () => {
    const used = spend([], 3, 3, START) as Disruptions[]
    const back = giveBack(used, 2, START)
    expect(total(recent(back, START))).toBe(1)
    expect(giveBack(back, 9, START)).toEqual([])
  })
})

/** A slice of the long run: `npm run chaos -- --minutes 60` is the same for longer. */
import { describe, expect, it } from 'vitest'
import { hasGo } from './judge.ts'
import { reportText } from './report.ts'
import { chaos } from './scenario.ts'

describe('four minutes of faults under eight clients', () => {
  it('lose, bring back, double and misorder nothing, in the eyes of both judges', { timeout: 420_000 }, async () => {
    const report = await chaos({ minutes: 4, seed: 1, clients: 8, say: (line) => console.log(line) })
    console.log(reportText(report))
    expect(report.violations).toEqual([])
    expect(report.disagreements).toEqual([])
    if (hasGo()) expect(report.porcupine).toMatchObject({ illegal: [], undecided: [] })
    expect(report.faults.size).toBeGreaterThanOrEqual(20)
    expect(report.tally.acknowledged).toBeGreaterThan(1300)
  })
})

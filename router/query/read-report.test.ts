import { describe, expect, it } from 'vitest'
import { combined, type QueryPlan, type ReadReport } from './read-report.ts'

const plan = (query: number, cell: number): QueryPlan => {
  return { query, cell, plan: 'index', indexes: ['a'], candidates: 3, checked: 0, matched: 3 }
}
const report = (part: Partial<ReadReport>): ReadReport => ({ consistency: 'primary', ...part })

describe('the report of several reads', () => {
  it.each<[string, Partial<ReadReport>[], Partial<ReadReport>]>([
    [
      'the missing cells of all, each once and in order',
      [{ missing: [3, 1] }, {}, { missing: [1, 2] }],
      { missing: [1, 2, 3] },
    ],
    ['the missing cells of a later one alone', [{}, { missing: [0] }], { missing: [0] }],
    ['the most cells probed', [{ probed: 1 }, { probed: 4 }, { probed: 2 }], { probed: 4 }],
    ['the number of cells', [{}, { cells: 4 }], { cells: 4 }],
    ['the sum of the rows scanned', [{ scanned: 5 }, { scanned: 7 }, {}], { scanned: 12 }],
    ['exact if all are', [{ exact: true }, { exact: true }], { exact: true }],
    ['not exact if one is not', [{ exact: true }, { exact: false }], { exact: false }],
    ['exact if a part has no such field', [{}, { exact: true }], { exact: true }],
    ['the newest state seen', [{ token: 's1.0.9' }, { token: 's1.0.12' }, {}], { token: 's1.0.12' }],
    ['the newest state of the last generation', [{ token: 's1.1.2' }, { token: 's1.0.12' }], { token: 's1.1.2' }],
    ['the least consistency', [{ consistency: 'strong' }, { consistency: 'eventual' }], { consistency: 'eventual' }],
    ['bounded below strong', [{ consistency: 'strong' }, { consistency: 'bounded' }], { consistency: 'bounded' }],
    ['session below primary', [{ consistency: 'primary' }, { consistency: 'session' }], { consistency: 'session' }],
    ['bounded below session', [{ consistency: 'session' }, { consistency: 'bounded' }], { consistency: 'bounded' }],
    ['eventual below bounded', [{ consistency: 'bounded' }, { consistency: 'eventual' }], { consistency: 'eventual' }],
    [
      'the plans of all, by query and cell',
      [{ explain: [plan(1, 0)] }, {}, { explain: [plan(0, 1), plan(0, 0)] }],
      {
        explain: [plan(0, 0), plan(0, 1), plan(1, 0)],
      },
    ],
    ['no fields that no part has', [{}, {}], {}],
    ['primary below strong', [{ consistency: 'strong' }, { consistency: 'primary' }], { consistency: 'primary' }],
  ])('has %s', (_what, parts, expected) => {
    expect(combined(parts.map(report))).toEqual(report(expected))
    expect(combined(parts.toReversed().map(report))).toEqual(report(expected))
  })

  it('of no read is that of a default one', () => {
    expect(combined([])).toEqual({ consistency: 'primary' })
  })

  it('refuses a token that no answer has', () => {
    const tokens = [report({ token: 's1.0.1' }), report({ token: 'x' })]
    expect(() => combined(tokens)).toThrowError(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })

  it('is the report itself if there is only one', () => {
    const one = report({ missing: [1], probed: 2, exact: false })
    expect(combined([one])).toBe(one)
  })
})

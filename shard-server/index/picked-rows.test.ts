/** Pages by values and by chance, and the counts of facets, against plain loops over the same payloads. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, idKey } from '../../core/ids.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { LIMITS } from '../../core/limits.ts'
import { seededRandom } from '../../core/random.ts'
import { facetCounts } from './facet-counts.ts'
import { rowsByChance, rowsByValue } from './picked-rows.ts'
import { RowMask } from './row-mask.ts'

const path = parseJsonPath('v', 'key')

/** Rows of these payloads, their ids descending; every fifth is a redundant row. */
function rowsOf(payloads: readonly unknown[]) {
  return {
    keyOf: (row: number) => idKey(payloads.length - row),
    payloadOf: (row: number) => exactStringify(payloads[row]),
    flagOf: (row: number) => (row % 5 === 4 ? ('c' as const) : ('o' as const)),
  }
}

function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
const value = fc.oneof(number, fc.constantFrom('x', null, true), fc.array(number, { maxLength: 3 }))
const payload = fc.option(fc.record({ v: value }), { nil: {} })

describe('rows in the order of a value', () => {
  it('are the first of all pairs of a value and a row, in both directions, from a value on', () => {
    const given = fc.tuple(
      fc.array(payload, { maxLength: 120 }),
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 1, max: 30 }),
      fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
    )
    fc.assert(
      fc.property(given, ([payloads, direction, limit, start]) => {
        const rows = rowsOf(payloads)
        const order = {
          by: 'value' as const,
          path,
          direction,
          ...(start === undefined ? {} : { startFrom: `${start}` }),
        }
        const found = run(rowsByValue(rows, RowMask.below(payloads.length), order, limit))
        const sign = direction === 'asc' ? 1 : -1
        const pairs = payloads
          .flatMap((one, row) => {
            if (row % 5 === 4) return []
            const own = [(one as { v?: unknown }).v].flat().filter((v) => typeof v === 'number')
            return [...new Set(own.map((v) => v + 0))].map((v) => ({ row, v }))
          })
          .filter(({ v }) => start === undefined || sign * (v - start) >= 0)
          .sort((a, b) => sign * (a.v - b.v || compareKeys(rows.keyOf(a.row), rows.keyOf(b.row))))
          .slice(0, limit)
        expect(found.map(({ row, value: v }) => [row, Number(v) + 0])).toEqual(pairs.map(({ row, v }) => [row, v]))
      }),
      { numRuns: 200 },
    )
  })

  it('keep no more than a page, whatever comes', () => {
    const payloads = Array.from({ length: 5000 }, (_, i) => ({ v: (i * 7919) % 5000 }))
    const order = { by: 'value' as const, path, direction: 'desc' as const }
    const found = run(rowsByValue(rowsOf(payloads), RowMask.below(5000), order, 3))
    expect(found.map(({ value: v }) => v)).toEqual(
      payloads
        .flatMap(({ v }, row) => (row % 5 === 4 ? [] : [v]))
        .sort((a, b) => b - a)
        .slice(0, 3),
    )
  })
})

describe('rows by chance', () => {
  const rows = rowsOf(Array.from({ length: 25 }, () => ({})))

  it('are each once, owner rows alone, and all of them if there are no more', () => {
    const all = run(rowsByChance(rows, RowMask.below(25), 100, seededRandom(1)))
    expect(all.matching).toBe(20)
    expect(all.rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, i) => i).filter((i) => i % 5 < 4))
  })

  it('are every row with the same probability, at every place', () => {
    const random = seededRandom(7)
    const times = 4000
    const first = new Map<number, number>()
    const any = new Map<number, number>()
    for (let i = 0; i < times; i++) {
      const drawn = run(rowsByChance(rows, RowMask.below(25), 5, random)).rows
      expect(new Set(drawn).size).toBe(5)
      first.set(drawn[0] as number, (first.get(drawn[0] as number) ?? 0) + 1)
      for (const row of drawn) any.set(row, (any.get(row) ?? 0) + 1)
    }
    for (let row = 0; row < 25; row++) {
      if (row % 5 === 4) continue
      // Six standard deviations.
      expect(Math.abs((any.get(row) ?? 0) - times / 4)).toBeLessThan(6 * Math.sqrt((times * 3) / 16))
      expect(Math.abs((first.get(row) ?? 0) - times / 20)).toBeLessThan(6 * Math.sqrt((times * 19) / 400))
    }
  })
})

describe('the counts of a facet', () => {
  const countsOf = (payloads: readonly unknown[]) => {
    const { texts, counts } = run(facetCounts(rowsOf(payloads), RowMask.below(payloads.length), path))
    const values = texts.length === 0 ? [] : Buffer.from(texts).toString().split('\n')
    return values.map((text, i) => [text, counts[i]])
  }

  it('count a row once for a value, owner rows alone', () => {
    expect(countsOf([{ v: ['a', 'a', 'b'] }, { v: 'a' }, { v: 1.5 }, {}, { v: 'a' }, { v: 1 }, { v: '1' }])).toEqual([
      ['1', 1],
      ['"1"', 1],
      ['"a"', 2],
      ['"b"', 1],
    ])
  })

  it('are none without values, and of one empty text', () => {
    expect(countsOf([])).toEqual([])
    expect(countsOf([{ v: '' }])).toEqual([['""', 1]])
    expect(countsOf([{ v: 'a\nb' }])).toEqual([['"a\\nb"', 1]])
  })

  it('are refused if there are more values than the limit', () => {
    const most = LIMITS.FACET_VALUES_MAX.value
    const list = (count: number) => [{ v: Array.from({ length: count }, (_, i) => i) }]
    expect(countsOf(list(most))).toHaveLength(most)
    expect(() => countsOf(list(most + 1))).toThrowError(
      expect.objectContaining({ code: 'ANSWER_TOO_LARGE', message: expect.stringMatching(/\(FACET_VALUES_MAX\)$/) }),
    )
  })
})

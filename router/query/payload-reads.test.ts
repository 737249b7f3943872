/** The merges of facets and of points by chance, over the answers of cells. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareFacetValues, type FacetValue, facetText } from '../../core/filter/facet-value.ts'
import { seededRandom } from '../../core/random.ts'
import { mergedFacets } from './facets.ts'
import { drawn } from './payload-reads.ts'

function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** The answer of a cell with these counts. */
function answerOf(counts: ReadonlyMap<FacetValue, number>) {
  const ordered = [...counts].sort(([a], [b]) => compareFacetValues(a, b))
  const texts = Buffer.from(ordered.map(([value]) => facetText(value)).join('\n'))
  const numbers = Uint32Array.from(ordered, ([, count]) => count)
  return { header: { values: ordered.length }, chunks: [texts, Buffer.from(numbers.buffer)] }
}

const values = fc.constantFrom<FacetValue>('', 'a', 'b\n', 'ü', '1', 1, 2, 2n ** 60n, true, false)
const cells = fc.array(
  fc.uniqueArray(fc.tuple(values, fc.integer({ min: 1, max: 5 })), { selector: ([value]) => facetText(value) }),
  { maxLength: 4 },
)

describe('the facets of cells', () => {
  it('add up, the most frequent values first, equal counts in the order of values', () => {
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 12 }), (all, limit) => {
        const sums = new Map<FacetValue, number>()
        for (const [value, count] of all.flat()) sums.set(value, (sums.get(value) ?? 0) + count)
        const wanted = [...sums]
          .sort(([a, x], [b, y]) => y - x || compareFacetValues(a, b))
          .slice(0, limit)
          .map(([value, count]) => ({ value, count }))
        expect(
          run(
            mergedFacets(
              all.map((cell) => answerOf(new Map(cell))),
              limit,
            ),
          ),
        ).toEqual(wanted)
      }),
    )
  })

  it('are none of cells without values', () => {
    expect(run(mergedFacets([answerOf(new Map())], 10))).toEqual([])
    expect(run(mergedFacets([], 10))).toEqual([])
  })
})

describe('points by chance', () => {
  it('of cells of different sizes have the same probability each', () => {
    const random = seededRandom(3)
    const sizes = [1, 3, 16]
    const times = 5000
    const hits = new Map<string, number>()
    for (let i = 0; i < times; i++) {
      // What a cell sends is in an order by chance already; here it is turned.
      const pages = sizes.map((matching, cell) => {
        const turn = Math.floor(random() * matching)
        const all = Array.from({ length: matching }, (_, n) => `${cell}:${(n + turn) % matching}`)
        return { points: all.slice(0, 4), matching }
      })
      const points = drawn(pages, 4, random)
      expect(new Set(points).size).toBe(4)
      for (const point of points) hits.set(point, (hits.get(point) ?? 0) + 1)
    }
    expect(hits.size).toBe(20)
    for (const count of hits.values()) expect(Math.abs(count - times / 5)).toBeLessThan(6 * Math.sqrt(times * 0.16))
  })

  it('are all points if no more are asked for', () => {
    const pages = [
      { points: ['a', 'b'], matching: 2 },
      { points: [], matching: 0 },
      { points: ['c'], matching: 1 },
    ]
    expect(drawn(pages, 10, seededRandom(1)).toSorted()).toEqual(['a', 'b', 'c'])
  })
})

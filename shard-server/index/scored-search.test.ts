/** Searches by several vectors, against a plain loop over all rows in double precision. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { type Scoring, scoreBy } from '../../core/scoring.ts'
import { RowMask } from './row-mask.ts'
import { bestScored } from './scored-search.ts'

const DIMENSION = 3

/** Rows in memory, of which the first chunk was dropped. */
function rowsOf(count: number, seed: number, first: number) {
  const random = seededRandom(seed)
  // Few different values, so that there are ties.
  const vectors = Float32Array.from({ length: count * DIMENSION }, () => Math.round(2 * normal(random)) / 2)
  const at = (row: number) => vectors.subarray((row - first) * DIMENSION, (row - first + 1) * DIMENSION)
  const read = (from: number, into: Float32Array) => {
    if (from < first || from + into.length / DIMENSION > first + count) throw new RangeError('there is no such row')
    for (let i = 0; i < into.length / DIMENSION; i++) into.set(at(from + i), i * DIMENSION)
  }
  const rows = {
    kernel: { dimension: DIMENSION, read },
    end: first + count,
    keyOf: (row: number): IdKey => idKey((row * 7) % 1000),
    bornOf: (row: number) => row + 1,
  }
  return { rows: rows as unknown as Parameters<typeof bestScored>[1], keyOf: rows.keyOf, at }
}

function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

const scorings = fc.oneof(
  fc
    .tuple(fc.constantFrom('bestScore' as const, 'sumScores' as const), fc.nat(3), fc.nat(3))
    .filter(([, positives, negatives]) => positives + negatives > 0)
    .map(([is, positives, negatives]): Scoring => ({ is, positives, examples: positives + negatives })),
  fc.nat(3).map((pairs): Scoring => ({ is: 'discover', examples: 1 + 2 * pairs })),
  fc.integer({ min: 1, max: 3 }).map((pairs): Scoring => ({ is: 'context', examples: 2 * pairs })),
)

describe('a search by several vectors', () => {
  it('finds the best rows of its mask, ties by id, whatever the metric and the scoring', () => {
    const given = fc.record({
      metric: fc.constantFrom<Metric>('L2', 'InnerProduct', 'Cosine'),
      scoring: scorings,
      count: fc.integer({ min: 0, max: 300 }),
      limit: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(1000),
      chosen: fc.constantFrom(1, 2, 7, 100),
    })
    fc.assert(
      fc.property(given, ({ metric, scoring, count, limit, seed, chosen }) => {
        const first = 32
        const { rows, at, keyOf } = rowsOf(count, seed, first)
        const mask = new RowMask(first)
        for (let row = first; row < first + count; row++) if ((row * 13 + seed) % chosen === 0) mask.add(row)
        const random = seededRandom(seed + 1)
        const vectors = Float32Array.from(
          { length: scoring.examples * DIMENSION },
          () => Math.round(2 * normal(random)) / 2,
        )
        const example = (i: number) => vectors.subarray(i * DIMENSION, (i + 1) * DIMENSION)
        const found = run(bestScored(metric, rows, { vectors, scoring, limit, mask }))
        const slow: { row: number; score: number }[] = []
        for (let row = first; row < first + count; row++) {
          if (!mask.has(row)) continue
          const similarities = Array.from(
            { length: scoring.examples },
            (_, i) => -distance(metric, example(i), at(row)),
          )
          slow.push({ row, score: scoreBy(scoring, similarities) })
        }
        slow.sort((a, b) => b.score - a.score || compareKeys(keyOf(a.row), keyOf(b.row)))
        expect(found.map(({ row, distance: negated }) => [row, 0 - negated])).toEqual(
          slow.slice(0, limit).map(({ row, score }) => [row, score + 0]),
        )
      }),
      { numRuns: 300 },
    )
  })
})

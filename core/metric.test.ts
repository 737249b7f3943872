import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distance, type Metric, passesThreshold, scoreOf, shownScore } from './metric.ts'
import { normalised, scoreText } from './vector.ts'

const METRICS: Metric[] = ['L2', 'InnerProduct', 'Cosine']
/** Any finite float32, the ends and the subnormals often. */
const float32 = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    3.4028234663852886e38,
    -3.4028234663852886e38,
    1.401298464324817e-45,
    -1.1754943508222875e-38,
    0,
    -0,
    1,
  ),
)
const vectors = fc.tuple(
  fc.array(float32, { minLength: 4, maxLength: 4 }),
  fc.array(float32, { minLength: 4, maxLength: 4 }),
)

function scores(metric: Metric, [a, b]: [number[], number[]]): number {
  const [x, y] = [Float32Array.from(a), Float32Array.from(b)]
  if (metric !== 'Cosine') return scoreOf(metric, distance(metric, x, y))
  return scoreOf(metric, distance(metric, normalised(x), normalised(y)))
}

describe.each(METRICS)('scores under %s', (metric) => {
  it('are finite, and JSON that gives back the float32, whatever the vectors', () => {
    fc.assert(
      fc.property(vectors, (pair) => {
        const score = scores(metric, pair)
        expect(Number.isFinite(score)).toBe(true)
        const read = JSON.parse(scoreText(score)) as number
        expect(Number.isFinite(read)).toBe(true)
        if (Number.isFinite(Math.fround(score)) && Math.abs(score) >= 2 ** -125)
          expect(Math.fround(read)).toBe(Math.fround(score))
        else expect(Math.abs(read - score)).toBeLessThanOrEqual(Math.abs(score) * 1e-6)
        if (metric === 'Cosine') expect(Math.abs(score)).toBeLessThan(1.000001)
      }),
      { numRuns: 2000 },
    )
  })

  it('pass themselves as a threshold, as they were shown', () => {
    fc.assert(
      fc.property(vectors, (pair) => {
        const score = scores(metric, pair)
        expect(passesThreshold(metric, score, JSON.parse(scoreText(score)) as number)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

it('thresholds at the ends let all or nothing pass', () => {
  const most = Number.MAX_VALUE
  for (const score of [0, 1e-90, 6e38, 1e77]) {
    expect([passesThreshold('L2', score, most), passesThreshold('L2', score, -most)]).toEqual([true, false])
    expect([passesThreshold('Cosine', score, most), passesThreshold('Cosine', score, -most)]).toEqual([false, true])
  }
  expect(passesThreshold('InnerProduct', 6e38, 7e38)).toBe(false)
  expect(passesThreshold('InnerProduct', 8e38, 7e38)).toBe(true)
})

it('scores are float32 where that holds them, and float64 beyond', () => {
  expect([0.1, 6e38, -1e77, 1e-90, 0, 1e-40].map(scoreText)).toEqual(['0.1', '6e+38', '-1e+77', '1e-90', '0', '1e-40'])
  expect(shownScore(0.1)).toBe(Math.fround(0.1))
})

it('a zero vector has the score 0 with every vector under Cosine', () => {
  for (const other of [
    [0, 0, 0, 0],
    [1, 0, 0, 0],
    [-3e38, 1e-45, 0, 1],
  ])
    expect(scoreText(scores('Cosine', [[0, 0, 0, 0], other]))).toBe('0')
})

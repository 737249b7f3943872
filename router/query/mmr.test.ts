/** MMR against a plain form of its definition, which looks at all pairs for each choice. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { mmr } from './mmr.ts'
import type { ScoredPoint } from './rows.ts'

function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

function pointsOf(query: readonly number[], vectors: readonly (readonly number[])[], metric: Metric): ScoredPoint[] {
  return vectors
    .map((values, i) => {
      const vector = Float32Array.from(values)
      const apart = distance(metric, Float32Array.from(query), vector)
      return { key: idKey(i), version: 1, userVersion: 1, score: 0, distance: apart, vector }
    })
    .sort((a, b) => a.distance - b.distance)
}

function slowMmr(points: readonly ScoredPoint[], diversity: number, most: number, metric: Metric): ScoredPoint[] {
  const left = [...points]
  const chosen: ScoredPoint[] = []
  while (left.length > 0 && chosen.length < most) {
    const scores = left.map((one) => {
      const likeness = chosen.map(
        (other) => -distance(metric, one.vector as Float32Array, other.vector as Float32Array),
      )
      if (chosen.length === 0) return -one.distance
      return (1 - diversity) * -one.distance - diversity * Math.max(...likeness)
    })
    const best = scores.lastIndexOf(Math.max(...scores))
    chosen.push(left[best] as ScoredPoint)
    const last = left.pop() as ScoredPoint
    if (best < left.length) left[best] = last
  }
  return chosen
}

const check = () => undefined
const component = fc.integer({ min: -4, max: 4 })
const vectors = fc.array(fc.tuple(component, component), { maxLength: 25 })

describe('mmr', () => {
  it('chooses what its definition does, whatever the metric, the diversity and the ties', () => {
    const given = fc.tuple(
      fc.tuple(component, component),
      vectors,
      fc.constantFrom<Metric>('L2', 'InnerProduct'),
      fc.constantFrom(0, 0.25, 0.5, 1),
      fc.integer({ min: 1, max: 12 }),
    )
    fc.assert(
      fc.property(given, ([query, all, metric, diversity, most]) => {
        const points = pointsOf(query, all, metric)
        const chosen = run(mmr(points, { diversity, most, metric, check }))
        expect(chosen.map(({ key }) => key)).toEqual(slowMmr(points, diversity, most, metric).map(({ key }) => key))
      }),
      { numRuns: 300 },
    )
  })

  it('without diversity are the nearest points, and with much of it no two alike', () => {
    const points = pointsOf(
      [0, 0],
      [
        [1, 0],
        [1, 0.01],
        [1, 0.02],
        [0, 2],
      ],
      'L2',
    )
    const keys = (diversity: number) =>
      run(mmr(points, { diversity, most: 2, metric: 'L2', check })).map(({ key }) => key)
    expect(keys(0)).toEqual(['i0', 'i1'])
    expect(keys(0.9)).toEqual(['i0', 'i3'])
  })

  it('ends with an error of the check, which comes before each choice', () => {
    let checks = 0
    const count = () => {
      if (++checks === 3) throw new Error('over')
    }
    const points = pointsOf(
      [0, 0],
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
      'L2',
    )
    expect(() => run(mmr(points, { diversity: 0.5, most: 3, metric: 'L2', check: count }))).toThrowError('over')
  })
})

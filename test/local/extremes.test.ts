/** Numbers at the ends of float32, by REST: every stored point is found by an exact search, and every answer is JSON. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, metricOfQdrant, passesThreshold, scoreOf } from '../../core/metric.ts'
import { normalised } from '../../core/vector.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, metric: 'InnerProduct', clusters: 2, centroids: { source: 'Random', seed: 7 } },
  })
})
afterAll(() => cluster.close())

const VECTORS = [
  [3e38, 3e38],
  [-3e38, 3e38],
  [3.4028235e38, 0],
  [1e20, -1e20],
  [1e-45, 1e-45],
  [-1e-45, 2e-45],
  [1e-30, 1e-30],
  [1, 1],
  [1, 1],
  [1, 2],
  [1e6, 1e6 + 1],
  [0, 0],
]

interface Scored {
  id: number
  score: number
}

describe.each(['Dot', 'Euclid', 'Cosine'] as const)(
  'a collection of numbers at the ends of float32 under %s',
  (name) => {
    it('finds every point, in the order of float64, with scores that pass themselves as thresholds', async () => {
      const metric = metricOfQdrant(name) ?? 'L2'
      const made = await cluster.fetch('PUT', `/collections/${name}`, {
        vectors: { size: 2, distance: name },
        maksdb: { clusters: 2, centroids: { source: 'Random', seed: 1 } },
      })
      expect(made.status, made.raw).toBe(200)
      const points = VECTORS.map((vector, id) => ({ id, vector }))
      expect((await cluster.fetch('PUT', `/collections/${name}/points?wait=true`, { points })).status).toBe(200)
      const stored = (vector: number[]) => {
        const single = Float32Array.from(vector)
        return metric === 'Cosine' ? normalised(single) : single
      }
      const ask = async (body: object): Promise<Scored[]> => {
        const answer = await cluster.fetch('POST', `/collections/${name}/points/query`, {
          params: { exact: true },
          ...body,
        })
        expect(answer.status, answer.raw).toBe(200)
        expect(answer.json, `not JSON: ${answer.raw}`).toBeDefined()
        return (answer.json.result as { points: Scored[] }).points
      }
      for (const query of VECTORS) {
        const expected = VECTORS.map((vector, id) => ({
          key: idKey(id),
          version: 0,
          distance: distance(metric, stored(query), stored(vector)),
        })).sort(byDistance)
        const found = await ask({ query, limit: 100 })
        expect(
          found.map(({ id }) => idKey(id)),
          String(query),
        ).toEqual(expected.map(({ key }) => key))
        for (const [i, { score }] of found.entries()) {
          expect(Number.isFinite(score)).toBe(true)
          const exact = scoreOf(metric, expected[i]?.distance ?? 0)
          expect(Math.abs(score - exact)).toBeLessThanOrEqual(Math.abs(exact) * 1e-6)
        }
        const score_threshold = (found[4] as Scored).score
        const passing = found.filter(({ score }) => passesThreshold(metric, score, score_threshold))
        expect(await ask({ query, limit: 100, score_threshold })).toEqual(passing)
        expect(passing.length).toBeGreaterThanOrEqual(5)
      }
    })
  },
)

it('a product beyond float32 is printed as the number that it is', async () => {
  const point = { id: 1, vector: [3e38, 3e38] }
  await cluster.fetch('PUT', '/collections/things/points?wait=true', { points: [point] })
  const { raw, json } = await cluster.fetch('POST', '/collections/things/points/query', { query: [1, 1] })
  expect(raw).not.toContain('Infinity')
  expect((json.result as { points: Scored[] }).points[0]?.score).toBeCloseTo(6e38, -32)
})

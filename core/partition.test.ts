import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idKey } from './ids.ts'
import {
  assertCentroids,
  cellHealth,
  hashCell,
  ownerCell,
  type Partition,
  probesForRecall,
  rankCells,
} from './partition.ts'
import { normal, seededRandom } from './random.ts'
import { SpillReservoir } from './spill.ts'

const trained: Partition = {
  version: 1,
  metric: 'L2',
  dimension: 2,
  clusters: 3,
  centroids: Float32Array.of(0, 0, 10, 0, 0, 10),
}
const untrained: Partition = { ...trained, version: 0, centroids: new Float32Array(0) }

describe('a partition', () => {
  it('puts a vector into the cell of its nearest centroid, and before training by its id', () => {
    expect(ownerCell(trained, idKey(1), Float32Array.of(9, 1))).toBe(1)
    expect(ownerCell(untrained, idKey(1), Float32Array.of(9, 1))).toBe(hashCell(idKey(1), 3))
  })

  it('ranks all cells for a query, the owner first', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, min: -50, max: 50 }),
        fc.float({ noNaN: true, min: -50, max: 50 }),
        (x, y) => {
          const query = Float32Array.of(x, y)
          const ranked = rankCells(trained, query)
          expect(ranked.toSorted((a, b) => a - b)).toEqual([0, 1, 2])
          expect(ranked[0]).toBe(ownerCell(trained, idKey(1), query))
        },
      ),
    )
    expect(rankCells({ ...trained, metric: 'InnerProduct' }, Float32Array.of(0, 1))[0]).toBe(2)
  })

  it('asks more cells for more recall, and all for all of it', () => {
    expect([16, 32, 64].map((clusters) => probesForRecall(clusters, 0.95))).toEqual([6, 10, 15])
    expect(probesForRecall(4, 1)).toBe(4)
    expect([1, 2].map((clusters) => probesForRecall(clusters, 0))).toEqual([1, 2])
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (clusters, a, b) => {
          const [low, high] = [Math.min(a, b), Math.max(a, b)]
          expect(probesForRecall(clusters, low)).toBeLessThanOrEqual(probesForRecall(clusters, high))
          expect(probesForRecall(clusters, high)).toBeLessThanOrEqual(clusters)
        },
      ),
    )
  })

  it('calls cells empty or tiny only where there are points to compare with', () => {
    expect(cellHealth(0, 0, 4)).toBe('ok')
    expect([0, 1, 100].map((points) => cellHealth(points, 1000, 4))).toEqual(['empty', 'tiny', 'ok'])
  })
})

describe('redundant storage', () => {
  it('copies about the share that the budget allows, those that lie worst first, never into the owner', () => {
    const reservoir = new SpillReservoir(1.2)
    const random = seededRandom(2)
    let copies = 0
    for (let i = 0; i < 4000; i++) {
      const vector = Float32Array.of(5 + 4 * normal(random), 3 + 4 * normal(random))
      const owner = ownerCell(trained, idKey(i), vector)
      const copy = reservoir.spillFor(trained, owner, vector)
      expect(copy).not.toBe(owner)
      if (copy !== undefined) copies++
    }
    expect(copies / 4000).toBeGreaterThan(0.15)
    expect(copies / 4000).toBeLessThan(0.25)
  })

  it('is off at 1.0 and before training, and copies everything at 2.0', () => {
    const vector = Float32Array.of(4, 4)
    expect(new SpillReservoir(1).spillFor(trained, 0, vector)).toBeUndefined()
    expect(new SpillReservoir(2).spillFor(untrained, 0, vector)).toBeUndefined()
    expect(new SpillReservoir(2).spillFor(trained, 0, vector)).toBeGreaterThan(0)
  })
})

describe('centroids', () => {
  it('fit if they are one vector for each cluster', () => {
    assertCentroids(4 * 3 * 2, 3, 2)
    for (const bytes of [0, 4 * 3, 4 * 3 * 2 - 1, 4 * 3 * 3])
      expect(() => assertCentroids(bytes, 3, 2)).toThrow('do not fit dimension 3 and 2 clusters')
  })

  it('of an entry of the log fit if they are whole vectors, or none', () => {
    for (const vectors of [0, 1, 5]) assertCentroids(4 * 3 * vectors, 3)
    for (const bytes of [4, 4 * 3 + 1]) expect(() => assertCentroids(bytes, 3)).toThrow('do not fit dimension 3')
  })
})

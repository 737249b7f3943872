import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { train } from './training.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-training-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it.each([3.4e38, 3e38, 1e20, 1, 1e-25, 1e-38, 1e-43])(
  'groups of vectors around +-%d are found and told apart',
  async (size) => {
    const each = 40
    const points = Float32Array.from({ length: 2 * each * 2 }, (_, i) => {
      const sign = i < 2 * each ? 1 : -1
      return sign * size * (1 - (i % 7) / 100)
    })
    const { centroids, sizes } = await train(
      { dimension: 2, metric: 'L2', scratchDir: folder },
      { points, clusters: 2, seed: 3 },
    )
    expect(sizes).toEqual([each, each])
    expect(centroids.every(Number.isFinite)).toBe(true)
    const [a = 0, , b = 0] = centroids
    expect(Math.abs(a) / size).toBeCloseTo(0.97, 1)
    expect(Math.sign(a)).toBe(-Math.sign(b))
  },
)

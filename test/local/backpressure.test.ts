/** A log that is small for what is written into it: writers are slowed down, never failed half-way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'

const DIMENSION = 512
const POINTS = 1500
let cluster: TestCluster
beforeAll(async () => {
  // 60 MiB of volume are 20 MiB of memory and 8 MiB of log for each cell: less than one round of the data.
  cluster = await TestCluster.start({
    spec: {
      dimension: DIMENSION,
      clusters: 2,
      replicas: 2,
      centroids: { source: 'Random', seed: 2 },
      redis: { managed: { storage: { size: '60Mi' } } },
    },
  })
})
afterAll(() => cluster.close())

const vector = (id: number, round: number) =>
  Array.from({ length: DIMENSION }, (_, i) => Math.fround(Math.sin(id * (i + 1) + round)))

describe('steady overwrites of more than the log holds', () => {
  it('are answered 200, or 429 with a number of seconds and nothing applied, and end complete', async () => {
    const statuses = new Map<number, number>()
    const send = async (ids: number[], round: number) => {
      for (;;) {
        const points = ids.map((id) => ({ id, vector: vector(id, round), payload: { round } }))
        const { status, headers, raw } = await cluster.fetch('PUT', '/collections/things/points?wait=true', { points })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 200) return
        expect(status, raw).toBe(429)
        expect(headers.get('retry-after')).toMatch(/^\d+$/)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
    for (let round = 0; round < 4; round++) {
      const batches = Array.from({ length: POINTS / 50 }, (_batch, i) =>
        Array.from({ length: 50 }, (_, j) => 50 * i + j),
      )
      await Promise.all(
        [0, 1, 2].map(async (lane) => {
          for (let i = lane; i < batches.length; i += 3) await send(batches[i] as number[], round)
        }),
      )
    }
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(POINTS)
    for await (const { payload } of cluster.collection.scroll()) expect(payload).toEqual({ round: 3 })
    const { cells } = await cluster.topology()
    expect(Math.max(...cells.map(({ trimmed_below }) => trimmed_below))).toBeGreaterThan(0)
    console.log(
      `answers by status: ${JSON.stringify([...statuses])}; logs of ${cells.map(({ wal_bytes }) => `${(wal_bytes / 1e6).toFixed(1)} MB`).join(', ')}`,
    )
  })
})

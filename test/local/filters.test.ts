/** Filters on real processes, over several cells: what is found equals a plain loop, however many points match. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { squaredL2 } from '../../core/metric.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { runCli, TestCluster } from '../support/cluster.ts'
import { slowMatches } from '../support/slow-filter.ts'

const DIMENSION = 8
const POINTS = 3000
const LIMIT = 20
const COLLECTION = '/collections/things/points'

interface Point {
  id: number
  vector: number[]
  payload: Record<string, unknown>
}

let cluster: TestCluster
let points: Point[]
const random = seededRandom(3)
const draw = () => Array.from({ length: DIMENSION }, () => Math.fround(normal(random)))

beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: DIMENSION, clusters: 4, centroids: { source: 'Random', seed: 1 }, redundantStorage: '1.2' },
  })
  points = Array.from({ length: POINTS }, (_, id) => ({
    id,
    vector: draw(),
    payload: {
      n: id,
      share: id % 100,
      even: id % 2 === 0,
      tags: [`t${id % 7}`, `t${id % 11}`],
      parts: [
        { kind: 'a', size: id % 5 },
        { kind: 'b', size: id % 3 },
      ],
      ...(id % 3 === 0 ? { note: null } : {}),
      day: `2026-01-${String(1 + (id % 28)).padStart(2, '0')}`,
    },
  }))
  await cluster.collection.ingest(points, { batch: 500 })
  // Dead rows, of other payloads, match nothing.
  const again = points.slice(0, 600)
  await cluster.collection.upsert(again.map(({ id, vector }) => ({ id, vector, payload: { share: 1, n: -1 } })))
  await cluster.collection.upsert(again)
  await cluster.settled()
})
afterAll(() => cluster.close())

const FILTERS: [string, Record<string, unknown>, number][] = [
  ['no point', { must: [{ key: 'n', range: { lt: 0 } }] }, 0],
  ['one point', { must: [{ key: 'n', match: { value: 1234 } }] }, 1],
  ['a hundredth', { must: [{ key: 'share', match: { value: 7 } }] }, POINTS / 100],
  ['a half', { must_not: [{ key: 'even', match: { value: true } }] }, POINTS / 2],
  ['all', { should: [{ key: 'n', range: { gte: 0 } }, { has_id: [] }] }, POINTS],
  [
    'those of a tag, or of a part, on some days',
    {
      must: { key: 'day', range: { gte: '2026-01-05', lt: '2026-01-12' } },
      should: [
        { key: 'tags', match: { any: ['t3', 't9'] } },
        {
          nested: {
            key: 'parts',
            filter: {
              must: [
                { key: 'kind', match: { value: 'b' } },
                { key: 'size', match: { value: 2 } },
              ],
            },
          },
        },
      ],
      must_not: [{ is_null: { key: 'note' } }],
    },
    -1,
  ],
]

describe.each(FILTERS)('a filter that matches %s', (_what, filter, expected) => {
  const matching = () => points.filter(({ id, payload }) => slowMatches(filter, id, payload))
  const nearest = (query: readonly number[], from = matching()) =>
    from
      .map(({ id, vector }) => ({ id, distance: squaredL2(Float32Array.from(query), Float32Array.from(vector)) }))
      .sort((a, b) => a.distance - b.distance || a.id - b.id)
      .slice(0, LIMIT)
      .map(({ id }) => id)

  it('is exact in a search of all cells, alone and in a batch', async () => {
    if (expected >= 0) expect(matching()).toHaveLength(expected)
    const vectors = Array.from({ length: 5 }, draw)
    const searches = vectors.map((query) => ({ query, limit: LIMIT, filter, params: { exact: true } }))
    const { json } = await cluster.fetch('POST', `${COLLECTION}/query/batch`, { searches })
    const found = (json.result as { points: { id: number }[] }[]).map((one) => one.points.map(({ id }) => id))
    expect(found).toEqual(vectors.map((query) => nearest(query)))
    const one = await cluster.fetch('POST', `${COLLECTION}/search`, {
      vector: vectors[0],
      limit: LIMIT,
      filter,
      params: { exact: true },
    })
    expect((one.json.result as { id: number }[]).map(({ id }) => id)).toEqual(found[0])
  })

  it('finds as many points as there are if it probes one cell', async () => {
    const { points: found, report } = await cluster.collection.query(draw(), { limit: LIMIT, filter, probes: 1 })
    const ids = matching().map(({ id }) => id)
    expect(found).toHaveLength(Math.min(LIMIT, ids.length))
    for (const { id } of found) expect(ids).toContain(Number(id))
    if (ids.length < LIMIT) expect(report.exact).toBe(true)
  })

  it('is kept by a query by id, which does not find itself', async () => {
    const self = points[1300] as Point
    const { points: found } = await cluster.collection.query({ id: self.id }, { limit: LIMIT, filter, exact: true })
    const others = matching().filter(({ id }) => id !== self.id)
    expect(found.map(({ id }) => id)).toEqual(nearest(self.vector, others))
  })

  it('is that of pages, in the order of ids, and of counts', async () => {
    const ids = matching().map(({ id }) => id)
    const scrolled: number[] = []
    for await (const { id } of cluster.collection.scroll({ filter, batch: 100 })) scrolled.push(Number(id))
    expect(scrolled).toEqual(ids)
    expect(await cluster.collection.count({ filter })).toBe(ids.length)
  })

  it('is that of a query without a "query", which lists points', async () => {
    const body = { filter, limit: LIMIT, offset: 2 }
    const { json } = await cluster.fetch('POST', `${COLLECTION}/query`, body)
    const listed = (json.result as { points: { id: number; score: number }[] }).points
    const ids = matching().map(({ id }) => id)
    expect(listed.map(({ id, score }) => [id, score])).toEqual(ids.slice(2, 2 + LIMIT).map((id) => [id, 1]))
  })
})

it('the command line searches, counts and exports what a filter matches, and refuses a wrong one', async () => {
  const run = (...args: string[]) => runCli([...args, '-c', 'things', '--data-dir', cluster.dataDir])
  const filter = JSON.stringify({ must: [{ key: 'n', range: { gte: 2998 } }] })
  expect((await run('count', '--filter', filter)).stdout).toBe('2\n')
  const found = JSON.parse((await run('search', '--id', '2998', '--json', '--filter', filter)).stdout) as {
    points: { id: number }[]
  }
  expect(found.points.map(({ id }) => id)).toEqual([2999])
  const lines = (await run('export', '--filter', filter)).stdout.trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as Point).id)).toEqual([2998, 2999])
  expect(await run('count', '--filter', 'n > 5')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--filter.*JSON object/) as string,
  })
  expect(await run('count', '--filter', '{"must":[{"key":"n"}]}')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/filter\.must\[0\] must have one of/) as string,
  })
})

describe('a delete by filter', () => {
  const remaining = async () => {
    const ids: number[] = []
    for await (const { id } of cluster.collection.scroll({ batch: 1000 })) ids.push(Number(id))
    return ids
  }

  it('deletes the points that match and no others, however many steps it takes', async () => {
    await cluster.collection.delete({ filter: { must: [{ key: 'n', range: { gte: 0, lt: 0 } }] } })
    expect(await remaining()).toHaveLength(POINTS)
    await cluster.collection.delete({ filter: { must: [{ key: 'share', range: { gte: 10 } }] } })
    expect(await remaining()).toEqual(points.filter(({ id }) => id % 100 < 10).map(({ id }) => id))
  })

  it('leaves a point that was written meanwhile and matches no more, and deletes one that still does', async () => {
    const filter = { must: [{ key: 'even', match: { value: true } }] }
    const write = async (id: number, even: boolean) =>
      cluster.collection.upsert([{ id, vector: draw(), payload: { even } }])
    const writers = [1, 2, 3, 4].map(async (lane) => {
      for (let round = 0; round < 20; round++) await write(100_000 + lane, round % 2 === 0)
    })
    for (let round = 0; round < 10; round++) await cluster.collection.delete({ filter })
    await Promise.all(writers)
    await cluster.collection.delete({ filter })
    // The last write of each lane does not match.
    const left = await remaining()
    expect(left.filter((id) => id >= 100_000)).toEqual([100_001, 100_002, 100_003, 100_004])
    expect(left.filter((id) => id < 100_000)).toEqual(
      points.filter(({ id }) => id % 100 < 10 && id % 2 === 1).map(({ id }) => id),
    )
  })

  it('of all points leaves none; one that is empty, or has an idempotency key, is refused', async () => {
    const path = `${COLLECTION}/delete?wait=true`
    expect((await cluster.fetch('POST', path, { filter: {} })).status).toBe(400)
    expect((await cluster.fetch('POST', path, { filter: { must: [] } }, { 'idempotency-key': 'a' })).status).toBe(400)
    expect((await cluster.fetch('POST', path, { filter: { must: [] } }, { 'maksdb-if-version': '1' })).status).toBe(400)
    expect((await remaining()).length).toBeGreaterThan(100)
    expect((await cluster.fetch('POST', path, { filter: { must: [] } })).json).toMatchObject({
      result: { status: 'completed' },
    })
    expect(await cluster.collection.count()).toBe(0)
  })
})

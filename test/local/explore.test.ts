/**
 * Order, facets, groups, MMR, recommendations, discoveries and contexts on real processes, over several cells: what is found
 * equals a plain loop over all points with the documented formulas.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normal, seededRandom } from '../../core/random.ts'
import { TestCluster } from '../support/cluster.ts'

const DIMENSION = 6
const POINTS = 1500
const C = '/collections/things'
const KINDS = ['red', 'green', 'blue', 'rare']

interface Point {
  id: number
  vector: number[]
  payload: { n: number; kind: string; tags: string[]; day: string; even: boolean }
}
interface Hit {
  id: number
  score: number
  order_value?: number
  payload?: Record<string, unknown>
}

let cluster: TestCluster
let points: Point[]
const random = seededRandom(11)
const draw = () => Array.from({ length: DIMENSION }, () => Math.fround(normal(random)))

beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: DIMENSION, clusters: 3, centroids: { source: 'Random', seed: 2 }, redundantStorage: '1.2' },
  })
  points = Array.from({ length: POINTS }, (_, id) => ({
    id,
    vector: draw(),
    payload: {
      n: (id * 37) % 500,
      kind: KINDS[id % 500 === 0 ? 3 : id % 3] as string,
      tags: [`t${id % 5}`, `t${id % 7}`],
      day: new Date(Date.UTC(2026, 0, 1 + (id % 100))).toISOString(),
      even: id % 2 === 0,
    },
  }))
  await cluster.collection.ingest(points, { batch: 500 })
  // Dead rows, of other payloads and vectors, are in no answer.
  const again = points.slice(0, 300)
  await cluster.collection.upsert(
    again.map(({ id }) => ({ id, vector: draw(), payload: { n: -1, kind: 'dead' } as never })),
  )
  await cluster.collection.upsert(again)
  await cluster.settled()
})
afterAll(() => cluster.close())

async function post<T>(path: string, body: object): Promise<T> {
  const { status, json } = await cluster.fetch('POST', `${C}${path}`, body)
  expect([status, status === 200 ? undefined : json]).toEqual([200, undefined])
  return json.result as T
}
const query = async (body: object): Promise<Hit[]> =>
  (await post<{ points: Hit[] }>('/points/query', { params: { exact: true }, ...body })).points

/** Under Euclid: the negated square. */
const similarity = (a: readonly number[], b: readonly number[]) =>
  -a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0)
const bent = (x: number) => x / (1 + Math.abs(x))
const half = (x: number) => 0.5 * (bent(x) + 1)
const vectorOf = (id: number) => (points[id] as Point).vector

function slowBest(score: (vector: readonly number[]) => number, excluded: readonly number[], among = points): Hit[] {
  return among
    .filter(({ id }) => !excluded.includes(id))
    .map(({ id, vector }) => ({ id, score: score(vector) }))
    .sort((a, b) => b.score - a.score || a.id - b.id)
}

function expectHits(found: readonly Hit[], wanted: readonly Hit[]): void {
  expect(found.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
  found.forEach(({ score }, i) => expect(score).toBeCloseTo((wanted[i] as Hit).score, 4))
}

const odd = { must: [{ key: 'even', match: { value: false } }] }
const oddOnes = () => points.filter(({ payload }) => !payload.even)

describe('an order by values', () => {
  it.each([
    ['asc', undefined, {}],
    ['desc', undefined, {}],
    ['asc', 200, {}],
    ['desc', 200, { filter: odd }],
  ] as const)('is %s, from %s, with %j', async (direction, start_from, more) => {
    const body = { order_by: { key: 'n', direction, start_from }, limit: 25, with_payload: ['n'], ...more }
    const { points: found, next_page_offset } = await post<{ points: Hit[]; next_page_offset: null }>(
      '/points/scroll',
      body,
    )
    const sign = direction === 'asc' ? 1 : -1
    const wanted = ('filter' in more ? oddOnes() : points)
      .filter(({ payload: { n } }) => start_from === undefined || sign * (n - start_from) >= 0)
      .toSorted((a, b) => sign * (a.payload.n - b.payload.n || a.id - b.id))
      .slice(0, 25)
    expect(found.map(({ id, order_value }) => [id, order_value])).toEqual(
      wanted.map(({ id, payload }) => [id, payload.n]),
    )
    expect(found[0]?.payload).toEqual({ n: wanted[0]?.payload.n })
    expect(next_page_offset).toBeNull()
  })

  it('of times begins at a time, and is that of a query, too', async () => {
    const order_by = { key: 'day', start_from: '2026-03-01T00:00:00Z' }
    const { points: found } = await post<{ points: Hit[] }>('/points/scroll', { order_by, limit: 5 })
    expect(found[0]?.order_value).toBe(Date.UTC(2026, 2, 1) * 1000)
    const listed = await query({ query: { order_by }, limit: 3, offset: 2 })
    expect(listed.map(({ id, score }) => [id, score])).toEqual(found.slice(2).map(({ id }) => [id, 1]))
  })

  it('of a limit beyond the collection has every point once with each of its values', async () => {
    const { points: all } = await post<{ points: Hit[] }>('/points/scroll', { order_by: 'n', limit: 999_999_999 })
    expect(all).toHaveLength(POINTS)
    const { points: none } = await post<{ points: Hit[] }>('/points/scroll', { order_by: 'kind' })
    expect(none).toEqual([])
  })
})

it('a sample has points by chance, each once, and only those that match', async () => {
  const first = await query({ query: { sample: 'random' }, limit: 50, filter: odd })
  expect(new Set(first.map(({ id }) => id)).size).toBe(50)
  expect(first.every(({ id, score }) => id % 2 === 1 && score === 1)).toBe(true)
  const second = await query({ query: { sample: 'random' }, limit: 50, filter: odd })
  expect(second.map(({ id }) => id)).not.toEqual(first.map(({ id }) => id))
  expect(await query({ query: { sample: 'random' }, limit: 100_000 })).toHaveLength(POINTS)
})

describe('a facet', () => {
  const countsOf = (values: (point: Point) => (string | boolean)[], among = points) => {
    const counts = new Map<string | boolean, number>()
    for (const point of among) for (const one of new Set(values(point))) counts.set(one, (counts.get(one) ?? 0) + 1)
    return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([value, count]) => ({ value, count }))
  }

  it('counts the points of each value, over all cells, those of a filter if it has one', async () => {
    expect(await post('/facet', { key: 'tags' })).toEqual({ hits: countsOf(({ payload }) => payload.tags) })
    expect(await post('/facet', { key: 'tags[]', filter: odd, limit: 3 })).toEqual({
      hits: countsOf(({ payload }) => payload.tags, oddOnes()).slice(0, 3),
    })
    expect(await post('/facet', { key: 'even', exact: true })).toEqual({
      hits: countsOf(({ payload }) => [payload.even]),
    })
    expect(await post('/facet', { key: 'nothing' })).toEqual({ hits: [] })
  })
})

describe('a recommendation', () => {
  const positive = [3, 14]
  const negative = [15]
  const excluded = [3, 14, 15]
  const recommend = (body: object, more: object = {}) => query({ query: { recommend: body }, limit: 12, ...more })

  it('by the average is near to it, and is no example itself', async () => {
    const average = vectorOf(3).map((x, i) => x + (vectorOf(14)[i] as number) - (vectorOf(15)[i] as number))
    const wanted = slowBest((vector) => similarity(average, vector), excluded).slice(0, 12)
    const found = await recommend({ positive, negative })
    expectHits(
      found,
      wanted.map(({ id, score }) => ({ id, score: Math.sqrt(-score) })),
    )
    const legacy = await post<Hit[]>('/points/recommend', { positive, negative, limit: 12, params: { exact: true } })
    expect(legacy).toEqual(found)
  })

  it('by the best score compares each point with each example', async () => {
    const best = (vector: readonly number[]) => {
      const near = Math.max(...positive.map((id) => similarity(vectorOf(id), vector)))
      const far = Math.max(...negative.map((id) => similarity(vectorOf(id), vector)))
      return near > far ? half(near) : -half(far)
    }
    const body = { positive, negative, strategy: 'best_score' }
    expectHits(await recommend(body), slowBest(best, excluded).slice(0, 12))
    expectHits(await recommend(body, { filter: odd, offset: 5 }), slowBest(best, excluded, oddOnes()).slice(5, 17))
    const [, , third] = slowBest(best, excluded) as [Hit, Hit, Hit]
    expectHits(await recommend(body, { score_threshold: third.score - 1e-6 }), slowBest(best, excluded).slice(0, 3))
  })

  it('by the sum of scores takes vectors as examples, too', async () => {
    const example = draw()
    const sum = (vector: readonly number[]) =>
      similarity(example, vector) + similarity(vectorOf(3), vector) - similarity(vectorOf(15), vector)
    const body = { positive: [example, 3], negative: [15], strategy: 'sum_scores' }
    expectHits(await recommend(body), slowBest(sum, [3, 15]).slice(0, 12))
  })
})

describe('a discovery', () => {
  const context = [
    { positive: 1, negative: 2 },
    { positive: 3, negative: 4 },
  ]
  const rank = (vector: readonly number[]) =>
    Math.sign(similarity(vectorOf(1), vector) - similarity(vectorOf(2), vector)) +
    Math.sign(similarity(vectorOf(3), vector) - similarity(vectorOf(4), vector))

  it('is near to its target on the positive side of its pairs', async () => {
    const score = (vector: readonly number[]) => rank(vector) + half(similarity(vectorOf(9), vector))
    const wanted = slowBest(score, [1, 2, 3, 4, 9]).slice(0, 15)
    const found = await query({ query: { discover: { target: 9, context } }, limit: 15 })
    expectHits(found, wanted)
    expect(await post('/points/discover', { target: 9, context, limit: 15 })).toEqual(found)
  })

  it('without a target is on the positive side of its pairs', async () => {
    const miss = (a: number, b: number, vector: readonly number[]) =>
      bent(Math.min(0, similarity(vectorOf(a), vector) - similarity(vectorOf(b), vector) - 2 ** -23))
    const score = (vector: readonly number[]) => miss(1, 2, vector) + miss(3, 4, vector)
    expectHits(await query({ query: { context }, limit: 400 }), slowBest(score, [1, 2, 3, 4]).slice(0, 400))
  })
})

describe('mmr', () => {
  it('chooses among the nearest points, and shows their own scores', async () => {
    const vector = draw()
    const candidates = await query({ query: vector, limit: 30, with_vector: true })
    const chosen = await query({ query: { nearest: vector, mmr: { diversity: 0.6, candidates_limit: 30 } }, limit: 8 })
    expect(chosen).toHaveLength(8)
    expect(chosen[0]?.id).toBe(candidates[0]?.id)
    const nearest = new Map(candidates.map(({ id, score }) => [id, score]))
    for (const { id, score } of chosen) expect(score).toBe(nearest.get(id))
    expect(chosen[0]).not.toHaveProperty('vector')
    const left = candidates.slice(1).map(({ id }) => id)
    const taken = [(candidates[0] as Hit).id]
    while (taken.length < 8) {
      const value = (id: number) =>
        0.4 * similarity(vector, vectorOf(id)) -
        0.6 * Math.max(...taken.map((other) => similarity(vectorOf(id), vectorOf(other))))
      taken.push(left.filter((id) => !taken.includes(id)).toSorted((a, b) => value(b) - value(a))[0] as number)
    }
    expect(chosen.map(({ id }) => id)).toEqual(taken)
    const plain = await query({ query: { nearest: vector, mmr: { diversity: 0 } }, limit: 8 })
    expect(plain).toEqual(await query({ query: vector, limit: 8 }))
  })
})

describe('groups', () => {
  const slowGroups = (vector: readonly number[], limit: number, size: number, among = points) => {
    const groups = new Map<string, number[]>()
    for (const { id } of slowBest((other) => similarity(vector, other), [], among)) {
      const kind = (points[id] as Point).payload.kind
      const hits = groups.get(kind) ?? []
      groups.set(kind, hits)
      if (hits.length < size) hits.push(id)
    }
    return [...groups].slice(0, limit)
  }
  const ids = ({ groups }: { groups: { id: string; hits: Hit[] }[] }) =>
    groups.map(({ id, hits }) => [id, hits.map((hit) => hit.id)])

  it('have the nearest points of each value, also of a rare one', async () => {
    const vector = draw()
    const body = { query: vector, group_by: 'kind', group_size: 4, limit: 10, params: { exact: true } }
    expect(ids(await post('/points/query/groups', body))).toEqual(slowGroups(vector, 10, 4))
    expect(ids(await post('/points/query/groups', { ...body, limit: 2, filter: odd }))).toEqual(
      slowGroups(vector, 2, 4, oddOnes()),
    )
    const { query: given, ...rest } = body
    expect(ids(await post('/points/search/groups', { ...rest, vector: given }))).toEqual(slowGroups(vector, 10, 4))
  })

  it('show of a payload what is asked for', async () => {
    const body = { positive: [3], group_by: 'kind', limit: 1, group_size: 1, with_payload: ['n'] }
    const { groups } = await post<{ groups: { hits: Hit[] }[] }>('/points/recommend/groups', body)
    expect(Object.keys(groups[0]?.hits[0]?.payload ?? {})).toEqual(['n'])
    const listed = await post<{ groups: unknown[] }>('/points/query/groups', { group_by: 'tags', limit: 3 })
    expect(ids(listed as never)).toEqual([
      ['t0', [0, 5, 7]],
      ['t1', [1, 6, 8]],
      ['t2', [2, 7, 9]],
    ])
  })
})

it('the client asks for all of it by name', async () => {
  const { collection } = cluster
  const exact = { exact: true, withPayload: false, limit: 4 }
  const same = async (given: Parameters<typeof collection.query>[0], body: unknown) =>
    expect((await collection.query(given, exact)).points.map(({ id }) => id)).toEqual(
      (await query({ query: body, limit: 4 })).map(({ id }) => id),
    )
  const vector = Float32Array.from(draw())
  const pair = { positive: 1, negative: 2 }
  const pairs = [{ positive: { id: 1 }, negative: { id: 2 } }]
  await same({ nearest: vector, mmr: { candidatesLimit: 20 } }, { nearest: [...vector], mmr: { candidates_limit: 20 } })
  const examples = { positive: [{ id: 3 }, vector], negative: [{ id: 4 }], strategy: 'best_score' as const }
  await same({ recommend: examples }, { recommend: { ...examples, positive: [3, [...vector]], negative: [4] } })
  await same({ discover: { target: { id: 5 }, context: pairs } }, { discover: { target: 5, context: [pair] } })
  await same({ context: pairs }, { context: pair })
  const { points: ordered } = await collection.query({ orderBy: { key: 'n', direction: 'desc', startFrom: 7 } }, exact)
  expect(ordered.map(({ orderValue }) => orderValue)).toEqual([7, 7, 7, 6])
  expect((await collection.query({ sample: 'random' }, { ...exact, filter: odd })).points).toHaveLength(4)
  const { groups, report } = await collection.queryGroups(vector, { ...exact, groupBy: 'kind', groupSize: 2 })
  expect(groups.map(({ hits }) => hits.length)).toEqual([2, 2, 2, 2])
  expect(report.exact).toBe(true)
  expect(await collection.facet('even')).toEqual([
    { value: false, count: POINTS / 2 },
    { value: true, count: POINTS / 2 },
  ])
})

it('a batch may mix queries of all kinds, and each is answered as it is alone', async () => {
  const searches = [
    { query: vectorOf(5), limit: 3 },
    { query: { recommend: { positive: [1, 2], strategy: 'best_score' } }, filter: odd, limit: 4 },
    { query: { order_by: 'n' }, limit: 2 },
    { query: { discover: { target: 4, context: { positive: 6, negative: 7 } } }, with_vector: true },
    { query: { nearest: 8, mmr: { candidates_limit: 20 } }, limit: 5, offset: 2, with_payload: true },
    { limit: 2 },
  ].map((body) => ({ params: { exact: true }, ...body }))
  const answers = await post<{ points: Hit[] }[]>('/points/query/batch', { searches })
  for (const [i, body] of searches.entries()) expect(answers[i]?.points).toEqual(await query(body))
  const recommended = [{ positive: [1], strategy: 'best_score' }, { positive: [2] }]
  expect(await post<Hit[][]>('/points/recommend/batch', { searches: recommended })).toHaveLength(2)
  expect(await post<Hit[][]>('/points/discover/batch', { searches: [{ target: 1 }] })).toHaveLength(1)
})

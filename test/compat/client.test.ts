/** Our own client against a real server. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConflictError, MaksDB, NetworkError, RequestError } from '../../client/src/index.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
let db: MaksDB
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
  db = cluster.client
})
afterAll(() => cluster.close())

interface Film extends Record<string, unknown> {
  title: string
  year: number
}

describe('@maksdb/client', () => {
  it('the prototype: ten adds, each a promise of its id, become few requests', async () => {
    const vectors = await db.createCollection('ten', { dimension: 4 })
    const before = await requests()
    const results = await Promise.all(Array.from({ length: 10 }, (_, i) => vectors.add([i, 0, 0, 1])))
    expect(new Set(results).size).toBe(10)
    expect(await vectors.count()).toBe(10)
    const sent = (await requests()) - before
    // Counted at all: a metric that is absent would count nothing.
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThanOrEqual(4)
    expect(await vectors.add([1, 2, 3, 4], { id: 7, payload: { own: true } })).toBe(7)
    await expect(vectors.add([1])).rejects.toBeInstanceOf(RequestError)
  })

  async function requests(): Promise<number> {
    const text = (await cluster.fetch('GET', '/metrics')).raw
    return [
      ...text.matchAll(/^maksdb_http_request_seconds_count\{[^}]*collections\/:c\/points",[^}]*\} (\d+)$/gm),
    ].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  it('has plain vectors also of a collection that another client made with a name for its vector', async () => {
    const made = { vectors: { text: { size: 2, distance: 'Dot' } } }
    expect((await cluster.fetch('PUT', '/collections/named', made)).status).toBe(200)
    const named = db.collection('named')
    await named.upsert([{ id: 1, vector: [1, 2] }])
    const vectors = [
      ...(await named.get([1], { withVector: true })),
      ...(await named.query([1, 0], { withVector: true })).points,
      ...(await Array.fromAsync(named.scroll({ withVector: true }))),
    ].map(({ vector }) => vector)
    expect(vectors).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
    expect((await named.get([1]))[0]).not.toHaveProperty('vector')
  })

  it('typed payloads, queries with their report, conditional writes', async () => {
    const films = await db.createCollection<Film>('films', { dimension: 2, distance: 'Cosine' })
    const { version } = await films.upsert([
      { id: 'a1', vector: Float32Array.of(1, 0), payload: { title: 'Solaris', year: 1972 } },
    ])
    await films.upsert([{ id: 'a2', vector: [0.6, 0.8], payload: { title: 'Stalker', year: 1979 } }])
    const { points, report } = await films.query([1, 0], { limit: 1 })
    expect(points[0]?.payload.title).toBe('Solaris')
    expect(report).toMatchObject({ exact: true, probed: 1, cells: 1 })
    await films.upsert([{ id: 'a1', vector: [1, 0], payload: { title: 'Solaris', year: 2002 } }], {
      ifVersion: version,
    })
    await expect(films.upsert([{ id: 'a1', vector: [1, 0] }], { ifVersion: version })).rejects.toBeInstanceOf(
      ConflictError,
    )
    await films.delete(['a1'])
    expect((await films.get(['a1', 'a2'])).map(({ payload }) => payload.title)).toEqual(['Stalker'])
  })

  it('ingest takes any iterable and tells how it goes; scroll gives it all back in order', async () => {
    const many = await db.createCollection<{ n: number }>('many', { dimension: 2 })
    async function* source() {
      for (let n = 0; n < 1000; n++) yield { id: n, vector: [n, 1], payload: { n } }
    }
    const seen: number[] = []
    const report = await many.ingest(source(), { batch: 128, onProgress: ({ points }) => seen.push(points) })
    expect(report).toMatchObject({ points: 1000, batches: 8 })
    expect(seen.at(-1)).toBe(1000)
    let expected = 0
    for await (const { id, payload } of many.scroll({ batch: 77 })) {
      expect([id, payload.n]).toEqual([expected, expected])
      expected++
    }
    expect(expected).toBe(1000)
    await expect(many.ingest([{ id: 1, vector: [1] }])).rejects.toBeInstanceOf(RequestError)
  })

  it('errors say whether to try again, and what to do', async () => {
    const error = await db
      .collection('absent')
      .count()
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
      retriable: false,
      hint: expect.any(String) as string,
      requestId: expect.any(String) as string,
    })
    const away = new MaksDB({ url: 'http://127.0.0.1:9', timeoutMs: 300 })
    await expect(away.collections()).rejects.toBeInstanceOf(NetworkError)
    await expect(db.collection('films').query([1, 0], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

/** Reads of a session and bounded ones: from any replica, never older than promised, and without Redis. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
  await cluster.settled()
})
afterAll(() => cluster.close())

const read = (id: number, headers: Record<string, string>) =>
  cluster.fetch('POST', '/collections/things/points', { ids: [id], with_payload: true }, headers)
const payloads = (answer: { json: { result?: unknown } }) =>
  (answer.json.result as { payload: { n: number } }[]).map(({ payload }) => payload.n)

describe('a session', () => {
  it('sees what it wrote and deleted, at once and on every replica, in each kind of read', async () => {
    const session = cluster.collection.session()
    for (let n = 1; n <= 60; n++) {
      // From one cell to the other and back: the state that is read must be one of both.
      const vector = n % 2 ? [9, 9] : [-9, -9]
      await session.upsert([{ id: 1, vector, payload: { n } }])
      expect(
        (await session.get([1])).map(({ payload }) => payload),
        `after write ${n}`,
      ).toEqual([{ n }])
      const { points, report } = await session.query(vector, { limit: 1, exact: true })
      expect([points[0]?.payload, report.consistency]).toEqual([{ n }, 'session'])
      if (n % 10 !== 0) continue
      await session.delete([1])
      expect([await session.get([1]), await session.count()]).toEqual([[], 0])
    }
  })

  it('sees a delete of what was already gone, through another session that still saw it', async () => {
    await cluster.collection.upsert([{ id: 2, vector: [1, 1], payload: { n: 1 } }])
    for (let i = 0; i < 20; i++) {
      const session = cluster.collection.session()
      await cluster.collection.upsert([{ id: 2, vector: [1, 1], payload: { n: i } }])
      await cluster.collection.delete([2])
      await session.delete([2])
      expect(await session.get([2])).toEqual([])
    }
  })

  it('never goes back, whoever writes', async () => {
    const session = cluster.collection.session()
    const life = { writing: true }
    const writer = (async () => {
      for (let n = 1; life.writing; n++)
        await cluster.collection.upsert([{ id: 3, vector: n % 2 ? [9, 9] : [-9, -9], payload: { n } }])
    })()
    let last = 0
    for (let i = 0; i < 150; i++) {
      const [point] = await session.get([3])
      const n = (point?.payload as { n: number } | undefined)?.n ?? 0
      expect(n).toBeGreaterThanOrEqual(last)
      last = n
      await sleep(5)
    }
    life.writing = false
    await writer
    expect(last).toBeGreaterThan(10)
  })

  it('takes its token from an answer and refuses one that the collection cannot have given', async () => {
    const written = await cluster.fetch('PUT', '/collections/things/points?wait=true', {
      points: [{ id: 4, vector: [1, 1], payload: { n: 7 } }],
    })
    const token = String(written.json.maksdb?.token)
    expect(token).toMatch(/^s1\.0\.\d+$/)
    const answer = await read(4, { 'maksdb-token': token })
    expect([payloads(answer), answer.json.maksdb?.consistency]).toEqual([[7], 'session'])
    const reset = await read(4, { 'maksdb-token': 's1.0.999999999' })
    expect([reset.status, reset.json.maksdb?.code]).toEqual([409, 'SESSION_RESET'])
    expect((await read(4, { 'maksdb-token': 's1.1.1' })).json.maksdb?.code).toBe('SESSION_RESET')
  })
})

describe('while Redis does not answer', () => {
  it('sessions go on with what they have seen, bounded reads until their bound, and strong ones wait', async () => {
    const written = await cluster.fetch('PUT', '/collections/things/points?wait=true', {
      points: [{ id: 5, vector: [1, 1], payload: { n: 9 } }],
    })
    const token = String(written.json.maksdb?.token)
    // The router hears of the state of all cells twice a second.
    await sleep(1200)
    const redis = await cluster.find({ kind: 'redis' })
    process.kill(redis.pid, 'SIGSTOP')
    try {
      const session = await read(5, { 'maksdb-token': token })
      expect([session.status, payloads(session)]).toEqual([200, [9]])
      const bounded = await read(5, { 'maksdb-consistency': 'bounded' })
      expect([bounded.status, bounded.json.maksdb?.consistency, payloads(bounded)]).toEqual([200, 'bounded', [9]])
      const late = await read(5, { 'maksdb-consistency': 'bounded', 'maksdb-max-staleness-ms': '0' })
      const strong = await read(5, { 'maksdb-consistency': 'strong' })
      expect([late.json.maksdb?.code, strong.json.maksdb?.code]).toEqual(['REDIS_UNAVAILABLE', 'REDIS_UNAVAILABLE'])
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
  })
})

/** A refusal that says "again" is true: on a system that is idle the very same request succeeds when it is sent again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestCluster } from '../support/cluster.ts'

const POINTS = '/collections/things/points'
const { WRITE_POINTS_MAX, RETRIEVE_IDS_MAX, PAYLOAD_BYTES_MAX } = LIMITS

let cluster: TestCluster
beforeAll(async () => {
  // 20 MiB of memory are 16 MiB of log: less than the points of a few large requests.
  cluster = await TestCluster.start({
    spec: {
      dimension: 2,
      clusters: 1,
      replicas: 1,
      centroids: { source: 'Random', seed: 1 },
      redis: { managed: { storage: { size: '60Mi' } } },
    },
  })
})
afterAll(() => cluster.close())

const ids = (count: number) => Array.from({ length: count }, (_, id) => id)
const upsertOf = (count: number, payload?: object) => ({
  points: ids(count).map((id) => ({ id, vector: [id, 1], ...(payload ? { payload } : {}) })),
})

/**
 * Sends a request until it is not refused as retriable any more, as a client would, and returns its last answer. A slow
 * machine may apply a part of a write and find no room for the rest in time; then the hint says that an upsert may be repeated.
 */
async function retried(method: string, path: string, body: unknown, tries: number) {
  const text = JSON.stringify(body)
  for (let sent = 1; ; sent++) {
    const answer = await cluster.fetch(method, path, text)
    const { retriable, code } = answer.json?.maksdb ?? {}
    if ((retriable !== true && code !== 'UNKNOWN_OUTCOME') || sent === tries) return { ...answer, sent }
    await sleep(1000 * Number(answer.headers.get('retry-after') ?? 1))
  }
}

const refusal = (answer: { status: number; json: { status?: unknown; maksdb?: Record<string, unknown> } }) => ({
  status: answer.status,
  retriable: answer.json.maksdb?.retriable,
  error: (answer.json.status as { error: string }).error,
})

describe('a request that is the only one', () => {
  it('is taken up to the number of points that the limit names, and 413 beyond it', async () => {
    const most = WRITE_POINTS_MAX.value
    const taken = await retried('PUT', `${POINTS}?wait=true`, upsertOf(most), 1)
    expect(taken.status, taken.raw).toBe(200)
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(most)
    for (const [method, path, body] of [
      ['PUT', POINTS, upsertOf(most + 1)],
      ['PUT', POINTS, { batch: { ids: ids(most + 1), vectors: ids(most + 1).map((id) => [id, 1]) } }],
      ['POST', `${POINTS}/delete`, { points: ids(most + 1) }],
    ] as const) {
      expect(refusal(await cluster.fetch(method, path, body))).toEqual({
        status: 413,
        retriable: false,
        error: expect.stringContaining('WRITE_POINTS_MAX'),
      })
    }
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(most)
    const removed = await retried('POST', `${POINTS}/delete?wait=true`, { points: ids(most) }, 1)
    expect(removed.status, removed.raw).toBe(200)
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(0)
  })

  it('is refused by the name of the limit where ids or a payload are beyond it', async () => {
    expect(refusal(await cluster.fetch('POST', POINTS, { ids: ids(RETRIEVE_IDS_MAX.value + 1) }))).toEqual({
      status: 413,
      retriable: false,
      error: expect.stringContaining('RETRIEVE_IDS_MAX'),
    })
    const text = 'x'.repeat(PAYLOAD_BYTES_MAX.value)
    expect(refusal(await cluster.fetch('PUT', POINTS, upsertOf(1, { text })))).toEqual({
      status: 413,
      retriable: false,
      error: expect.stringContaining('PAYLOAD_BYTES_MAX'),
    })
  })

  it('succeeds when it is sent again after a log that was full, if that was called retriable', async () => {
    const body = upsertOf(16, { text: 'x'.repeat(250_000) })
    const sent: number[] = []
    for (let round = 0; round < 12; round++) {
      const answer = await retried('PUT', `${POINTS}?wait=true`, body, 30)
      expect(answer.status, answer.raw).toBe(200)
      sent.push(answer.sent)
    }
    console.log(`requests of 4 MB into a log of 16 MiB were sent so often until taken: ${sent.join(' ')}`)
  })
})

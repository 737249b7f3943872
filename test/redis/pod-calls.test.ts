/** The calls of a pod on a real Redis: which reads it answers as the primary, and which rows a read at a cut has. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MaksError } from '../../core/errors.ts'
import { type CountResponse, type ReadScope, RPC } from '../../protocol/shard-rpc.ts'
import { callWithin } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import { closeServer, listen } from '../../runtime/http-server.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { makeShardServer } from '../../shard-server/serve/server.ts'
import { readCut } from '../../store/topology.ts'
import { LogHarness, type PlayedPod, remove, upsert } from '../support/log-harness.ts'
import { PodInProcess } from '../support/pod-in-process.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
let pod: PodInProcess
let server: ReturnType<typeof makeShardServer>
let url: string
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())
beforeEach(async () => {
  h = new LogHarness(redis.client, 1)
  await h.create()
  pod = new PodInProcess({ collection: h.name, cells: 1, redisUrl: redis.url })
  // Neither moves nor snapshots are asked for here.
  server = makeShardServer(pod as unknown as Parameters<typeof makeShardServer>[0])
  url = `http://127.0.0.1:${await listen(server, '127.0.0.1', 0, false)}`
})
afterEach(async () => {
  await closeServer(server, 0)
  await pod.close()
})

/** The number of points, or the refusal. */
async function count(scope: ReadScope, timeoutMs = 5000): Promise<number | string> {
  const call = callWithin(timeoutMs)
  return callFrame<CountResponse>({ url: `${url}${RPC.count}`, token: 'token', header: { scope }, call }).then(
    ({ header }) => header.count,
    (error: unknown) => (error as MaksError).code,
  )
}

async function cut(): Promise<NonNullable<ReadScope['cut']>> {
  const read = await readCut(redis.client, { namespace: 'test', name: h.name, clusters: 1 }, [])
  if (!read) throw new Error('the gate is closed')
  const [head] = read.heads
  return { version: read.version, seq: head?.seq ?? 0, epoch: head?.epoch ?? 0, timeline: read.timeline }
}

describe('a read that only a primary may answer', () => {
  it('is refused by a pod that follows, and answered by one that leads (S4)', async () => {
    await pod.follow()
    expect(await count({ primary: true })).toBe('NOT_PRIMARY')
    expect(await count({ primary: false })).toBe(0)
    void pod.election.run()
    await until('the pod to lead', async () => pod.election.leads())
    expect(await count({ primary: true })).toBe(0)
  })

  it('is refused if the lead ends between the reading and the answer (S4)', async () => {
    await pod.lead()
    const { index } = pod.pod
    const call = index.call.bind(index)
    index.call = async (name, ...rest) => {
      const answer = await call(name, ...rest)
      if (name === 'count') await pod.election.close()
      return answer
    }
    expect(await count({ primary: true })).toBe('NOT_PRIMARY')
  })
})

describe('a read at a cut', () => {
  let primary: PlayedPod
  beforeEach(async () => {
    primary = await h.lead(0, '0/1')
    await pod.follow()
  })

  it('has the rows of its version, whatever was written and deleted later (S5)', async () => {
    await h.commit(primary, [upsert(1, 0), upsert(2, 0)])
    const at = await cut()
    await h.commit(primary, [upsert(3, 0), upsert(1, 0)])
    await h.commit(primary, [remove(2)])
    const { seq } = await cut()
    await until('the replay', async () => pod.replica.tip.position.seq >= seq)
    expect(await count({ primary: false, cut: at })).toBe(2)
    expect(await count({ primary: false, cut: await cut() })).toBe(2)
    await h.commit(primary, [remove(1), remove(3)])
    expect(await count({ primary: false, cut: at })).toBe(2)
    expect(await count({ primary: false, cut: await cut() })).toBe(0)
  })

  it('is answered after the pod has reached the head of the cut, and refused on another timeline (S5)', async () => {
    const release = pod.holdApply()
    await h.commit(primary, [upsert(1, 0)])
    const at = await cut()
    expect(await count({ primary: false })).toBe(0)
    const answer = count({ primary: false, cut: at })
    expect(await Promise.race([answer, sleep(300)])).toBeUndefined()
    release()
    expect(await answer).toBe(1)
    expect(await count({ primary: false, cut: { ...at, timeline: at.timeline + 1 } })).toBe('STALE')
  })
})

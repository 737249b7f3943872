/** The migration scan of a pod on a real Redis, beside a primary of the other cell that is played. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { bytesOf } from '../../core/vector.ts'
import { type Heartbeat, RPC } from '../../protocol/shard-rpc.ts'
import { closeServer, listen } from '../../runtime/http-server.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { HeartbeatLoop } from '../../shard-server/log/heartbeat.ts'
import { makeShardServer } from '../../shard-server/serve/server.ts'
import { Rebalancer } from '../../shard-server/upkeep/rebalancer.ts'
import { LogHarness, upsert } from '../support/log-harness.ts'
import { PlayedShard } from '../support/played-shards.ts'
import { PodInProcess } from '../support/pod-in-process.ts'
import { TestRedis } from '../support/redis.ts'

const LOCALHOST = '127.0.0.1'
const KEY = idKey(1)
let redis: TestRedis
let h: LogHarness
let pod: PodInProcess
beforeEach(async () => {
  redis = await TestRedis.start()
  h = new LogHarness(redis.client, 2)
  await h.create()
  pod = new PodInProcess({ collection: h.name, cells: 2, redisUrl: redis.url })
})
afterEach(async () => {
  await pod.close()
  await redis.close()
})

it('a source row is dropped only after the primary of the new cell has applied the move (L9)', async () => {
  const applied = Promise.withResolvers<{ header: object }>()
  const target = new PlayedShard('1/0', () => applied.promise)
  await target.listen()
  const beat = { pod: '1/0', cell: 1, ordinal: 0, address: LOCALHOST, port: target.port, applied: '0-0' } as Heartbeat
  await h.cell(1).heartbeat(redis.client, beat)
  await h.lead(1)
  const ports = { port: 0, adminPort: 0 }
  const heartbeat = new HeartbeatLoop(pod.pod, pod.replica, ports)
  const rebalancer = new Rebalancer(pod.pod, pod.replica, pod.election, heartbeat, pod.committer, pod.admission)
  // No part of it takes snapshots or searches here.
  const server = makeShardServer(Object.assign(pod, { rebalancer }) as unknown as Parameters<typeof makeShardServer>[0])
  ports.port = await listen(server, LOCALHOST, 0, false)

  await pod.lead()
  const { committer, election } = pod
  await committer.commit([upsert(1, 0, '"a"')])
  const centroids = bytesOf(Float32Array.of(9, 9, 1, 1))
  expect((await pod.pod.log.publish(redis.client, election.lead as never, 0, centroids))[0]).toBe('OK')
  void heartbeat.run()
  void rebalancer.run()
  await until('the move', async () => (await h.directory(KEY))?.owner === '1')
  await until('the question whether it is applied', async () => target.of(RPC.wait).length > 0)
  const moved = (await h.end(1)).position.seq
  expect(target.of(RPC.wait)[0]?.header).toMatchObject({ seq: moved })
  await sleep(500)
  expect((await h.fold(0)).get(KEY)?.flag).toBe('l')

  applied.resolve({ header: {} })
  await until('the drop', async () => (await h.directory(KEY))?.source === '')
  expect((await h.fold(0)).has(KEY)).toBe(false)
  expect((await h.fold(1)).get(KEY)).toMatchObject({ flag: 'o', payload: '"a"' })
  await until('the end of the scan', async () => (await h.entries(0)).some(({ type }) => type === 'W'))
  rebalancer.close()
  heartbeat.close()
  await Promise.all([closeServer(server, 0), target.close()])
})

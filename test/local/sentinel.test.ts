/** A real Sentinel fails over to a replica that had heard nothing for two seconds: the tail of every log is gone. */
import { afterEach, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestCluster } from '../support/cluster.ts'
import { SentinelRedis } from '../support/sentinel.ts'

const TAIL_MS = 2000
/** An id that is written when all is well again. */
const LATER = 1_000_000

let cluster: TestCluster | undefined
let redis: SentinelRedis | undefined
afterEach(async () => {
  await cluster?.close()
  await redis?.close()
  cluster = undefined
  redis = undefined
})

const points = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: [Math.sin(from + i), Math.cos(from + i)],
    payload: { n: from + i },
  }))

describe('after a failover by Sentinel that lost two seconds of acknowledged writes', () => {
  it.each([
    ['in a settled collection', { clusters: 2, centroids: { source: 'Random', seed: 1 } }, 300],
    [
      'while points move to trained cells',
      { clusters: 4, centroids: { source: 'Dynamic', sampleSize: 3000, seed: 1 } },
      6000,
    ],
  ])('the shards bring them back, %s', async (_where, spec, before) => {
    redis = await SentinelRedis.start()
    cluster = await TestCluster.start({
      spec: {
        dimension: 2,
        replicas: 2,
        ...spec,
        redis: { external: { urlSecretRef: { name: 'redis', key: 'url' } } },
      },
      documents: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'redis' }, stringData: { url: redis.url } }],
    })
    if (before < 1000) await cluster.settled()
    await cluster.collection.upsert(points(0, before))

    redis.cutReplication()
    const cut = performance.now()
    const expected = new Set<unknown>(points(0, before).map(({ id }) => id))
    for (let batch = 0; performance.now() - cut < TAIL_MS; batch++) {
      const added = points(before + 10 * batch, 10)
      await cluster.collection.upsert(added)
      for (const { id } of added) expected.add(id)
      await cluster.collection.delete([batch])
      expected.delete(batch)
      await sleep(20)
    }
    await redis.failOver()

    expect(await cluster.repaired()).toMatchObject({ lost: '', lostIds: [], points: expected.size })
    await cluster.writable(points(LATER, 1))
    expected.add(LATER)
    await cluster.settled()
    expect(await cluster.collection.count({ consistency: 'strong' })).toBe(expected.size)
    const seen = new Set<unknown>()
    for await (const { id } of cluster.collection.scroll()) seen.add(id)
    expect(seen).toEqual(expected)
  })
})

/** New images and new resources under load: no read fails, no write is lost, the primary goes last after a hand-over. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Kubernetes, rest } from '../support/kubernetes.ts'
import { Load } from '../support/load.ts'
import { nameAgain } from './cluster.ts'

const CENTRES = [
  [1, 0],
  [-1, 0],
]
const k = new Kubernetes('rollout')
const spec = { dimension: 2, clusters: 2, replicas: 2, centroids: {}, storage: { size: '1Gi' } }

const restarted = { 'maksdb.io/restarted-at': 'now' }

beforeAll(async () => {
  await k.start()
  spec.centroids = await k.supplied(CENTRES)
  await k.apply('films', spec)
  await k.settled('films')
})

afterAll(() => k.stop())

async function uids(selector: string): Promise<Record<string, string>> {
  const pods = await k.pods(selector)
  return Object.fromEntries(pods.map(({ metadata }) => [metadata.name, metadata.uid ?? '']))
}

async function underLoad(change: () => Promise<unknown>, firstId: number) {
  const load = new Load(await k.endpoint('films'), 'films', CENTRES, firstId)
  await k.until('some writes', 30_000, async () => (load.acknowledged > 100 ? true : undefined))
  await change()
  await k.settled('films')
  const before = load.acknowledged
  await k.until('more writes', 30_000, async () => (load.acknowledged > before + 100 ? true : undefined))
  return load.end()
}

/** An annotation is no new generation: that the operator has seen it shows only when it begins. */
async function restartAll(): Promise<void> {
  await k.apply('films', spec, restarted)
  await k.until('the rollout to begin', 30_000, async () => {
    const { conditions = [] } = await k.status('films')
    return conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'RollingOut') || undefined
  })
}

describe('under load', () => {
  it('new resources replace every shard pod, one at a time, without a failed read or a lost write', async () => {
    const before = await uids('app.kubernetes.io/component=shard')
    const report = await underLoad(() => k.apply('films', { ...spec, resources: { requests: { cpu: '10m' } } }), 0)
    const after = await uids('app.kubernetes.io/component=shard')
    console.log(`rolling new resources: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`)
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort())
    for (const [name, uid] of Object.entries(after)) expect(uid).not.toBe(before[name])
    expect(report.failedReads).toEqual([])
    expect(report.lost).toEqual([])
    const story = await k.kubectl('describe', 'vc', 'films')
    expect(story).toMatch(/HandOver .*films-shard-\d-\d hands over to \d\/\d: it will be replaced: resources/)
    expect(story).toContain('all objects match the manifest')
  })

  it.skipIf(!inject('cluster').own)(
    'a new image replaces shards and routers, without a failed read or a lost write',
    async () => {
      const image = await nameAgain(k.image)
      const report = await underLoad(() => k.apply('films', { ...spec, image }), 5e5)
      console.log(`rolling a new image: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`)
      expect(report.failedReads).toEqual([])
      expect(report.lost).toEqual([])
      expect((await k.status('films')).image).toBe(image)
      const pods = await k.pods('maksdb.io/cluster=films')
      const images = pods.flatMap(({ spec: pod }) =>
        (pod as { containers: { image: string }[] }).containers.map((one) => one.image),
      )
      expect(new Set(images)).toEqual(new Set([image]))
      // Without a word in the manifest the image stays.
      await k.apply('films', spec)
      await k.settled('films')
      expect((await k.status('films')).image).toBe(image)
    },
  )

  it('a restart that is asked for by annotation replaces every pod, Redis last', async () => {
    const before = await uids('maksdb.io/cluster=films')
    const report = await underLoad(restartAll, 1e6)
    const after = await uids('maksdb.io/cluster=films')
    console.log(`replacing every pod: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`)
    expect(Object.values(after).filter((uid) => Object.values(before).includes(uid))).toEqual([])
    expect(report.failedReads).toEqual([])
    expect(report.lost).toEqual([])
  })

  it('a shard grows to three pods and shrinks to one, whoever leads, without a restart of those that stay', async () => {
    const before = await uids('app.kubernetes.io/component=shard')
    const grown = await underLoad(() => k.apply('films', { ...spec, replicas: 3 }, restarted), 2e6)
    expect(Object.keys(await uids('app.kubernetes.io/component=shard'))).toHaveLength(6)
    const shrunk = await underLoad(() => k.apply('films', { ...spec, replicas: 1 }, restarted), 3e6)
    const after = await uids('app.kubernetes.io/component=shard')
    console.log(
      `scaling: ${JSON.stringify([grown, shrunk].map((one) => ({ ...one, failedReads: one.failedReads.length })))}`,
    )
    expect(Object.keys(after).sort()).toEqual(['films-shard-0-0', 'films-shard-1-0'])
    for (const [name, uid] of Object.entries(after)) expect(uid).toBe(before[name])
    for (const report of [grown, shrunk]) {
      expect(report.failedReads).toEqual([])
      expect(report.lost).toEqual([])
    }
    // Pods that left are members no more: no router asks them, and the log is cut without them.
    await k.until('the members to be those that stay', 30_000, async () => {
      const { cells } = await rest<{ cells: { pods: { pod: string }[] }[] }>(
        await k.endpoint('films'),
        'GET',
        '/v1/collections/films/topology',
      )
      const members = cells.flatMap(({ pods }) => pods.map(({ pod }) => pod)).sort()
      return members.join() === '0/0,1/0' ? true : undefined
    })
    expect(Number(await k.kubectl('get', 'vc', 'films', '-o', 'jsonpath={.status.replicas}'))).toBe(1)
  })
})

it('volumes grow while pods stay', async () => {
  const before = await uids('app.kubernetes.io/component=shard')
  await k.apply('films', { ...spec, replicas: 1, storage: { size: '2Gi' } }, restarted)
  await k.until('the claims to ask for more', 60_000, async () => {
    const claims = await k.claims('app.kubernetes.io/component=shard,maksdb.io/cell=0')
    const asked = claims.map(
      ({ spec: claim }) => (claim as { resources: { requests: { storage: string } } }).resources.requests.storage,
    )
    return asked.length > 0 && asked.every((size) => size === '2Gi') ? true : undefined
  })
  await k.until('the set to ask for more', 60_000, async () => {
    const size = await k.kubectl(
      'get',
      'statefulset',
      'films-shard-0',
      '-o',
      'jsonpath={.spec.volumeClaimTemplates[0].spec.resources.requests.storage}',
    )
    return size === '2Gi' ? true : undefined
  })
  // Claims that ask are no storage that has grown.
  if (inject('cluster').own) {
    await k.until('the operator to wait for the storage', 30_000, async () => {
      const { conditions = [] } = await k.status('films')
      const { message = '' } = conditions.find(({ reason }) => reason === 'GrowingVolumes') ?? {}
      return message.includes('has not grown to the size of its claim yet') || undefined
    })
    await growVolumes('2Gi')
  }
  await k.settled('films')
  expect(await uids('app.kubernetes.io/component=shard')).toEqual(before)
})

/** The provisioner of the tests' own cluster grows nothing; what a resizer would write is written here. */
async function growVolumes(storage: string): Promise<void> {
  const patch = JSON.stringify({ status: { capacity: { storage } } })
  for (const { metadata } of await k.claims('app.kubernetes.io/component=shard'))
    await k.kubectl('patch', 'pvc', metadata.name, '--subresource=status', '--type=merge', '-p', patch)
}

it('a new operator restarts no pod', async () => {
  const before = await uids('maksdb.io/cluster=films')
  const operator = new Kubernetes('maksdb-system')
  // Another image by name, for new clusters: those that run keep theirs.
  await operator.kubectl('set', 'env', 'deployment/maksdb-operator', 'MAKSDB_IMAGE=maksdb:of-tomorrow')
  await operator.kubectl('rollout', 'status', 'deployment/maksdb-operator', '--timeout=120s')
  await k.apply('films', { ...spec, replicas: 1, storage: { size: '2Gi' }, search: { recallTarget: 0.9 } }, restarted)
  await k.settled('films')
  expect(await uids('maksdb.io/cluster=films')).toEqual(before)
  await operator.kubectl('set', 'env', 'deployment/maksdb-operator', `MAKSDB_IMAGE=${k.image}`)
  await operator.kubectl('rollout', 'status', 'deployment/maksdb-operator', '--timeout=120s')
  await operator.client.connection.close()
})

it('a change of the number of clusters is answered in a condition and an event', async () => {
  const now = { ...spec, replicas: 1, storage: { size: '2Gi' }, search: { recallTarget: 0.9 } }
  await k.apply('films', { ...now, clusters: 3 }, restarted)
  await k.until('the condition', 30_000, async () => {
    const { conditions = [] } = await k.status('films')
    return (
      conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'ReclusteringUnsupported') || undefined
    )
  })
  expect(await k.pods('maksdb.io/cell=2')).toEqual([])
  await k.apply('films', now, restarted)
  const { conditions = [] } = await k.settled('films')
  expect(conditions.find(({ type }) => type === 'Progressing')?.reason).toBe('Settled')
})

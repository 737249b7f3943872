/** Any pod may go at any time: the cluster comes back by itself, and nothing acknowledged is lost. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { PODS, VOLUME_CLAIMS } from '../../../operator/resources.ts'
import { Kubernetes, rest } from '../support/kubernetes.ts'
import { Load } from '../support/load.ts'
import { killContainer } from './cluster.ts'

const CENTRES = [
  [1, 0],
  [-1, 0],
]
const k = new Kubernetes('heal')
const operator = new Kubernetes('maksdb-system')

beforeAll(async () => {
  await k.start()
  const centroids = await k.supplied(CENTRES)
  await k.apply('films', { dimension: 2, clusters: 2, replicas: 2, centroids })
  await k.settled('films')
})

afterAll(() => k.stop())

async function primaryOf(cell: number): Promise<string> {
  const { shards = [] } = await k.status('films')
  return shards[cell]?.primary ?? ''
}

async function podNamed(name: string) {
  return k.client.get(PODS, { namespace: k.namespace, name })
}

describe('a pod that is deleted under load', () => {
  const victims: [string, () => Promise<string>][] = [
    ['the primary of a shard', () => primaryOf(0)],
    ['a replica', async () => ((await primaryOf(1)) === 'films-shard-1-0' ? 'films-shard-1-1' : 'films-shard-1-0')],
    ['a router', async () => (await k.pods('app.kubernetes.io/component=router'))[0]?.metadata.name ?? ''],
    ['Redis', () => Promise.resolve('films-redis-0')],
  ]
  it.each(victims)('%s: Ready again, nothing acknowledged is lost', async (what, victim) => {
    const load = new Load(await k.endpoint('films'), 'films', CENTRES, Math.floor(Math.random() * 1e9))
    await k.until('some writes', 30_000, async () => (load.acknowledged > 50 ? true : undefined))
    const pod = await podNamed(await victim())
    // What clients keep connections to needs its time to say so; the rest may vanish.
    await k.client.delete(PODS, pod, what === 'a router' ? {} : { gracePeriodSeconds: 0 })
    await k.until('the pod to be replaced', 120_000, async () => {
      const now = await podNamed(pod.metadata.name).catch(() => undefined)
      return now?.metadata.uid === pod.metadata.uid ? undefined : true
    })
    await k.settled('films')
    const before = load.acknowledged
    await k.until('more writes', 30_000, async () => (load.acknowledged > before + 50 ? true : undefined))
    const report = await load.end()
    console.log(
      `${pod.metadata.name} deleted: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`,
    )
    expect(report.lost).toEqual([])
    expect(report.failedReads).toEqual([])
  })

  it('the operator: another process goes on, and what happened meanwhile is repaired', async () => {
    const [pod] = await operator.pods('app.kubernetes.io/component=operator')
    if (!pod) throw new Error('there is no operator')
    await operator.client.delete(PODS, pod, { gracePeriodSeconds: 0 })
    await k.kubectl('delete', 'statefulset', 'films-shard-1', '--cascade=orphan')
    await k.until('the StatefulSet to be created again', 60_000, () => k.kubectl('get', 'statefulset', 'films-shard-1'))
    await k.settled('films')
  })
})

it.skipIf(!inject('cluster').own)(
  'a shard process that is killed gives its lead away before its lease runs out',
  async () => {
    const name = await primaryOf(0)
    const load = new Load(await k.endpoint('films'), 'films', CENTRES, 2e9)
    await k.until('some writes', 30_000, async () => (load.acknowledged > 50 ? true : undefined))
    killContainer(name)
    await k.until('another primary', 30_000, async () => ((await primaryOf(0)) === name ? undefined : true))
    await k.settled('films')
    const report = await load.end()
    console.log(`process of ${name} killed: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`)
    expect(report.lost).toEqual([])
    expect(report.failedReads).toEqual([])
  },
)

async function fill(at: { url: string; apiKey: string }, count: number): Promise<void> {
  const BATCH = 1000
  for (let from = 0; from < count; from += BATCH) {
    const points = Array.from({ length: BATCH }, (_, i) => ({ id: 3e9 + from + i, vector: [from + i + 1, 1] }))
    await rest(at, 'PUT', '/collections/films/points?wait=true', { points })
  }
}

it('a replica whose volume is deleted copies from its peer', async () => {
  // So many entries that both pods have taken two snapshots and the log no longer goes back to its start.
  await fill(await k.endpoint('films'), 90_000)
  await k.until('the log to be cut', 60_000, async () => {
    const { cells } = await rest<{ cells: { trimmed_below: number }[] }>(
      await k.endpoint('films'),
      'GET',
      '/v1/collections/films/topology',
    )
    return (cells[0]?.trimmed_below ?? 0) > 0 ? true : undefined
  })
  const primary = await primaryOf(0)
  const replica = primary === 'films-shard-0-0' ? 'films-shard-0-1' : 'films-shard-0-0'
  const at = await k.endpoint('films')
  const { count } = await rest<{ count: number }>(at, 'POST', '/collections/films/points/count', { exact: true })
  const claim = await k.client.get(VOLUME_CLAIMS, { namespace: k.namespace, name: `data-${replica}` })
  await k.client.delete(VOLUME_CLAIMS, claim)
  await k.client.delete(PODS, await podNamed(replica))
  await k.until('a new volume', 120_000, async () => {
    const now = await k.client.get(VOLUME_CLAIMS, { namespace: k.namespace, name: `data-${replica}` })
    return now.metadata.uid === claim.metadata.uid ? undefined : true
  })
  await k.settled('films')
  expect(await k.kubectl('logs', replica)).toContain('copied a snapshot from a peer')
  // The copy is asked alone: the other pod goes.
  await k.client.delete(PODS, await podNamed(primary))
  await k.settled('films')
  const after = await rest<{ count: number }>(at, 'POST', '/collections/films/points/count', { exact: true })
  expect(after.count).toBe(count)
})

it('what somebody changes by hand is put right, and told', async () => {
  await k.kubectl('scale', 'statefulset', 'films-shard-0', '--replicas=1')
  await k.kubectl(
    'patch',
    'service',
    'films',
    '--type=merge',
    '-p',
    '{"spec":{"selector":{"maksdb.io/cluster":"other"}}}',
  )
  await k.settled('films')
  await k.until('two pods', 60_000, async () => ((await k.pods('maksdb.io/cell=0')).length === 2 ? true : undefined))
  // The status that was read may be of the moment before the operator saw the change.
  const selector = await k.until('the selector to be put right', 60_000, async () => {
    const text = await k.kubectl('get', 'service', 'films', '-o', 'jsonpath={.spec.selector}')
    return text.includes('other') ? undefined : text
  })
  expect(selector).toContain('films')
  await k.settled('films')
  expect(await k.kubectl('describe', 'vc', 'films')).toContain('DriftRepaired')
})

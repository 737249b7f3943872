/**
 * Two Kubernetes clusters, each with an operator and a VectorCluster of the same namespace and name, on one Redis: the second
 * is refused with both names and leaves everything as it is, in its life and at its end (rules L25 and O18).
 */
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MaksError } from '../../../core/errors.ts'
import { EventRecorder } from '../../../operator/kube/event-recorder.ts'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { pathOf } from '../../../operator/kube/objects.ts'
import { Reconciler } from '../../../operator/reconciler.ts'
import { OWNED, OWNED_SELECTOR, PODS, VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import { Caches } from '../../../operator/watch/caches.ts'
import { type CollectionConfig, collectionConfigSchema, identityOf } from '../../../protocol/env/config.ts'
import { lastWords } from '../../../protocol/env/last-words.ts'
import type { VectorClusterStatus } from '../../../protocol/manifest/vector-cluster-status.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Metrics } from '../../../runtime/metrics.ts'
import { until } from '../../../runtime/until.ts'
import { CellLog } from '../../../store/cell-log.ts'
import { START } from '../../support/log-harness.ts'
import { TestRedis } from '../../support/redis.ts'
import { ApiServer, namespace } from '../support/api-server.ts'
import { PlayedKubernetes } from '../support/played-kubernetes.ts'
import { CONFIG_MAPS } from '../support/resources.ts'

const AT = 'demo'
const NAME = 'films'
const KEY = `${AT}/${NAME}`
const CLAIM = { pod: '0/0', held: START, known: START, settled: true, version: 0, knownPods: 1, windowMs: 0, seen: 0 }

/** A Kubernetes cluster with an operator in this process. */
class Place {
  readonly server: ApiServer
  readonly client: KubeClient
  readonly #stop = new AbortController()
  readonly #reconciler: Reconciler
  readonly #played: PlayedKubernetes
  readonly #running: Promise<unknown>

  private constructor(server: ApiServer) {
    this.server = server
    this.client = server.client()
    const logger = pino({ level: 'silent' })
    const caches = new Caches(this.client, [AT], { onChange: () => {}, onRestart: () => {}, onMiss: () => {} })
    const events = new EventRecorder(this.client, 'maksdb.io/operator', 'test', logger)
    const settings = { image: 'maksdb:test', imagePullPolicy: 'Never' }
    const metrics = new Metrics('operator')
    const parts = { client: this.client, caches, events, settings, wake: () => {}, logger, metrics }
    this.#reconciler = new Reconciler(parts)
    this.#running = caches.run(this.#stop.signal)
    this.#played = new PlayedKubernetes(this.client, AT, false)
  }

  static async make(redisUrl: string): Promise<Place> {
    const server = await ApiServer.start()
    const client = server.client()
    await server.installCrd(client)
    await namespace(client, AT)
    const data = { url: Buffer.from(redisUrl).toString('base64') }
    const metadata = { name: 'shared', namespace: AT }
    await client.create(OWNED.Secret, { apiVersion: 'v1', kind: 'Secret', metadata, data })
    await client.connection.close()
    return new Place(server)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#reconciler.close()
    await this.client.connection.close()
    await this.server.stop()
  }

  apply(spec: object = {}, annotations: Record<string, string> = {}): Promise<KubeObject> {
    const { apiVersion, kind } = VECTOR_CLUSTERS
    const redis = { external: { urlSecretRef: { name: 'shared', key: 'url' } } }
    const metadata = { name: NAME, namespace: AT, annotations }
    return this.client.apply(
      VECTOR_CLUSTERS,
      { apiVersion, kind, metadata, spec: { dimension: 2, redis, ...spec } },
      't',
    )
  }

  async object(): Promise<KubeObject | undefined> {
    return this.client.get(VECTOR_CLUSTERS, { namespace: AT, name: NAME }).catch(() => undefined)
  }

  async status(): Promise<VectorClusterStatus> {
    return (await this.object())?.status ?? {}
  }

  async condition(type: string) {
    return (await this.status()).conditions?.find((one) => one.type === type)
  }

  /** Passes of the operator, and what Kubernetes does after each, until something holds. */
  operateUntil<T>(what: string, holds: () => Promise<T | undefined>): Promise<T> {
    return until(what, async () => {
      await this.#reconciler.reconcile(KEY, this.#stop.signal).catch(() => undefined)
      await this.#played.play()
      await sleep(50)
      return holds()
    })
  }

  /** Deletes the VectorCluster, and what the garbage collector would. */
  async remove(): Promise<void> {
    const object = await this.object()
    if (object) await this.client.delete(VECTOR_CLUSTERS, object)
    await this.operateUntil('the end', async () => {
      for (const pod of (await this.client.list(PODS, { namespace: AT, labelSelector: OWNED_SELECTOR })).items)
        await this.client.delete(PODS, pod)
      return (await this.object()) === undefined || undefined
    })
    for (const resource of Object.values(OWNED))
      for (const one of (await this.client.list(resource, { namespace: AT, labelSelector: OWNED_SELECTOR })).items)
        await this.client.delete(resource, one).catch(() => undefined)
  }

  /** What pods are told of whose they are. */
  async config(): Promise<CollectionConfig> {
    return this.operateUntil('the configuration', async () => {
      const uid = (await this.object())?.metadata.uid
      const map = await this.client.get(CONFIG_MAPS, { namespace: AT, name: `${NAME}-config` }).catch(() => undefined)
      const text = map?.data?.['collection.json']
      const config = text === undefined ? undefined : collectionConfigSchema.parse(JSON.parse(text))
      return config?.uid === uid ? config : undefined
    })
  }

  /** As the first pod of the VectorCluster does. */
  async claim(): Promise<string[]> {
    const config = await this.config()
    const { namespace: at, name, clusters } = config
    const log = new CellLog({ namespace: at, name, clusters, cell: 0, identity: identityOf(config) })
    return log.claim(redis.client, { ...CLAIM, token: 'r', process: '1' })
  }

  async retention(): Promise<unknown> {
    const set = await this.client.get(OWNED.StatefulSet, { namespace: AT, name: `${NAME}-shard-0` })
    return set.spec?.persistentVolumeClaimRetentionPolicy
  }

  async events(): Promise<string[]> {
    const { items } = await this.client.call<{ items: { reason: string }[] }>(
      'GET',
      `/apis/events.k8s.io/v1/namespaces/${AT}/events`,
    )
    return items.map(({ reason }) => reason)
  }
}

let redis: TestRedis
let first: Place
let second: Place
const everything = async () => {
  const keys = (await redis.client.keys('*')).sort()
  return Promise.all(
    keys.map(async (key) => {
      // A large hash keeps its fields in an order of its own, which may change while its content does not.
      if ((await redis.client.type(key)) === 'hash') return [key, await redis.client.hgetall(key)]
      return [key, (await redis.client.dumpBuffer(key))?.toString('base64')]
    }),
  )
}

beforeAll(async () => {
  redis = await TestRedis.start()
  first = await Place.make(redis.url)
  second = await Place.make(redis.url)
  await first.apply()
  expect((await first.claim())[0]).toBe('OPEN')
})
afterAll(async () => {
  await first.close()
  await second.close()
  await redis.close()
})

it('the second is refused with both names, by its operator and to its pods, and its end erases nothing', async () => {
  await second.apply({ reclaimPolicy: 'Delete' })
  const before = await everything()
  const [code, uid, owner] = await second.claim()
  const mine = (await first.object())?.metadata.uid
  const other = (await second.object())?.metadata.uid
  expect([code, uid, owner]).toEqual(['OTHER_OWNER', mine, 'VectorCluster demo/films on Kubernetes'])
  const ready = await second.operateUntil('the condition', async () => {
    const condition = await second.condition('Ready')
    return condition?.reason === 'DataOfAnotherOwner' ? condition : undefined
  })
  expect(ready).toMatchObject({ status: 'False', message: expect.stringContaining(`(uid ${mine})`) })
  expect(ready.message).toContain(`(uid ${other})`)
  expect(await second.condition('Degraded')).toMatchObject({ status: 'True', reason: 'DataOfAnotherOwner' })
  // Volumes of these names may be those of the data: they do not go with this one.
  expect(await second.retention()).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' })
  await second.remove()
  expect(await second.events()).toContain('NotErased')
  expect(await everything()).toEqual(before)
  expect((await first.claim())[0]).toBe('OPEN')
})

it('data of another shape is a condition that says what differs, whoever says it: the log, or a pod that ends', async () => {
  await second.apply({ dimension: 3 })
  expect((await second.claim())[0]).toBe('OTHER_SHAPE')
  const ready = await second.operateUntil('the condition', async () => {
    const condition = await second.condition('Ready')
    return condition?.reason === 'DataOfAnotherShape' ? condition : undefined
  })
  expect(ready.message).toContain('dimension is 2 there and 3 here')
  expect(ready.message).toContain('Give the VectorCluster the shape of the data')
  await second.remove()

  // Its log is its own; a volume was kept from another one.
  const away = { external: { urlSecretRef: { name: 'away', key: 'url' } } }
  await second.apply({ redis: away })
  const pod = await second.operateUntil('a pod', async () =>
    (await second.client.list(PODS, { namespace: AT, labelSelector: 'maksdb.io/cell=0' })).items.at(0),
  )
  const message = lastWords('0a1b2c3d', new MaksError('DATA_OF_ANOTHER_SHAPE', 'the volume holds other data'))
  const ended = { terminated: { exitCode: 1, message } }
  const status = {
    containerStatuses: [
      {
        name: 'shard',
        ready: false,
        restartCount: 1,
        image: '',
        imageID: '',
        lastState: ended,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
      },
    ],
  }
  await second.client.call('PATCH', pathOf(PODS, pod.metadata, 'status'), {
    body: { status },
    contentType: 'application/merge-patch+json',
  })
  await second.operateUntil('the condition', async () => {
    const condition = await second.condition('Degraded')
    return (
      condition?.message.includes(`pod ${pod.metadata.name} does not start: the volume holds other data`) || undefined
    )
  })
  await second.remove()
})

it('what is deleted with Retain is let go, and the next one of the name adopts it; volumes go with their owner alone', async () => {
  await first.remove()
  expect(await first.events()).toContain('Released')
  await second.apply({ reclaimPolicy: 'Delete' })
  expect((await second.claim())[0]).toBe('OPEN')
  await second.operateUntil('the claim to be seen', async () => (await second.status()).claimed || undefined)
  await second.operateUntil(
    'the volumes to be its own',
    async () => JSON.stringify(await second.retention()).includes('"whenDeleted":"Delete"') || undefined,
  )
})

it('an owner that vanished is named by an administrator: by another uid nothing happens, by the right one the data is adopted', async () => {
  const gone = (await second.object())?.metadata.uid ?? ''
  await first.apply({}, { 'maksdb.io/adopt-data': 'somebody' })
  const reason = (of: string) => async () => (await first.condition('Ready'))?.reason === of || undefined
  await first.operateUntil('the refusal', reason('DataOfAnotherOwner'))
  expect((await first.claim())[0]).toBe('OTHER_OWNER')
  await first.apply({}, { 'maksdb.io/adopt-data': gone })
  await first.operateUntil(
    'the data to be adopted',
    async () => (await first.events()).includes('DataAdopted') || undefined,
  )
  expect((await second.claim())[0]).toBe('OTHER_OWNER')
  expect((await first.claim())[0]).toBe('OPEN')
  await second.remove()
  expect((await first.claim())[0]).toBe('OPEN')
})

it('with Delete the owner takes its keys with it', async () => {
  await first.apply({ reclaimPolicy: 'Delete' })
  await first.operateUntil('the change to be seen', async () => (await first.status()).claimed || undefined)
  await first.remove()
  expect(await first.events()).toContain('Erased')
  expect(await redis.client.dbsize()).toBe(0)
})

/** Whatever stands under a name of ours and is not ours stays as it is, is told, and holds up nothing but what needs it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject, Resource } from '../../../operator/kube/objects.ts'
import { labelsOf } from '../../../operator/manifests/context.ts'
import { OWNED, PODS, VECTOR_CLUSTERS, VOLUME_CLAIMS } from '../../../operator/resources.ts'
import { isOwnedBy } from '../../../operator/watch/ownership.ts'
import type { VectorClusterStatus } from '../../../protocol/manifest/vector-cluster-status.ts'
import { ApiServer, namespace } from '../support/api-server.ts'
import { manifest, operateUntilSteady } from '../support/operate.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await server.installCrd(client)
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

const operate = (at: string, name = 'films', options = {}) => operateUntilSteady(server, at, `${at}/${name}`, options)

async function statusOf(at: string, name = 'films'): Promise<VectorClusterStatus> {
  return (await client.get(VECTOR_CLUSTERS, { namespace: at, name })).status ?? {}
}

async function condition(at: string, type: string, name = 'films') {
  return (await statusOf(at, name)).conditions?.find((one) => one.type === type)
}

async function there(resource: Resource, at: string, name: string): Promise<KubeObject | undefined> {
  return client.get(resource, { namespace: at, name }).catch(() => undefined)
}

async function eventsOf(at: string): Promise<string[]> {
  const events = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true }
  const { items } = await client.list(events, { namespace: at })
  return items.map(({ reason, note }) => `${String(reason)}: ${String(note)}`)
}

function failing(metrics: string, at: string): string | undefined {
  return new RegExp(`^maksdb_operator_reconcile_failing\\{.*"${at}".*\\} (\\d)$`, 'm').exec(metrics)?.[1]
}

function specOf({ spec = {} }: KubeObject) {
  return spec
}

const pods = (labels: object) => ({
  selector: { matchLabels: labels },
  template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
})
/** One object of every kind that a user may have under each name that the operator uses. */
const THEIRS: [Resource, string, object, 'blocks' | 'goes on'][] = [
  [OWNED.Service, 'films', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }, 'goes on'],
  [OWNED.Service, 'films-shards', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }, 'goes on'],
  [OWNED.Service, 'films-redis', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }, 'blocks'],
  [OWNED.ConfigMap, 'films-config', { data: { 'mine.txt': 'mine' } }, 'blocks'],
  [OWNED.Secret, 'films-internal', { stringData: { 'internal-token': 'guessed' } }, 'blocks'],
  [OWNED.Secret, 'films-api-key', { stringData: { 'api-key': 'theirs' } }, 'blocks'],
  [OWNED.PodDisruptionBudget, 'films-router', { spec: { maxUnavailable: 0 } }, 'goes on'],
  [OWNED.NetworkPolicy, 'films-router', { spec: { podSelector: { matchLabels: { a: 'b' } } } }, 'goes on'],
  [OWNED.StatefulSet, 'films-shard-0', { spec: { serviceName: 'x', ...pods({ app: 'web' }) } }, 'goes on'],
  [OWNED.StatefulSet, 'films-redis', { spec: { serviceName: 'x', ...pods({ app: 'web' }) } }, 'goes on'],
  [OWNED.Deployment, 'films-router', { spec: pods({ app: 'web' }) }, 'goes on'],
  [
    VOLUME_CLAIMS,
    'data-films-shard-0-0',
    { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    'goes on',
  ],
]

describe('an object of the user under a name of ours', () => {
  const titled = THEIRS.map(([resource, ...rest]) => [`${resource.kind} ${rest[0]}`, resource, ...rest] as const)
  it.each(titled)('%s: it is left as it is, and made once it is gone', async (_title, resource, name, body, how) => {
    const at = await namespace(client, `theirs-${resource.plural}-${name}`)
    const { apiVersion, kind, plural } = resource
    await client.create(resource, { apiVersion, kind, metadata: { name, namespace: at }, ...body })
    const before = await client.get(resource, { namespace: at, name })
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    const { written } = await operate(at)
    const told = await condition(at, 'Degraded')
    expect(told?.reason).toBe('NameTaken')
    expect(told?.message).toContain(`${kind} ${name} exists and does not belong to this VectorCluster`)
    expect(told?.observedGeneration).toBe(1)
    const events = await eventsOf(at)
    expect(
      events.filter((event) =>
        event.startsWith(`NameTaken: ${kind} ${name} exists and does not belong to this VectorCluster`),
      ),
    ).toHaveLength(1)
    // Nothing was sent to it but the attempt to make one of its name.
    expect(written.filter((one) => !one.startsWith('POST') && one.endsWith(`/${plural}/${name}`))).toEqual([])
    expect(await client.get(resource, { namespace: at, name })).toEqual(before)
    // The rest is made, but for pods that would read what is not ours.
    const others = [...new Set(THEIRS.map(([one, other]) => [one, other] as const))].filter(
      ([one, other]) => one !== VOLUME_CLAIMS && !(one === resource && other === name),
    )
    const sets = new Set<string>([OWNED.StatefulSet.kind, OWNED.Deployment.kind])
    for (const [one, other] of others) {
      const expected = !(
        sets.has(one.kind) &&
        (how === 'blocks' || (resource === VOLUME_CLAIMS && other === 'films-shard-0'))
      )
      expect((await there(one, at, other)) !== undefined, `${one.kind} ${other}`).toBe(expected)
    }
    // A pass that finds the same says and writes nothing.
    const again = await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' })
    expect((await operate(at, 'films', { steadyPasses: 2 })).written.filter((one) => !one.startsWith('POST'))).toEqual(
      [],
    )
    expect((await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' })).metadata.resourceVersion).toBe(
      again.metadata.resourceVersion,
    )
    await client.delete(resource, before)
    if (resource === VOLUME_CLAIMS)
      await client.mergePatch(resource, { namespace: at, name }, { metadata: { finalizers: null } }).catch(() => {})
    await operate(at)
    expect((await condition(at, 'Degraded'))?.reason).not.toBe('NameTaken')
    if (resource !== VOLUME_CLAIMS) {
      const uid = again.metadata.uid
      expect(isOwnedBy(await client.get(resource, { namespace: at, name }), uid)).toBe(true)
    }
  })

  it('that is made between our look and our write is not taken either', async () => {
    const at = await namespace(client, 'race')
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    let made: Promise<KubeObject> | undefined
    const theirs: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'films-config', namespace: at },
      data: { mine: 'x' },
    }
    await operate(at, 'films', {
      onWrite: (method: string, path: string) => {
        // The operator has looked, and is about to write; its own call comes after this one.
        if (!made && method === 'POST' && path.endsWith('/secrets'))
          made = server.client().create(OWNED.ConfigMap, theirs)
      },
    })
    const { data, metadata } = await client.get(OWNED.ConfigMap, { namespace: at, name: 'films-config' })
    expect(data).toEqual({ mine: 'x' })
    expect(metadata.ownerReferences).toBeUndefined()
    expect((await condition(at, 'Degraded'))?.message).toContain(
      'ConfigMap films-config exists and does not belong to this VectorCluster',
    )
  })

  it('that takes the place of ours between our look and our change of it is not changed', async () => {
    const at = await namespace(client, 'swap')
    const object = await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    await operate(at)
    const ours = await client.get(OWNED.ConfigMap, { namespace: at, name: 'films-config' })
    // The same object, let go by its owner: only the reference is gone.
    await client.mergePatch(OWNED.ConfigMap, ours.metadata, { metadata: { ownerReferences: null }, data: { x: 'y' } })
    const before = await client.get(OWNED.ConfigMap, { namespace: at, name: 'films-config' })
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', { replicas: 2 }), 'test')
    await operate(at)
    expect(await client.get(OWNED.ConfigMap, { namespace: at, name: 'films-config' })).toEqual(before)
    expect((await condition(at, 'Degraded'))?.reason).toBe('NameTaken')
    // Given back by the uid of its owner, it is ours again, and put right.
    const { apiVersion, kind, metadata } = object
    const reference = { apiVersion, kind, name: 'films', uid: metadata.uid, controller: true, blockOwnerDeletion: true }
    await client.mergePatch(OWNED.ConfigMap, ours.metadata, { metadata: { ownerReferences: [reference] } })
    await operate(at)
    const after = await client.get(OWNED.ConfigMap, { namespace: at, name: 'films-config' })
    expect(Object.keys(after.data ?? {}).sort()).toEqual([
      'collection.json',
      'credentials.json',
      'redis.conf',
      'router.json',
    ])
  })

  it('that is a pod with our labels is neither counted nor deleted', async () => {
    const at = await namespace(client, 'pods')
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    const metadata = { name: 'debug', namespace: at, labels: labelsOf('films', 'shard', 0) }
    const spec = { containers: [{ name: 'debug', image: 'debug' }], schedulerName: 'nobody' }
    await client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    await operate(at)
    expect((await statusOf(at)).rollout?.pods).toBe(1)
    // An image that every pod must get.
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', { image: 'maksdb:next' }), 'test')
    const { written } = await operate(at)
    expect(written.filter((one) => one.startsWith('DELETE'))).toEqual([
      `DELETE /api/v1/namespaces/${at}/pods/films-shard-0-0`,
    ])
  })

  it('is not deleted in place of ours when a VectorCluster with an external Redis ends', async () => {
    const at = await namespace(client, 'ending')
    const redis = { external: { urlSecretRef: { name: 'mine', key: 'url' } } }
    const body = { namespace: at, labels: labelsOf('films', 'shard', 7) }
    const { apiVersion, kind } = OWNED.StatefulSet
    const theirs = {
      apiVersion,
      kind,
      metadata: { ...body, name: 'theirs' },
      spec: { replicas: 0, serviceName: 'x', ...pods({ a: 'b' }) },
    }
    await client.create(OWNED.StatefulSet, theirs)
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', { redis, reclaimPolicy: 'Delete' }), 'test')
    await operate(at)
    await client.delete(VECTOR_CLUSTERS, await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' }))
    const { written } = await operate(at)
    expect(written.some((one) => one.startsWith('DELETE') && one.endsWith('/statefulsets/films-shard-0'))).toBe(true)
    expect(await there(OWNED.StatefulSet, at, 'theirs')).toBeDefined()
  })
})

it('an object of another VectorCluster is left to it, and neither is written again', async () => {
  const at = await namespace(client, 'neighbours')
  // As a name that the API server refuses would do: the Service of the second stands where the first wants its own.
  await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
  const owner = await client.apply(VECTOR_CLUSTERS, manifest(at, 'other', {}), 'test')
  const { apiVersion, kind, metadata } = owner
  const ownerReferences = [{ apiVersion, kind, name: 'other', uid: metadata.uid ?? '', controller: true }]
  await client.create(OWNED.Service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'films-redis', namespace: at, labels: labelsOf('films', 'redis'), ownerReferences },
    spec: { ports: [{ port: 80 }] },
  })
  await operate(at)
  expect((await condition(at, 'Ready'))?.message).toContain(
    'Service films-redis exists and does not belong to this VectorCluster: it belongs to VectorCluster other',
  )
  const before = await client.get(OWNED.Service, { namespace: at, name: 'films-redis' })
  await operate(at)
  await operate(at, 'other')
  expect(await client.get(OWNED.Service, { namespace: at, name: 'films-redis' })).toEqual(before)
})

describe('what others put into a whole value of ours', () => {
  const PATCHES: [Resource, string, object, (object: KubeObject) => unknown][] = [
    [OWNED.Service, 'films', { spec: { selector: { team: 'search' } } }, ({ spec }) => spec?.selector],
    [
      OWNED.NetworkPolicy,
      'films-shards',
      { spec: { policyTypes: ['Ingress', 'Egress'] } },
      ({ spec }) => spec?.policyTypes,
    ],
    [
      OWNED.NetworkPolicy,
      'films-router',
      { spec: { podSelector: { matchLabels: { team: 'search' } } } },
      ({ spec }) => spec?.podSelector,
    ],
    [
      OWNED.PodDisruptionBudget,
      'films-router',
      { spec: { selector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } } },
      ({ spec }) => spec?.selector,
    ],
    [OWNED.ConfigMap, 'films-config', { data: { 'theirs.json': '{}' } }, ({ data }) => data],
    [
      OWNED.StatefulSet,
      'films-shard-0',
      { spec: { template: { spec: { nodeSelector: { team: 'search' } } } } },
      (set) => (specOf(set).template as { spec: { nodeSelector: object } }).spec.nodeSelector,
    ],
  ]
  const patches = PATCHES.map(([resource, ...rest]) => [`${resource.kind} ${rest[0]}`, resource, ...rest] as const)
  it.each(patches)('%s: it is taken out again', async (_title, resource, name, patch, part) => {
    const at = await namespace(client, `whole-${resource.plural}-${name}`)
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', { nodeSelector: { disk: 'ssd' } }), 'test')
    await operate(at)
    const before = await client.get(resource, { namespace: at, name })
    // By merge patch, as kubectl does it: another manager owns what it adds.
    const patched = await client.mergePatch(resource, { namespace: at, name }, patch)
    expect(part(patched)).not.toEqual(part(before))
    await operate(at)
    expect(part(await client.get(resource, { namespace: at, name }))).toEqual(part(before))
    expect((await eventsOf(at)).some((event) => event.startsWith(`DriftRepaired: ${resource.kind} ${name}`))).toBe(true)
    expect((await operate(at)).written).toEqual([])
  })

  it('a port beside ours and a container beside ours as well', async () => {
    const at = await namespace(client, 'whole-lists')
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    await operate(at)
    const json = (resource: Resource, name: string, path: string, value: object) =>
      client.jsonPatch(
        resource,
        { ...resource, metadata: { name, namespace: at } },
        [{ op: 'add', path, value }],
        'kubectl',
      )
    await json(OWNED.Service, 'films', '/spec/ports/-', { name: 'theirs', port: 80 })
    await json(OWNED.Deployment, 'films-router', '/spec/template/spec/containers/-', { name: 'theirs', image: 'x' })
    await operate(at)
    const service = await client.get(OWNED.Service, { namespace: at, name: 'films' })
    expect((specOf(service).ports as { name: string }[]).map(({ name }) => name)).toEqual(['rest'])
    const router = await client.get(OWNED.Deployment, { namespace: at, name: 'films-router' })
    const { containers } = (specOf(router).template as { spec: { containers: { name: string }[] } }).spec
    expect(containers.map(({ name }) => name)).toEqual(['router'])
    expect((await operate(at)).written).toEqual([])
  })

  it('while what they add beside it stays, and what the manifest no longer says goes', async () => {
    const at = await namespace(client, 'beside')
    await client.apply(
      VECTOR_CLUSTERS,
      manifest(at, 'films', { nodeSelector: { disk: 'ssd' }, resources: { limits: { cpu: '1' } } }),
      'test',
    )
    await operate(at)
    const name = 'films-shard-0'
    await client.mergePatch(OWNED.StatefulSet, { namespace: at, name }, { metadata: { labels: { team: 'search' } } })
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    await operate(at)
    const set = await client.get(OWNED.StatefulSet, { namespace: at, name })
    expect(set.metadata.labels?.team).toBe('search')
    const { spec } = specOf(set).template as { spec: { nodeSelector?: object; containers: { resources?: object }[] } }
    // It was made by POST, and yet a field that was taken away is taken away.
    expect(spec.nodeSelector).toBeUndefined()
    expect(spec.containers[0]?.resources).toEqual({})
  })
})

describe('a write that the API server refuses', () => {
  it('becomes a condition with its sentence, the rest is done, and after three times ReconcileFailed and a metric say so', async () => {
    const at = await namespace(client, 'refused')
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'no-routers', namespace: at },
      spec: { hard: { 'count/deployments.apps': '0' } },
    }
    const quotas: Resource = { apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true }
    const made = await client.create(quotas, quota)
    await client.call('PATCH', `/api/v1/namespaces/${at}/resourcequotas/no-routers/status`, {
      body: { status: { hard: quota.spec.hard, used: { 'count/deployments.apps': '0' } } },
      contentType: 'application/merge-patch+json',
    })
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', {}), 'test')
    const first = await operate(at)
    expect((await condition(at, 'Degraded'))?.reason).toBe('Refused')
    expect((await condition(at, 'Degraded'))?.message).toMatch(/Deployment films-router: .*exceeded quota: no-routers/)
    expect(failing(first.metrics, at)).toBe('0')
    expect(await there(OWNED.StatefulSet, at, 'films-shard-0')).toBeDefined()
    // A change of the manifest is seen although the write is still refused.
    await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', { replicas: 2 }), 'test')
    const { metrics } = await operate(at, 'films', { steadyPasses: 90 })
    const status = await statusOf(at)
    expect(status.observedGeneration).toBe(2)
    expect((await condition(at, 'Degraded'))?.reason).toBe('ReconcileFailed')
    expect((await condition(at, 'Progressing'))?.reason).toBe('ReconcileFailed')
    expect(failing(metrics, at)).toBe('1')
    expect((await client.get(OWNED.StatefulSet, { namespace: at, name: 'films-shard-0' })).spec?.replicas).toBe(2)
    await client.delete(quotas, made)
    expect(failing((await operate(at, 'films', { steadyPasses: 90 })).metrics, at)).toBe('0')
    expect(await there(OWNED.Deployment, at, 'films-router')).toBeDefined()
  })
})

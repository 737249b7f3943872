/** What the operator takes away, and when it keeps its hands still, against a real API server. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { budgetOf } from '../../../core/plan/disruption-budget.ts'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import { type KubeObject, pathOf } from '../../../operator/kube/objects.ts'
import { FINALIZER, OWNED, OWNED_SELECTOR, PODS, VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import type { VectorClusterStatus } from '../../../protocol/manifest/vector-cluster-status.ts'
import { ApiServer, namespace } from '../support/api-server.ts'
import { TestOperator } from '../support/test-operator.ts'

/** As many as it takes for objects, pods and their news to come back by the watches. */
const SETTLE = 12
let server: ApiServer
let client: KubeClient
const operators: TestOperator[] = []

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await server.installCrd(client)
})
afterEach(async () => {
  for (const operator of operators.splice(0)) await operator.stop()
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

async function operatorAt(at: string): Promise<TestOperator> {
  const operator = await TestOperator.start(server, at, `${at}/films`)
  operators.push(operator)
  return operator
}

function apply(at: string, spec: object, annotations: Record<string, string> = {}): Promise<KubeObject> {
  const { apiVersion, kind } = VECTOR_CLUSTERS
  const metadata = { name: 'films', namespace: at, annotations }
  return client.apply(VECTOR_CLUSTERS, { apiVersion, kind, metadata, spec: { dimension: 2, ...spec } }, 'test')
}

async function statusOf(at: string): Promise<VectorClusterStatus> {
  return (await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' })).status ?? {}
}

async function conditionOf(at: string, type: string) {
  return (await statusOf(at)).conditions?.find((one) => one.type === type)
}

async function uids(at: string): Promise<string[]> {
  const { items } = await client.list(PODS, { namespace: at, labelSelector: OWNED_SELECTOR })
  return items.map(({ metadata }) => metadata.uid ?? '').sort()
}

const deletedPods = ({ writes }: TestOperator) => writes.filter((write) => /^DELETE .*\/pods\//.test(write)).length

describe('pods that are not as the manifest says', () => {
  it('are left alone while the API server refuses the template, and it is said why', async () => {
    const at = await namespace(client, 'refused')
    const operator = await operatorAt(at)
    await apply(at, { clusters: 2 })
    await operator.passes(SETTLE)
    const before = await uids(at)
    expect(before).toHaveLength(3)
    // Valid for the CRD, and no label for the API server.
    await apply(at, { clusters: 2, nodeSelector: { 'not a label': 'x' } })
    await operator.passes(SETTLE)
    expect(deletedPods(operator)).toBe(0)
    expect(await uids(at)).toEqual(before)
    expect((await conditionOf(at, 'Degraded'))?.message).toContain('nodeSelector')
    expect((await conditionOf(at, 'Progressing'))?.reason).not.toBe('Settled')
    // What the API server accepts is rolled, once for each pod; Redis, which is ready, waits for the log to be seen.
    await apply(at, { clusters: 2, nodeSelector: { disk: 'ssd' } })
    await operator.passes(SETTLE)
    expect(deletedPods(operator)).toBe(2)
  })

  it('are tried once where they come back from the same template as they were', async () => {
    const at = await namespace(client, 'stubborn')
    const operator = await operatorAt(at)
    await apply(at, {})
    await operator.passes(SETTLE)
    const pod = { namespace: at, name: 'films-shard-0-0' }
    await client.mergePatch(PODS, pod, { metadata: { annotations: { 'maksdb.io/inputs': null } } })
    await operator.passes(SETTLE)
    expect(deletedPods(operator)).toBe(0)
  })

  it('are no longer replaced when the budget of the hour is used up, by the next operator neither', async () => {
    const at = await namespace(client, 'loop')
    const operator = await operatorAt(at)
    operator.played.pristine = false
    await apply(at, {})
    const budget = budgetOf(2)
    await operator.passes(2 * budget + SETTLE)
    expect(deletedPods(operator)).toBe(budget)
    const said = await conditionOf(at, 'Degraded')
    expect(said?.reason).toBe('DisruptionBudgetUsed')
    expect(said?.message).toMatch(/^18 pods were replaced .* disrupts no further pod before \d\d:\d\d UTC/)
    const { disruptions = [] } = await statusOf(at)
    expect(disruptions.reduce((sum, { count }) => sum + count, 0)).toBe(budget)
    const next = await operatorAt(at)
    next.played.pristine = false
    await next.passes(SETTLE)
    expect(deletedPods(next)).toBe(0)
  })

  it('are replaced once by kubectl rollout restart', async () => {
    const at = await namespace(client, 'restart')
    const operator = await operatorAt(at)
    await apply(at, { clusters: 2 })
    await operator.passes(SETTLE)
    const set = { namespace: at, name: 'films-shard-1' }
    const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' }
    await client.mergePatch(OWNED.StatefulSet, set, { spec: { template: { metadata: { annotations } } } })
    await operator.passes(SETTLE)
    expect(operator.writes.filter((write) => write.startsWith('DELETE'))).toEqual([
      `DELETE ${pathOf(PODS, { namespace: at, name: 'films-shard-1-0' })}`,
    ])
    const { metadata } = await client.get(PODS, { namespace: at, name: 'films-shard-1-0' })
    expect(metadata.annotations).toMatchObject(annotations)
  })
})

describe('paused', () => {
  const own = ({ writes }: TestOperator) =>
    writes.filter((write) => !/\/events|\/vectorclusters\/films\/status$/.test(write))
  const external = { redis: { external: { urlSecretRef: { name: 'redis', key: 'url' } } }, reclaimPolicy: 'Delete' }
  const secret = (at: string) =>
    client.create(OWNED.Secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'redis', namespace: at },
      data: { url: Buffer.from('redis://127.0.0.1:1').toString('base64') },
    })

  it('from the beginning: nothing is written but status and events', async () => {
    const at = await namespace(client, 'paused')
    await secret(at)
    const operator = await operatorAt(at)
    await apply(at, external, { 'maksdb.io/paused': 'true', 'maksdb.io/accept-loss': 'now' })
    await operator.passes(SETTLE)
    expect(own(operator)).toEqual([])
    expect((await conditionOf(at, 'Progressing'))?.reason).toBe('Paused')
    await apply(at, external)
    await operator.passes(SETTLE)
    expect(own(operator).length).toBeGreaterThan(5)
    expect((await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' })).metadata.finalizers).toEqual([
      FINALIZER,
    ])
  })

  it('later: Secret and objects that are deleted are not made again, and the end waits', async () => {
    const at = await namespace(client, 'paused-later')
    await secret(at)
    const operator = await operatorAt(at)
    await apply(at, external)
    await operator.passes(SETTLE)
    await apply(at, external, { 'maksdb.io/paused': 'true' })
    await operator.passes(2)
    operator.writes.length = 0
    for (const resource of [OWNED.Secret, OWNED.Service])
      for (const item of (await client.list(resource, { namespace: at, labelSelector: OWNED_SELECTOR })).items)
        await client.delete(resource, item)
    await client.delete(VECTOR_CLUSTERS, await client.get(VECTOR_CLUSTERS, { namespace: at, name: 'films' }))
    await operator.passes(SETTLE)
    expect(own(operator)).toEqual([])
    expect((await conditionOf(at, 'Ready'))?.message).toContain(
      'the annotation maksdb.io/paused is set: the keys in the external Redis are released or deleted once it is removed',
    )
  })
})

describe('the number of routers', () => {
  const at = 'scaled'
  const replicas = async () =>
    (await client.get(OWNED.Deployment, { namespace: at, name: 'films-router' })).spec?.replicas

  /** As an autoscaler of Kubernetes does it. */
  async function scale(count: number): Promise<void> {
    const path = pathOf(OWNED.Deployment, { namespace: at, name: 'films-router' }, 'scale')
    const now = await client.call('GET', path)
    await client.call('PUT', path, {
      body: { ...now, spec: { replicas: count } },
      query: { fieldManager: 'kube-controller-manager' },
    })
  }

  it('is the autoscaler’s while it scales the Deployment, whatever else changes, until the manifest asks for another', async () => {
    await namespace(client, at)
    const operator = await operatorAt(at)
    await apply(at, {})
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(2)
    await scale(5)
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(5)
    await apply(at, { router: { resources: { requests: { cpu: '10m' } } } })
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(5)
    const { spec } = await client.get(OWNED.Deployment, { namespace: at, name: 'films-router' })
    expect(JSON.stringify(spec)).toContain('10m')
    await apply(at, { router: { replicas: 3 } })
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(3)
    await scale(4)
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(4)
  })

  it('is put right where somebody writes it otherwise than by scaling', async () => {
    const operator = await operatorAt(at)
    await client.mergePatch(OWNED.Deployment, { namespace: at, name: 'films-router' }, { spec: { replicas: 9 } })
    await operator.passes(SETTLE)
    expect(await replicas()).toBe(3)
  })
})

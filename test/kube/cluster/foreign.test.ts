/** What is the user's stays the user's, what the API server refuses is told, and Ready means that a client gets through. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OWNED } from '../../../operator/resources.ts'
import { Kubernetes, rest } from '../support/kubernetes.ts'

const k = new Kubernetes('foreign')
const SPEC = { dimension: 2, router: { replicas: 1 } }

beforeAll(() => k.start())
afterAll(() => k.stop())

function saying(type: string, reason: string) {
  return k.until(`films to say ${reason}`, 90_000, async () => {
    const { conditions = [] } = await k.status('films')
    return conditions.find((one) => one.type === type && one.reason === reason)
  })
}

async function at(resource: (typeof OWNED)[keyof typeof OWNED], name: string) {
  return k.client.get(resource, { namespace: k.namespace, name })
}

async function count(): Promise<number> {
  const path = '/collections/films/points/count'
  return (await rest<{ count: number }>(await k.endpoint('films'), 'POST', path, { exact: true })).count
}

describe('a Service and a ConfigMap of the user under names of ours', () => {
  it('are left as they are while the VectorCluster is there, and when it is deleted', async () => {
    await k.kubectl('create', 'svc', 'clusterip', 'films', '--tcp=80')
    await k.kubectl('create', 'configmap', 'films-config', '--from-literal=mine=mine')
    const before = [await at(OWNED.Service, 'films'), await at(OWNED.ConfigMap, 'films-config')]
    await k.apply('films', SPEC)
    const said = await saying('Ready', 'NameTaken')
    expect(said.status).toBe('False')
    const degraded = await saying('Degraded', 'NameTaken')
    expect(degraded.message).toContain('Service films exists and does not belong to this VectorCluster')
    expect(degraded.message).toContain('ConfigMap films-config exists and does not belong to this VectorCluster')
    console.log(await k.kubectl('describe', 'vc', 'films'))
    expect(await k.kubectl('describe', 'vc', 'films')).toMatch(
      /Warning +NameTaken .*Service films exists and does not belong to this VectorCluster/,
    )
    expect(await k.kubectl('get', 'service', 'films-redis', '-o', 'name')).toContain('films-redis')
    expect([await at(OWNED.Service, 'films'), await at(OWNED.ConfigMap, 'films-config')]).toEqual(before)
    await k.kubectl('delete', 'vc', 'films')
    await k.until('ours to be gone', 60_000, async () =>
      (await k.kubectl('get', 'service', 'films-redis', '--ignore-not-found')) === '' ? true : undefined,
    )
    expect([await at(OWNED.Service, 'films'), await at(OWNED.ConfigMap, 'films-config')]).toEqual(before)
  })

  it('make room by being removed: the VectorCluster becomes ready by itself', async () => {
    await k.apply('films', SPEC)
    await saying('Ready', 'NameTaken')
    await k.kubectl('delete', 'service/films', 'configmap/films-config')
    await k.settled('films')
    await rest(await k.endpoint('films'), 'PUT', '/collections/films/points?wait=true', {
      points: [{ id: 1, vector: [1, 1] }],
    })
    expect(await count()).toBe(1)
  })
})

it('names of VectorClusters that would share a Service with another are refused', async () => {
  for (const name of ['films-redis', 'films-shards']) {
    const made = k.apply(name, SPEC).then(
      () => 'it was accepted',
      (error: unknown) => String(error),
    )
    expect(await made).toContain('metadata.name must not end in -redis or -shards')
  }
})

describe('the Service of the clients', () => {
  const PATCH = '{"spec":{"selector":{"team":"search"}}}'
  it('loses a key that somebody added to its selector, at once', async () => {
    await k.kubectl('patch', 'svc', 'films', '--type=merge', '-p', PATCH)
    await k.until('the selector to be as it was', 30_000, async () =>
      JSON.stringify((await at(OWNED.Service, 'films')).spec?.selector).includes('team') ? undefined : true,
    )
    await k.settled('films')
    expect(await count()).toBe(1)
    expect(await k.kubectl('describe', 'vc', 'films')).toContain('Service films corrected: spec.selector.team')
  })

  it('without a ready endpoint is not Ready, however many pods are', async () => {
    await k.kubectl('annotate', 'vc', 'films', 'maksdb.io/paused=true')
    await saying('Progressing', 'Paused')
    await k.kubectl('patch', 'svc', 'films', '--type=merge', '-p', PATCH)
    const said = await saying('Ready', 'NoReadyEndpoint')
    expect(said.message).toContain('Service films has no ready endpoint')
    await k.kubectl('annotate', 'vc', 'films', 'maksdb.io/paused-')
    await k.settled('films')
    expect(await count()).toBe(1)
  })
})

describe('a pod template that Kubernetes does not take', () => {
  it('is refused by the API server where it has a field that nobody knows', async () => {
    const applied = k.apply('films', { ...SPEC, podTemplate: { spec: { nonsense: 1 } } }).then(
      () => 'it was accepted',
      (error: unknown) => String(error),
    )
    expect(await applied).toContain('.spec.podTemplate.spec.nonsense: field not declared in schema')
  })

  it('is told with the sentence of the API server where only that can know, and the rest of the manifest is done', async () => {
    const broken = { spec: { volumes: [{ name: 'scratch', emptyDir: { nonsense: 1 } }] } }
    await k.apply('films', { ...SPEC, router: { replicas: 2 }, podTemplate: broken })
    const said = await saying('Degraded', 'ReconcileFailed')
    expect(said.message).toContain('StatefulSet films-shard-0')
    expect(said.message).toContain('nonsense')
    expect(said.observedGeneration).toBe((await k.status('films')).observedGeneration)
    await k.until('two routers', 60_000, async () =>
      Number((await at(OWNED.Deployment, 'films-router')).spec?.replicas) === 2 ? true : undefined,
    )
    expect((await saying('Ready', 'Serving')).status).toBe('True')
    expect(await count()).toBe(1)
    console.log(await k.kubectl('describe', 'vc', 'films'))
    await k.apply('films', SPEC)
    await k.settled('films')
  })
})

import { describe, expect, it } from 'vitest'
import { parseVectorCluster } from '../protocol/vector-cluster.ts'
import type { BuildContext } from './build/context.ts'
import { shardInputs, shardSet } from './build/shard-set.ts'
import type { KubeObject } from './kube/objects.ts'
import { hasReadyEndpoint, isRecovering, troubleOf, worldOf } from './observe.ts'
import { ANNOTATIONS } from './resources.ts'

const cluster = parseVectorCluster({
  apiVersion: 'maksdb.io/v1alpha1',
  kind: 'VectorCluster',
  metadata: { name: 'films' },
  spec: { dimension: 2 },
})
const context: BuildContext = {
  cluster,
  uid: 'u',
  since: 0,
  claimed: true,
  clusters: 1,
  image: 'maksdb:1',
  imagePullPolicy: 'Never',
  restartedAt: '',
  apiKeyDigest: '',
  centroidsDigest: '',
  credentials: { known: [], shardsFollow: true },
}

const templateOf = ({ spec = {} }: KubeObject) => spec.template as Template

type Template = { metadata: { labels: Record<string, string>; annotations: Record<string, string> } }

/** The set as the API server has it for an image, seen by its controller. */
function setFor(image: string, restartedAt?: string): KubeObject {
  const of = { ...context, image }
  const set = shardSet(of, 0, 1, shardInputs(of))
  if (restartedAt !== undefined) templateOf(set).metadata.annotations['kubectl.kubernetes.io/restartedAt'] = restartedAt
  return {
    ...set,
    metadata: { ...set.metadata, generation: 3 },
    status: { observedGeneration: 3, updateRevision: `${image}${restartedAt ?? ''}` },
  }
}

/** A pod as that set makes it. */
function podOf(set: KubeObject): KubeObject {
  const { labels, annotations } = templateOf(set).metadata
  const revision = (set.status as { updateRevision: string }).updateRevision
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'films-shard-0-0', labels: { ...labels, 'controller-revision-hash': revision }, annotations },
  }
}

function outdated(pod: KubeObject, set: KubeObject | undefined, wanted: BuildContext = context) {
  const sets = new Map(set ? [[set.metadata.name, set]] : [])
  const object = { apiVersion: '', kind: '', metadata: { name: 'films' } }
  const observed = {
    object,
    cluster,
    sets,
    pods: [pod],
    claims: [],
    router: undefined,
    reachable: true,
    topology: undefined,
  }
  const [shard] = worldOf(observed, wanted).shards
  return { outdated: shard?.pods[0]?.outdated, declared: shard?.declared }
}

describe('a pod is out of date', () => {
  const old = podOf(setFor('maksdb:1'))
  const newer = { ...context, image: 'maksdb:2' }

  it('by the template that its set has, and not by a manifest that the API server has not accepted', () => {
    expect(outdated(old, setFor('maksdb:1'), newer)).toEqual({ outdated: [], declared: false })
    expect(outdated(old, setFor('maksdb:2'), newer)).toEqual({ outdated: ['image'], declared: true })
    expect(outdated(old, undefined, newer)).toEqual({ outdated: [], declared: false })
  })

  it('not before the controller of the set has seen the template', () => {
    const set = setFor('maksdb:2')
    expect(outdated(old, { ...set, metadata: { ...set.metadata, generation: 4 } }, newer)).toEqual({
      outdated: [],
      declared: false,
    })
  })

  it('not where it was made from that very template, whatever it looks like', () => {
    const pod = podOf(setFor('maksdb:2'))
    expect(outdated({ ...pod, metadata: { ...pod.metadata, annotations: {} } }, setFor('maksdb:2'), newer)).toEqual({
      outdated: [],
      declared: true,
    })
  })

  it('where kubectl rollout restart has changed the template since', () => {
    expect(outdated(old, setFor('maksdb:1', 'today')).outdated).toEqual(['kubectl rollout restart'])
    expect(outdated(podOf(setFor('maksdb:1', 'today')), setFor('maksdb:1', 'today')).outdated).toEqual([])
    // A set that was made anew knows nothing of it.
    expect(outdated(podOf(setFor('maksdb:1', 'today')), setFor('maksdb:1')).outdated).toEqual([])
  })

  it('by its inputs alone: a template that another operator writes otherwise restarts nothing', () => {
    const set = setFor('maksdb:1')
    const annotations = { [ANNOTATIONS.inputs]: shardInputs(context) }
    expect(
      outdated(
        {
          ...old,
          metadata: {
            ...old.metadata,
            labels: { ...old.metadata.labels, 'controller-revision-hash': 'other' },
            annotations,
          },
        },
        set,
      ).outdated,
    ).toEqual([])
  })
})

describe('a pod that is not ready', () => {
  const NOW = Date.parse('2026-01-01T00:01:00Z')
  const recovering = (since: string, container: object) => {
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: since }]
    const metadata = { name: 'films-shard-0-0' }
    return isRecovering(
      { apiVersion: 'v1', kind: 'Pod', metadata, status: { conditions, containerStatuses: [container] } },
      NOW,
    )
  }

  it('recovers for a minute where its containers run, and is broken where they do not', () => {
    const running = { started: true, state: { running: {} } }
    expect(recovering('2026-01-01T00:00:01Z', running)).toBe(true)
    expect(recovering('2026-01-01T00:00:00Z', running)).toBe(false)
    expect(recovering('2026-01-01T00:00:59Z', { started: false, state: { running: {} } })).toBe(false)
    expect(recovering('2026-01-01T00:00:59Z', { started: false, state: { waiting: { reason: 'ErrImagePull' } } })).toBe(
      false,
    )
  })
})

describe('why a pod is stuck', () => {
  const NOW = Date.parse('2026-01-01T00:01:00Z')
  const stuck = (containerStatus: object) =>
    troubleOf(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'films-redis-0', creationTimestamp: '2026-01-01T00:00:00Z' },
        status: { containerStatuses: [{ name: 'redis', restartCount: 3, ...containerStatus }] },
      },
      NOW,
    )
  const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } }

  it('is the memory limit where the kernel killed it, not that the kubelet waits', () => {
    expect(stuck({ state: waiting, lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } })).toBe(
      'pod films-redis-0 does not start: OOMKilled: container redis used more memory than its limit and was killed (3 restarts); raise its resources.limits.memory',
    )
  })

  it('says with what code it ended otherwise', () => {
    expect(stuck({ state: waiting, lastState: { terminated: { reason: 'Error', exitCode: 1 } } })).toBe(
      'pod films-redis-0 does not start: CrashLoopBackOff: back-off 40s: the last run of container redis ended with Error, exit code 1',
    )
    expect(stuck({ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } })).toBe(
      'pod films-redis-0 does not start: ErrImagePull: no such image',
    )
    expect(stuck({ state: { running: {} } })).toBeUndefined()
  })
})

const service: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'films', uid: 's1' } }
function slice(uid: string, ...ready: (boolean | undefined)[]): KubeObject {
  const reference = { apiVersion: 'v1', kind: 'Service', name: 'films', uid, controller: true }
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'films-x', ownerReferences: [reference] },
    endpoints: ready.map((one) => ({ addresses: ['10.0.0.1'], conditions: one === undefined ? {} : { ready: one } })),
  }
}

describe('a Service has a ready endpoint', () => {
  it('where one of its slices has one; without a word it is ready', () => {
    expect(hasReadyEndpoint(service, [slice('s1', false), slice('s1', false, true)])).toBe(true)
    expect(hasReadyEndpoint(service, [slice('s1', undefined)])).toBe(true)
  })

  it('not where there is no Service, no slice, none that is ready, or only slices of a namesake', () => {
    expect(hasReadyEndpoint(undefined, [slice('s1', true)])).toBe(false)
    expect(hasReadyEndpoint(service, [])).toBe(false)
    expect(hasReadyEndpoint(service, [slice('s1'), slice('s1', false)])).toBe(false)
    expect(hasReadyEndpoint(service, [slice('s0', true)])).toBe(false)
  })
})

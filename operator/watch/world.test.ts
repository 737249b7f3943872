import { describe, expect, it } from 'vitest'
import { parseVectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { BuildContext } from '../manifests/context.ts'
import { shardInputs, shardSet } from '../manifests/shard-set.ts'
import { ANNOTATIONS } from '../resources.ts'
import { worldOf } from './world.ts'

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
    // A set that was created again has no trace of it.
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

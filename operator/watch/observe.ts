/** One look at everything that there is of a VectorCluster, and what was decided when it was made. */
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { VectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { TopologyView } from '../../store/topology.ts'
import { type KubeObject, keyOf } from '../kube/objects.ts'
import { KEYS, names } from '../manifests/names.ts'
import { ANNOTATIONS, LABELS, type OwnedKind } from '../resources.ts'
import type { Caches } from './caches.ts'
import { isPodOf } from './ownership.ts'
import { cellOf, hasReadyEndpoint } from './pods.ts'

/** Everything that one pass knows of a VectorCluster. */
export interface Observed {
  object: KubeObject
  cluster: VectorCluster
  sets: Map<string, KubeObject>
  pods: KubeObject[]
  claims: KubeObject[]
  router: KubeObject | undefined
  /** Whether the Service that clients speak to leads to a router. */
  reachable: boolean
  topology: TopologyView | undefined
}

/** Paused, the operator writes nothing but the status and events of this VectorCluster (O20). */
export function isPaused({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ANNOTATIONS.paused] === 'true'
}

function ownedNamed(caches: Caches, object: KubeObject, kind: OwnedKind, name: string): KubeObject | undefined {
  return caches.ownedBy(object, kind).find(({ metadata }) => metadata.name === name)
}

export function configMapOf(caches: Caches, object: KubeObject): KubeObject | undefined {
  return ownedNamed(caches, object, 'ConfigMap', names(object.metadata.name).config)
}

export function observe(
  caches: Caches,
  { object, cluster }: { object: KubeObject; cluster: VectorCluster },
  topology: TopologyView | undefined,
): Observed {
  const { name } = cluster.metadata
  const key = keyOf(cluster)
  return {
    object,
    cluster,
    sets: new Map(caches.ownedBy(object, 'StatefulSet').map((set) => [set.metadata.name, set])),
    pods: caches.pods.of(key).filter((pod) => isPodOf(pod, name)),
    claims: caches.claims.of(key),
    router: ownedNamed(caches, object, 'Deployment', names(name).router),
    reachable: hasReadyEndpoint(
      ownedNamed(caches, object, 'Service', names(name).service),
      caches.endpointSlices.of(key),
    ),
    topology,
  }
}

/**
 * A change of the number waits for live re-clustering; until then those of the beginning run. The number of the
 * beginning is in the status; where its first writing was cut off, in the ConfigMap, which is made before any set.
 */
export function clustersThatRun(
  caches: Caches,
  object: KubeObject,
  cluster: VectorCluster,
  before: VectorClusterStatus,
): number {
  if (before.clusters !== undefined) return before.clusters
  const text = configMapOf(caches, object)?.data?.[KEYS.collection]
  if (text !== undefined) return (JSON.parse(text) as CollectionConfig).clusters
  const cells = caches.ownedBy(object, 'StatefulSet').flatMap((set) => cellOf(set) ?? [])
  return Math.max(cluster.spec.clusters, ...cells.map((cell) => cell + 1))
}

/** Without a word in the manifest the image stays what it was: a new operator restarts no pod. Undefined where none runs. */
export function imageThatRuns(
  caches: Caches,
  object: KubeObject,
  cluster: VectorCluster,
  before: VectorClusterStatus,
): string | undefined {
  if (cluster.spec.image !== undefined) return cluster.spec.image
  if (before.image !== undefined) return before.image
  const [set] = caches
    .ownedBy(object, 'StatefulSet')
    .filter((one) => one.metadata.labels?.[LABELS.component] === 'shard')
  const template = set?.spec?.template as { spec?: { containers?: { image?: string }[] } } | undefined
  return template?.spec?.containers?.[0]?.image
}

/** The kinds that the operator reads and writes, and the words on them. */

import { API_VERSION, KIND } from '../protocol/manifest/vector-cluster.ts'
import type { KubeObject, Resource } from './kube/objects.ts'

function core(kind: string, plural: string): Resource {
  return { apiVersion: 'v1', kind, plural, namespaced: true }
}

export const VECTOR_CLUSTERS: Resource = {
  apiVersion: API_VERSION,
  kind: KIND,
  plural: 'vectorclusters',
  namespaced: true,
}

/** What the operator makes, in the order in which it is applied. */
export const OWNED = {
  Secret: core('Secret', 'secrets'),
  ConfigMap: core('ConfigMap', 'configmaps'),
  Service: core('Service', 'services'),
  NetworkPolicy: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    namespaced: true,
  },
  PodDisruptionBudget: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  },
  StatefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets', namespaced: true },
  Deployment: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
} as const satisfies Record<string, Resource>
export type OwnedKind = keyof typeof OWNED

/** What others make for us, and we watch. */
export const PODS = core('Pod', 'pods')
export const VOLUME_CLAIMS = core('PersistentVolumeClaim', 'persistentvolumeclaims')
export const ENDPOINT_SLICES: Resource = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
}

export const FIELD_MANAGER = 'maksdb-operator'
export const STATUS_MANAGER = 'maksdb-operator-status'
export const FINALIZER = 'maksdb.io/external-redis'

export const LABELS = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  managedBy: 'app.kubernetes.io/managed-by',
  cluster: 'maksdb.io/cluster',
  cell: 'maksdb.io/cell',
} as const
export const MANAGED_BY = 'maksdb-operator'
export const OWNED_SELECTOR = `${LABELS.managedBy}=${MANAGED_BY}`

export const ANNOTATIONS = {
  /** On a VectorCluster: "true" stops the operator's hands. */
  paused: 'maksdb.io/paused',
  /** On a VectorCluster: another value replaces every pod, one after the other. */
  restartedAt: 'maksdb.io/restarted-at',
  /** On a VectorCluster whose log has lost entries for good: go on without them. */
  acceptLoss: 'maksdb.io/accept-loss',
  /**
   * On a VectorCluster that finds data of another owner in its Redis: the uid of that owner, which an administrator knows to have
   * ended. Its data is adopted.
   */
  adoptData: 'maksdb.io/adopt-data',
  /** On what is made: digest of what was applied. */
  applied: 'maksdb.io/applied',
  /** On the Deployment of the routers: how many the manifest asked for when it was applied last. */
  declaredReplicas: 'maksdb.io/declared-replicas',
  /** On pods: digest of each part that a running pod cannot change, as JSON. */
  inputs: 'maksdb.io/inputs',
} as const

/** Key of the VectorCluster that an object says it belongs to; whether it does, ownership.ts decides. */
export function ownerKey(object: KubeObject): string | undefined {
  const name = object.metadata.labels?.[LABELS.cluster]
  return name === undefined ? undefined : `${object.metadata.namespace ?? ''}/${name}`
}

/** What every manifest of a VectorCluster is built from; nothing else may influence it. */
import type { VectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { ObjectMeta } from '../kube/objects.ts'
import { LABELS, MANAGED_BY } from '../resources.ts'
import type { Credentials } from './credentials.ts'
import { names } from './names.ts'

export interface BuildContext {
  cluster: VectorCluster
  uid: string
  /** When the VectorCluster was made, ms. */
  since: number
  /**
   * The log has been claimed for this VectorCluster. Until then the volumes of its names may be those of an earlier one,
   * which nobody may remove, whatever the manifest says of its own.
   */
  claimed: boolean
  /** Cells that run: what was asked for when the cluster was made. */
  clusters: number
  image: string
  imagePullPolicy: string
  /** Value of the restart annotation, '' where there is none. */
  restartedAt: string
  /** Digest of the Secret of the API keys and of the supplied centroids, so that a change of them reaches the pods. */
  apiKeyDigest: string
  centroidsDigest: string
  /** Passwords and tokens that are valid, by their hashes. */
  credentials: Credentials
}

export type Component = 'shard' | 'router' | 'redis' | 'config'

export function labelsOf(name: string, component: Component, cell?: number): Record<string, string> {
  return {
    [LABELS.name]: 'maksdb',
    [LABELS.instance]: name,
    [LABELS.component]: component,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.cluster]: name,
    ...(cell === undefined ? {} : { [LABELS.cell]: String(cell) }),
  }
}

/** Labels that pods are found by: they never change. */
export function selectorOf(name: string, component: Component, cell?: number): Record<string, string> {
  return {
    [LABELS.cluster]: name,
    [LABELS.component]: component,
    ...(cell === undefined ? {} : { [LABELS.cell]: String(cell) }),
  }
}

/** Metadata of an owned object: gone with its VectorCluster. */
export function metaOf(context: BuildContext, name: string, component: Component, cell?: number): ObjectMeta {
  const { metadata, apiVersion, kind } = context.cluster
  return {
    name,
    namespace: metadata.namespace,
    labels: labelsOf(metadata.name, component, cell),
    ownerReferences: [
      { apiVersion, kind, name: metadata.name, uid: context.uid, controller: true, blockOwnerDeletion: true },
    ],
  }
}

/** What becomes of the claims of a set that goes: nothing is deleted that is not known to be this VectorCluster's. */
export function reclaimPolicy({ cluster, claimed }: BuildContext): 'Retain' | 'Delete' {
  return claimed ? cluster.spec.reclaimPolicy : 'Retain'
}

export function namesOf(context: BuildContext) {
  return names(context.cluster.metadata.name)
}

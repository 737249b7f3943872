/**
 * Whose is an object? Proven by the uid in its controller reference: names and labels can be anybody's, and a namesake that
 * was made later has another uid.
 */
import { KIND } from '../../protocol/manifest/vector-cluster.ts'
import type { KubeObject, OwnerReference } from '../kube/objects.ts'
import { names } from '../manifests/names.ts'
import { LABELS, MANAGED_BY } from '../resources.ts'

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true)
}

export function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && controllerOf(object)?.uid === uid
}

/** The sentence about an object under a name of ours that another owns. */
export function notOursText(object: KubeObject, owner: KubeObject): string {
  const controller = controllerOf(object)
  const whose =
    controller === undefined
      ? 'it has no controller reference to this VectorCluster'
      : controller.kind === KIND && controller.name === owner.metadata.name
        ? `it belongs to an earlier VectorCluster of this name (uid ${controller.uid}), and Kubernetes removes it with that VectorCluster`
        : `it belongs to ${controller.kind} ${controller.name}`
  const { apiKey } = names(owner.metadata.name)
  const use =
    object.kind === 'Secret' && object.metadata.name === apiKey ? 'Name it in spec.auth.secretRef, or remove' : 'Remove'
  return `${object.kind} ${object.metadata.name} exists and does not belong to this VectorCluster: ${whose}. ${use} it, or give the VectorCluster another name`
}

/**
 * A claim of a set has no owner while it is retained, so that it can outlive its VectorCluster; the labels that the set
 * gave it say whose data it holds.
 */
export function isClaimOf(claim: KubeObject, set: KubeObject): boolean {
  const of = (object: KubeObject, label: string) => object.metadata.labels?.[label]
  return (
    of(claim, LABELS.managedBy) === MANAGED_BY &&
    [LABELS.cluster, LABELS.component, LABELS.cell].every((label) => of(claim, label) === of(set, label))
  )
}

export function claimNotOursText(claim: KubeObject): string {
  return `PersistentVolumeClaim ${claim.metadata.name} exists and does not belong to this VectorCluster: it does not have the labels of this VectorCluster. Remove it, or give it the labels if it holds the data of this shard (docs/kubernetes/operations.md, Backup of volumes)`
}

/**
 * The pods of a VectorCluster: made by its sets, or let go by one that is being created again, which takes them back by its
 * selector. A pod that only carries the labels is somebody else's.
 */
export function isPodOf(pod: KubeObject, cluster: string): boolean {
  const set = setNameOf(pod, cluster)
  const controller = controllerOf(pod)
  if (set === undefined)
    return controller?.kind === 'ReplicaSet' && controller.name.startsWith(`${names(cluster).router}-`)
  const ordinal = pod.metadata.name.slice(set.length + 1)
  if (!pod.metadata.name.startsWith(`${set}-`) || !/^\d+$/.test(ordinal)) return false
  return controller === undefined || (controller.kind === 'StatefulSet' && controller.name === set)
}

/** Name of the StatefulSet that a pod with these labels is of; undefined for a router. */
export function setNameOf(pod: KubeObject, cluster: string): string | undefined {
  const { [LABELS.component]: component, [LABELS.cell]: cell } = pod.metadata.labels ?? {}
  if (component === 'redis') return names(cluster).redis
  return component === 'shard' ? names(cluster).shard(Number(cell)) : undefined
}

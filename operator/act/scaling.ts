/** The number of routers is the manifest's until something else scales their Deployment: an autoscaler, or kubectl scale. */
import type { JsonObject, KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS } from '../resources.ts'

/** Who wrote the replicas of an object by its scale subresource, which is how autoscalers do it; undefined if there is none. */
export function scalerOf({ metadata }: KubeObject): string | undefined {
  const owns = (fields: unknown) =>
    'f:replicas' in ((fields as { 'f:spec'?: JsonObject } | undefined)?.['f:spec'] ?? {})
  return metadata.managedFields?.find(({ subresource, fieldsV1 }) => subresource === 'scale' && owns(fieldsV1))?.manager
}

/**
 * The Deployment without a word about replicas where somebody else scales it (O22). A manifest that then asks for another
 * number is applied once: the autoscaler continues from there.
 */
export function leavingReplicas(declared: KubeObject, there: KubeObject): KubeObject {
  const declaredReplicas = (object: KubeObject) => object.metadata.annotations?.[ANNOTATIONS.declaredReplicas]
  if (
    declared.kind !== 'Deployment' ||
    scalerOf(there) === undefined ||
    declaredReplicas(declared) !== declaredReplicas(there)
  )
    return declared
  const { replicas: _, ...spec } = declared.spec ?? {}
  return { ...declared, spec }
}

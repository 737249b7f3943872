/**
 * Kubernetes objects as untyped JSON: the generated models of client-node drop every field that they do not know (a newer
 * API server's, a CRD's extensions), so nothing is ever sent or read through them.
 */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
  managedFields?: ManagedFields[]
}

/** What a manager owns in an object, by its updates or by what it applied last. */
export interface ManagedFields {
  manager: string
  operation: string
  subresource?: string
  fieldsV1?: unknown
}

export type JsonObject = Record<string, unknown>

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec?: JsonObject
  status?: JsonObject
  data?: Record<string, string>
  stringData?: Record<string, string>
  [field: string]: unknown
}

export interface KubeList {
  metadata: { resourceVersion: string; continue?: string }
  items: KubeObject[]
}

/** Where a kind lives in the API. */
export interface Resource {
  apiVersion: string
  kind: string
  plural: string
  namespaced: boolean
}

export interface ObjectName {
  namespace?: string | undefined
  name: string
}

/** `/apis/apps/v1/namespaces/ns/statefulsets/name/status`; without a name, the collection. */
export function pathOf(resource: Resource, at: Partial<ObjectName> = {}, subresource?: string): string {
  const root = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`
  const scope =
    resource.namespaced && at.namespace !== undefined ? `/namespaces/${encodeURIComponent(at.namespace)}` : ''
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`
  return `${root}${scope}/${resource.plural}${name}${subresource === undefined ? '' : `/${subresource}`}`
}

export function keyOf(object: { metadata: ObjectMeta }): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

export function parseKey(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}

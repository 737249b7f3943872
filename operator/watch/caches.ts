/** The operator's copies of what is in the cluster: VectorClusters, what it made for them, and their pods and volumes. */
import type { KubeClient } from '../kube/kube-client.ts'
import { type KubeObject, keyOf, parseKey, type Resource } from '../kube/objects.ts'
import { Reflector, type ReflectorHooks } from '../kube/reflector.ts'
import {
  ENDPOINT_SLICES,
  LABELS,
  OWNED,
  OWNED_SELECTOR,
  type OwnedKind,
  ownerKey,
  PODS,
  VECTOR_CLUSTERS,
  VOLUME_CLAIMS,
} from '../resources.ts'
import { isOwnedBy } from './ownership.ts'

export interface CacheHooks {
  /** A VectorCluster, or something of it, has changed. */
  onChange: (key: string) => void
  onRestart: (kind: string, reason: string) => void
  onMiss: (kind: string, key: string) => void
}

/** One kind, in all watched namespaces. */
class KindCache {
  readonly #reflectors: { namespace: string | undefined; reflector: Reflector }[]

  constructor(reflectors: { namespace: string | undefined; reflector: Reflector }[]) {
    this.#reflectors = reflectors
  }

  #at(namespace: string): Reflector | undefined {
    return this.#reflectors.find((one) => one.namespace === undefined || one.namespace === namespace)?.reflector
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#at(namespace)?.get(`${namespace}/${name}`)
  }

  of(owner: string): KubeObject[] {
    return this.#at(parseKey(owner).namespace)?.by(owner) ?? []
  }

  versionsOf(owner: string): string {
    return this.#at(parseKey(owner).namespace)?.versionsBy(owner) ?? ''
  }

  get size(): number {
    return this.#reflectors.reduce((sum, { reflector }) => sum + reflector.size, 0)
  }

  learn(object: KubeObject): void {
    this.#at(object.metadata.namespace ?? '')?.learn(object)
  }
}

/** What is watched of a kind, and what is known of it. */
export interface WatchedKind {
  resource: Resource
  /** Key of the VectorCluster that an object is, or belongs to. */
  keyed: (object: KubeObject) => string | undefined
  labelSelector: string | undefined
  cache: KindCache
}

export class Caches {
  readonly #reflectors: Reflector[] = []
  readonly kinds: WatchedKind[] = []
  readonly clusters: KindCache
  readonly pods: KindCache
  readonly claims: KindCache
  /** Of the client Services: Kubernetes gives them the labels of their Service. */
  readonly endpointSlices: KindCache
  readonly owned: Record<OwnedKind, KindCache>

  /** @param namespaces those to watch; none: all */
  constructor(client: KubeClient, namespaces: readonly string[], hooks: CacheHooks) {
    const watch = (resource: Resource, keyed: WatchedKind['keyed'], labelSelector?: string) => {
      const reflectorHooks: ReflectorHooks = {
        onChange: (object) => {
          const key = keyed(object)
          if (key !== undefined) hooks.onChange(key)
        },
        onRestart: (reason) => hooks.onRestart(resource.kind, reason),
        onMiss: (key) => hooks.onMiss(resource.kind, key),
      }
      const made = (namespaces.length === 0 ? [undefined] : namespaces).map((namespace) => ({
        namespace,
        reflector: new Reflector(client, resource, { namespace, labelSelector, indexBy: keyed }, reflectorHooks),
      }))
      this.#reflectors.push(...made.map(({ reflector }) => reflector))
      const cache = new KindCache(made)
      this.kinds.push({ resource, keyed, labelSelector, cache })
      return cache
    }
    this.clusters = watch(VECTOR_CLUSTERS, keyOf)
    this.pods = watch(PODS, ownerKey, OWNED_SELECTOR)
    this.claims = watch(VOLUME_CLAIMS, ownerKey, OWNED_SELECTOR)
    this.endpointSlices = watch(ENDPOINT_SLICES, ownerKey, `${OWNED_SELECTOR},${LABELS.component}=router`)
    this.owned = Object.fromEntries(
      Object.entries(OWNED).map(([kind, resource]) => [kind, watch(resource, ownerKey, OWNED_SELECTOR)]),
    ) as Record<OwnedKind, KindCache>
  }

  /** Objects of a kind that the labels say are of this VectorCluster, and that are. */
  ownedBy(owner: KubeObject, kind: OwnedKind): KubeObject[] {
    return this.owned[kind].of(keyOf(owner)).filter((object) => isOwnedBy(object, owner.metadata.uid))
  }

  /** Changes whenever something that was made for this VectorCluster has changed. */
  versionsOwnedBy(owner: string): string {
    return Object.values(this.owned)
      .map((cache) => cache.versionsOf(owner))
      .join(';')
  }

  run(signal: AbortSignal): Promise<unknown> {
    return Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)))
  }

  /** Resolves when everything has been listed once. */
  get synced(): Promise<unknown> {
    return Promise.all(this.#reflectors.map((reflector) => reflector.synced))
  }
}

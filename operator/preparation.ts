/** What a pass needs before it can observe: the context of the manifests, the Secrets, and where the log is. */
import type { CollectionConfig } from '../protocol/env/config.ts'
import type { VectorCluster } from '../protocol/manifest/vector-cluster.ts'
import type { VectorClusterStatus } from '../protocol/manifest/vector-cluster-status.ts'
import type { Applier } from './act/applier.ts'
import type { Written } from './act/object-writer.ts'
import { type KubeObject, keyOf } from './kube/objects.ts'
import { apiKeySecret, collectionConfig, internalSecret } from './manifests/config.ts'
import type { BuildContext } from './manifests/context.ts'
import { credentialsOf } from './manifests/credentials.ts'
import { digest } from './manifests/inputs.ts'
import { KEYS, names, PORTS } from './manifests/names.ts'
import type { Problem } from './problem.ts'
import { ANNOTATIONS } from './resources.ts'
import type { Caches } from './watch/caches.ts'
import { clustersThatRun, configMapOf, imageThatRuns, isPaused } from './watch/observe.ts'
import { isOwnedBy, isPodOf } from './watch/ownership.ts'
import type { References } from './watch/references.ts'

export interface OperatorSettings {
  image: string
  imagePullPolicy: string
}

/** What one pass over one VectorCluster is about. */
export interface Pass {
  object: KubeObject
  cluster: VectorCluster
  before: VectorClusterStatus
  references: References
  context: BuildContext
  /** Where the log of the collection is. */
  scope: CollectionConfig
  url: string
  token: string
  /** What could not be written before anything was observed. */
  problems: Problem[]
}

interface PreparationParts {
  caches: Caches
  settings: OperatorSettings
}

export class Preparation {
  readonly #parts: PreparationParts
  readonly #applier: Applier

  constructor(parts: PreparationParts, applier: Applier) {
    this.#parts = parts
    this.#applier = applier
  }

  /** What the manifests follow from, but for the digests of Secrets that the operator makes itself. */
  contextOf(object: KubeObject, cluster: VectorCluster, references: References): BuildContext {
    const before = (object.status ?? {}) as VectorClusterStatus
    return {
      cluster,
      uid: object.metadata.uid ?? '',
      since: Date.parse(object.metadata.creationTimestamp ?? '') || 0,
      claimed: before.claimed ?? false,
      clusters: clustersThatRun(this.#parts.caches, object, cluster, before),
      image: imageThatRuns(this.#parts.caches, object, cluster, before) ?? this.#parts.settings.image,
      imagePullPolicy: this.#parts.settings.imagePullPolicy,
      restartedAt: object.metadata.annotations?.[ANNOTATIONS.restartedAt] ?? '',
      apiKeyDigest: references.apiKeyDigest,
      centroidsDigest: references.centroidsDigest,
      credentials: { known: [], shardsFollow: true },
    }
  }

  async prepare(
    object: KubeObject,
    cluster: VectorCluster,
    references: References,
    signal: AbortSignal,
  ): Promise<Pass> {
    const before = (object.status ?? {}) as VectorClusterStatus
    const context = this.contextOf(object, cluster, references)
    const { namespace, name } = cluster.metadata
    const { internal: internalName, apiKey, redis } = names(name)
    const internal = await this.#secret(object, internalName, () => internalSecret(context), signal)
    const keys = cluster.spec.auth ? undefined : await this.#secret(object, apiKey, () => apiKeySecret(context), signal)
    if (keys) context.apiKeyDigest = digest(keys.object?.data ?? null)
    const { caches } = this.#parts
    const pods = caches.pods.of(keyOf(cluster)).filter((pod) => isPodOf(pod, name))
    context.credentials = credentialsOf(internal.object, configMapOf(caches, object), pods)
    const secret = (key: string) => Buffer.from(internal.object?.data?.[key] ?? '', 'base64').toString()
    // Only our own Service is sent the password.
    const service = caches.owned.Service.get(namespace, redis)
    const known = internal.object && service && isOwnedBy(service, context.uid)
    const managed = known ? `redis://:${secret(KEYS.redisPassword)}@${redis}.${namespace}.svc:${PORTS.redis}` : ''
    return {
      object,
      cluster,
      before,
      references,
      context,
      scope: collectionConfig(context),
      url: cluster.spec.redis.external ? (references.externalUrl ?? '') : managed,
      token: secret(KEYS.internalToken),
      problems: [internal, keys].flatMap((written) => written?.problem ?? []),
    }
  }

  /** Paused, a Secret that is missing is not made. */
  #secret(object: KubeObject, name: string, make: () => KubeObject, signal: AbortSignal): Promise<Written> {
    if (!isPaused(object)) return this.#applier.ensureSecret(object, name, make, signal)
    const there = this.#parts.caches.ownedBy(object, 'Secret').find(({ metadata }) => metadata.name === name)
    return Promise.resolve(there ? { object: there } : {})
  }
}

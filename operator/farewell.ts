/**
 * The end of a VectorCluster. Owner references and the retention of claims do the work for all that is Kubernetes' own.
 * Keys in an external Redis are nobody's: with reclaimPolicy Delete a finalizer holds the object until they are gone.
 */
import { collectionConfigOf } from '../protocol/cluster-config.ts'
import type { VectorCluster } from '../protocol/vector-cluster.ts'
import type { ApplierParts } from './applier.ts'
import type { Trouble } from './conditions.ts'
import { isRefusal } from './kube/kube-error.ts'
import { type KubeObject, keyOf } from './kube/objects.ts'
import type { LogViews } from './log-view.ts'
import { isPodOf } from './ownership.ts'
import { FINALIZER, OWNED, VECTOR_CLUSTERS } from './resources.ts'
import { Setbacks } from './setbacks.ts'

const SOON_MS = 1000

export class Farewell {
  readonly #parts: ApplierParts
  readonly #logs: LogViews
  readonly #setbacks = new Setbacks()

  constructor(parts: ApplierParts, logs: LogViews) {
    this.#parts = parts
    this.#logs = logs
  }

  /** Sets or removes the finalizer, as the manifest asks. */
  async prepare(object: KubeObject, { spec }: VectorCluster, signal: AbortSignal): Promise<Trouble | undefined> {
    const wanted = spec.redis.external !== undefined && spec.reclaimPolicy === 'Delete'
    const has = object.metadata.finalizers?.includes(FINALIZER) ?? false
    if (wanted === has) return undefined
    const [place, asked] = [keyOf(object), String(wanted)]
    const waiting = this.#setbacks.waiting(place, asked)
    if (waiting) return waiting
    try {
      await this.#patch(object, wanted, signal)
      this.#setbacks.clear(place)
      return undefined
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const message = `the finalizer ${FINALIZER} cannot be ${wanted ? 'set' : 'removed'}: ${error.message}`
      return this.#setbacks.note(place, asked, { reason: 'Refused', message })
    }
  }

  async #patch(object: KubeObject, wanted: boolean, signal: AbortSignal): Promise<void> {
    const others = (object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
    const { namespace, name, resourceVersion } = object.metadata
    const patch = { metadata: { resourceVersion, finalizers: wanted ? [...others, FINALIZER] : others } }
    const answer = await this.#parts.client.mergePatch(VECTOR_CLUSTERS, { namespace, name }, patch, signal)
    if (answer.metadata.deletionTimestamp === undefined || wanted) this.#parts.caches.clusters.learn(answer)
  }

  /** Milliseconds until the next pass; undefined when all is done. */
  async bid(
    key: string,
    object: KubeObject,
    cluster: VectorCluster,
    url: string | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (!object.metadata.finalizers?.includes(FINALIZER)) return undefined
    const { caches, client, events } = this.#parts
    const sets = [...caches.ownedBy(object, 'StatefulSet'), ...caches.ownedBy(object, 'Deployment')]
    const pods = caches.pods.of(key).filter((pod) => isPodOf(pod, object.metadata.name))
    for (const set of sets)
      if (set.metadata.deletionTimestamp === undefined)
        await client.delete(set.kind === 'Deployment' ? OWNED.Deployment : OWNED.StatefulSet, set, {}, signal)
    // A pod that still runs would write its keys anew.
    if (pods.length > 0 || sets.length > 0) return SOON_MS
    if (url !== undefined) {
      const scope = collectionConfigOf(cluster, { redisUrl: url, namedVector: false })
      const removed = await this.#logs.erase(key, url, scope)
      const note = `${removed} keys were removed from the external Redis`
      await events.record(object, { type: 'Normal', reason: 'Erased', action: 'Erase', note }, signal)
    } else {
      const note = 'the Secret with the URL of Redis is gone: the keys in it, if any, stay'
      await events.record(object, { type: 'Warning', reason: 'NotErased', action: 'Erase', note }, signal)
    }
    await this.#patch(object, false, signal)
    return undefined
  }
}

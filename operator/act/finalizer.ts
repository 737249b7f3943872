/**
 * The end of a VectorCluster. Owner references and the retention of claims do the work for all that is Kubernetes' own.
 * Keys in an external Redis are claimed by the VectorCluster: a finalizer holds the object until they are gone, with
 * reclaimPolicy Delete, or let go, with Retain, so that the next of its name may adopt them (rule L25).
 */
import { asMaksError } from '../../core/errors.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { VectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { EventText } from '../kube/event-recorder.ts'
import { isRefusal } from '../kube/kube-error.ts'
import { type KubeObject, keyOf } from '../kube/objects.ts'
import type { Problem } from '../problem.ts'
import { ANNOTATIONS, FINALIZER, OWNED, VECTOR_CLUSTERS } from '../resources.ts'
import type { ApiAccess } from '../watch/api-access.ts'
import type { LogViews } from '../watch/log-view.ts'
import { isPodOf } from '../watch/ownership.ts'
import { Backoff } from './backoff.ts'

const SOON_MS = 1000
/** A Redis that is gone for good must not hold the object for ever. */
const RELEASE_PATIENCE_MS = 60_000

/** A VectorCluster that ends, and where its keys are. */
export interface Leaving {
  cluster: VectorCluster
  scope: CollectionConfig
  url: string | undefined
}

type Outcome = Omit<EventText, 'action'>

export class Finalizer {
  readonly #parts: ApiAccess
  readonly #logs: LogViews
  readonly #backoff = new Backoff()

  constructor(parts: ApiAccess, logs: LogViews) {
    this.#parts = parts
    this.#logs = logs
  }

  /** Sets or removes the finalizer, as the kind of Redis asks. */
  async prepare(object: KubeObject, { spec }: VectorCluster, signal: AbortSignal): Promise<Problem | undefined> {
    const wanted = spec.redis.external !== undefined
    const has = object.metadata.finalizers?.includes(FINALIZER) ?? false
    if (wanted === has) return undefined
    const [place, asked] = [keyOf(object), String(wanted)]
    const waiting = this.#backoff.waiting(place, asked)
    if (waiting) return waiting
    try {
      await this.#patch(object, wanted, signal)
      this.#backoff.clear(place)
      return undefined
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const message = `the finalizer ${FINALIZER} cannot be ${wanted ? 'set' : 'removed'}: ${error.message}`
      return this.#backoff.note(place, asked, { reason: 'Refused', message })
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
  async finalize(
    key: string,
    object: KubeObject,
    { cluster, scope, url }: Leaving,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (!object.metadata.finalizers?.includes(FINALIZER)) return undefined
    const { caches, client, events } = this.#parts
    const sets = [...caches.ownedBy(object, 'StatefulSet'), ...caches.ownedBy(object, 'Deployment')]
    const pods = caches.pods.of(key).filter((pod) => isPodOf(pod, object.metadata.name))
    for (const set of sets)
      if (set.metadata.deletionTimestamp === undefined)
        await client.delete(set.kind === 'Deployment' ? OWNED.Deployment : OWNED.StatefulSet, set, {}, signal)
    // A pod that still runs would write its keys again.
    if (pods.length > 0 || sets.length > 0) return SOON_MS
    const retain = cluster.spec.reclaimPolicy === 'Retain'
    const outcome = await (retain ? this.#release(key, object, scope, url) : this.#erase(key, scope, url))
    if (outcome === undefined) return SOON_MS
    await events.record(object, { ...outcome, action: retain ? 'Release' : 'Erase' }, signal)
    await this.#patch(object, false, signal)
    return undefined
  }

  async #erase(key: string, scope: CollectionConfig, url: string | undefined): Promise<Outcome> {
    if (url === undefined)
      return warning(
        'NotErased',
        'the Secret with the URL of Redis does not exist: the keys in that Redis, if any, stay',
      )
    const removed = await this.#logs.erase(key, url, scope)
    if (typeof removed === 'number')
      return { type: 'Normal', reason: 'Erased', note: `the operator removed ${removed} keys from the external Redis` }
    const whose =
      removed.uid === '' ? 'no VectorCluster has claimed them' : `they belong to ${removed.other} (uid ${removed.uid})`
    return warning('NotErased', `the keys in the external Redis stay: ${whose}`)
  }

  /** Undefined while Redis does not answer, for a while: keys that stay claimed can still be adopted by their owner's uid. */
  async #release(
    key: string,
    { metadata }: KubeObject,
    scope: CollectionConfig,
    url: string | undefined,
  ): Promise<Outcome | undefined> {
    const adopt = `a later VectorCluster of this name adopts the data with the annotation ${ANNOTATIONS.adoptData}: ${scope.uid}`
    if (url === undefined) return warning('NotReleased', `the Secret with the URL of Redis does not exist; ${adopt}`)
    try {
      const released = await this.#logs.disown(key, url, scope)
      if (released.done)
        return {
          type: 'Normal',
          reason: 'Released',
          note: 'the keys stay in Redis, for the next VectorCluster of this name',
        }
      const whose =
        released.uid === ''
          ? 'no VectorCluster has claimed them'
          : `they belong to ${released.other} (uid ${released.uid})`
      return warning('NotReleased', `the keys in the external Redis stay unchanged: ${whose}`)
    } catch (error) {
      if (Date.now() - Date.parse(metadata.deletionTimestamp ?? '') < RELEASE_PATIENCE_MS) return undefined
      return warning('NotReleased', `${asMaksError(error).message}; ${adopt}`)
    }
  }
}

function warning(reason: string, note: string): Outcome {
  return { type: 'Warning', reason, note }
}

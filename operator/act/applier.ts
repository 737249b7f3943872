/**
 * Makes what a VectorCluster consists of, and keeps it as declared: which object before which, and how often again. What the
 * API server refuses comes back as a problem and delays only what needs it.
 */
import { isRefusal } from '../kube/kube-error.ts'
import { type KubeObject, keyOf } from '../kube/objects.ts'
import { type BuildContext, namesOf } from '../manifests/context.ts'
import { digest } from '../manifests/inputs.ts'
import { manifests } from '../manifests/manifests.ts'
import type { Problem } from '../problem.ts'
import { ANNOTATIONS, type OwnedKind } from '../resources.ts'
import type { ApiAccess } from '../watch/api-access.ts'
import { isOwnedBy } from '../watch/ownership.ts'
import { Backoff } from './backoff.ts'
import { driftOf, stamped } from './drift.ts'
import { fitted, makesPods, ObjectWriter, type Written } from './object-writer.ts'

/** Objects of one VectorCluster that are on their way to the API server together. */
const APPLIES_AT_A_TIME = 8
/** No event reports that a name has become free: it is tried so often at least. */
const NAME_AGAIN_MS = 10_000

export class Applier {
  readonly #parts: ApiAccess
  readonly #writer: ObjectWriter
  /** What was declared and what was there when a comparison of the two found nothing to do. */
  readonly #settled = new Map<string, string>()
  readonly #backoff = new Backoff()

  constructor(parts: ApiAccess) {
    this.#parts = parts
    this.#writer = new ObjectWriter(parts)
  }

  /**
   * Creates what is missing and repairs what drifted.
   * @param replicas pods of each shard
   */
  async apply(
    owner: KubeObject,
    context: BuildContext,
    replicas: readonly number[],
    signal: AbortSignal,
  ): Promise<Problem[]> {
    const key = keyOf(owner)
    const look = () => digest({ context, replicas, versions: this.#parts.caches.versionsOwnedBy(key) })
    const before = look()
    if (this.#settled.get(key) === before) return []
    const problems = await this.#applyAll(owner, context, manifests(context, replicas), signal)
    if (problems.length === 0 && look() === before) this.#settled.set(key, before)
    return problems
  }

  forget(key: string): void {
    this.#settled.delete(key)
  }

  async #applyAll(
    owner: KubeObject,
    context: BuildContext,
    desired: readonly KubeObject[],
    signal: AbortSignal,
  ): Promise<Problem[]> {
    const problems: (Problem | undefined)[] = []
    // Kinds come one after the other: what a pod reads is there before its set. Of one kind, several go at a time.
    for (const kind of new Set(desired.map((object) => object.kind))) {
      if (makesPods(kind) && !this.#podsHaveWhatTheyRead(context)) continue
      const waiting = desired.filter((object) => object.kind === kind).values()
      const worker = async () => {
        for (const object of waiting) problems.push((await this.#applyOne(owner, object, signal)).problem)
      }
      await Promise.all(Array.from({ length: APPLIES_AT_A_TIME }, worker))
    }
    return problems.filter((problem) => problem !== undefined)
  }

  /** No pod mounts, or speaks to, what somebody else has put under a name of ours. */
  #podsHaveWhatTheyRead(context: BuildContext): boolean {
    const { Secret, ConfigMap, Service } = this.#parts.caches.owned
    const { metadata, spec } = context.cluster
    const { internal, apiKey, config, redis } = namesOf(context)
    const ours = (object: KubeObject | undefined) => object !== undefined && isOwnedBy(object, context.uid)
    return (
      ours(Secret.get(metadata.namespace, internal)) &&
      (spec.auth !== undefined || ours(Secret.get(metadata.namespace, apiKey))) &&
      ours(ConfigMap.get(metadata.namespace, config)) &&
      (spec.redis.external !== undefined || ours(Service.get(metadata.namespace, redis)))
    )
  }

  async #applyOne(owner: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Written> {
    const kind = object.kind as OwnedKind
    const { namespace = '', name } = object.metadata
    const seen = this.#parts.caches.owned[kind].get(namespace, name)
    // On its way out: what takes its place is made when it is gone.
    if (seen?.metadata.deletionTimestamp !== undefined) return {}
    const declared = stamped(object)
    const ours = seen && isOwnedBy(seen, owner.metadata.uid) ? seen : undefined
    if (ours && driftOf(fitted(declared, ours), ours) === undefined) return { object: ours }
    const asked = declared.metadata.annotations?.[ANNOTATIONS.applied] ?? ''
    return this.#try(placeOf(object), asked, object, !ours, signal, () =>
      this.#writer.apply(owner, declared, ours, signal),
    )
  }

  /** Makes a Secret where there is none; it is never changed afterwards. */
  async ensureSecret(owner: KubeObject, name: string, make: () => KubeObject, signal: AbortSignal): Promise<Written> {
    const current = this.#parts.caches.owned.Secret.get(owner.metadata.namespace ?? '', name)
    if (current && isOwnedBy(current, owner.metadata.uid)) return { object: current }
    const secret = make()
    return this.#try(placeOf(secret), name, secret, true, signal, () => this.#writer.make(owner, secret, signal))
  }

  /** A refused write becomes a problem, and is asked for again later; what the API server could not answer is thrown. */
  async #try(
    place: string,
    asked: string,
    { kind, metadata }: KubeObject,
    missing: boolean,
    signal: AbortSignal,
    write: () => Promise<Written>,
  ): Promise<Written> {
    const waiting = this.#backoff.waiting(place, asked)
    if (waiting) return { problem: waiting }
    try {
      const { object, problem } = await write()
      const maxMs = problem?.reason === 'NameTaken' ? NAME_AGAIN_MS : undefined
      if (problem) return { problem: this.#backoff.note(place, asked, problem, maxMs) }
      this.#backoff.clear(place)
      return object ? { object } : {}
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const message = `${kind} ${metadata.name}: ${error.message}`
      return { problem: this.#backoff.note(place, asked, { reason: 'Refused', message, blocksReady: missing }) }
    }
  }
}

function placeOf(object: KubeObject): string {
  return `${object.kind}/${keyOf(object)}`
}

/**
 * Makes what a VectorCluster consists of, and keeps it as declared. Only what is ours is ever changed: made by POST, which
 * takes over nothing, and changed at the very state that was seen to be ours. What the API server refuses comes back as
 * trouble and holds up nothing but what needs it.
 */
import { type BuildContext, digest, namesOf } from './build/context.ts'
import { manifests } from './build/manifests.ts'
import type { Caches } from './caches.ts'
import type { Trouble } from './conditions.ts'
import { driftOf, stamped, wholesThatDiffer } from './drift.ts'
import type { EventRecorder, EventText } from './kube/event-recorder.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { isNotFound, isRefusal, KubeError } from './kube/kube-error.ts'
import { updatesAsApplied } from './kube/managed-fields.ts'
import { type KubeObject, keyOf } from './kube/objects.ts'
import { claimNotOursText, isClaimOf, isOwnedBy, notOursText } from './ownership.ts'
import { ANNOTATIONS, FIELD_MANAGER, OWNED, type OwnedKind, VOLUME_CLAIMS } from './resources.ts'
import { leavingReplicas } from './scaling.ts'
import { Setbacks } from './setbacks.ts'

/** Objects of one VectorCluster that are on their way to the API server together. */
const APPLIES_AT_A_TIME = 8
/** Nobody tells when a name that is taken becomes free: it is tried so often at least. */
const NAME_AGAIN_MS = 10_000
/** An object that others change at the same time is looked at again so often. */
const CONFLICTS_MAX = 3

export interface ApplierParts {
  client: KubeClient
  caches: Caches
  events: EventRecorder
}

/** What a write has come to: the object as it is now, or why not. Neither: it is on its way out. */
export interface Written {
  object?: KubeObject
  trouble?: Trouble
}

export class Applier {
  readonly #parts: ApplierParts
  /** What was declared and what was there when a comparison of the two found nothing to do. */
  readonly #settled = new Map<string, string>()
  readonly #setbacks = new Setbacks()

  constructor(parts: ApplierParts) {
    this.#parts = parts
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
  ): Promise<Trouble[]> {
    const key = keyOf(owner)
    const look = () => digest({ context, replicas, versions: this.#parts.caches.versionsOwnedBy(key) })
    const before = look()
    if (this.#settled.get(key) === before) return []
    const troubles = await this.#applyAll(owner, context, manifests(context, replicas), signal)
    if (troubles.length === 0 && look() === before) this.#settled.set(key, before)
    return troubles
  }

  forget(key: string): void {
    this.#settled.delete(key)
  }

  async #applyAll(
    owner: KubeObject,
    context: BuildContext,
    desired: readonly KubeObject[],
    signal: AbortSignal,
  ): Promise<Trouble[]> {
    const troubles: (Trouble | undefined)[] = []
    // Kinds come one after the other: what a pod reads is there before its set. Of one kind, several go at a time.
    for (const kind of new Set(desired.map((object) => object.kind))) {
      if (makesPods(kind) && !this.#podsHaveWhatTheyRead(context)) continue
      const waiting = desired.filter((object) => object.kind === kind).values()
      const worker = async () => {
        for (const object of waiting) troubles.push((await this.#applyOne(owner, object, signal)).trouble)
      }
      await Promise.all(Array.from({ length: APPLIES_AT_A_TIME }, worker))
    }
    return troubles.filter((trouble) => trouble !== undefined)
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
    return this.#try(placeOf(object), asked, object, !ours, signal, async () => {
      const claim = kind === 'StatefulSet' ? await this.#foreignClaim(declared, ours, signal) : undefined
      if (claim) return this.#nameTaken(owner, claimNotOursText(claim), ours === undefined, signal)
      const made = ours ? undefined : await this.#create(owner, declared, signal)
      if (made) return made
      return this.#change(owner, declared, signal)
    })
  }

  /** Makes a Secret where there is none; it is never changed afterwards. */
  async ensureSecret(owner: KubeObject, name: string, make: () => KubeObject, signal: AbortSignal): Promise<Written> {
    const present = this.#parts.caches.owned.Secret.get(owner.metadata.namespace ?? '', name)
    if (present && isOwnedBy(present, owner.metadata.uid)) return { object: present }
    const secret = make()
    return this.#try(placeOf(secret), name, secret, true, signal, async () => {
      const made = await this.#create(owner, secret, signal)
      if (made) return made
      // The copy is behind: it is there, and ours.
      const { namespace } = secret.metadata
      return { object: this.#learned(await this.#parts.client.get(OWNED.Secret, { namespace, name }, signal)) }
    })
  }

  /** A refusal becomes trouble, and is asked for again later; what the API server could not answer is thrown. */
  async #try(
    place: string,
    asked: string,
    { kind, metadata }: KubeObject,
    missing: boolean,
    signal: AbortSignal,
    write: () => Promise<Written>,
  ): Promise<Written> {
    const waiting = this.#setbacks.waiting(place, asked)
    if (waiting) return { trouble: waiting }
    try {
      const { object, trouble } = await write()
      const maxMs = trouble?.reason === 'NameTaken' ? NAME_AGAIN_MS : undefined
      if (trouble) return { trouble: this.#setbacks.note(place, asked, trouble, maxMs) }
      this.#setbacks.clear(place)
      return object ? { object } : {}
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const message = `${kind} ${metadata.name}: ${error.message}`
      return { trouble: this.#setbacks.note(place, asked, { reason: 'Refused', message, blocksReady: missing }) }
    }
  }

  /** Undefined where an object of ours is there already, which the copy has not heard of. */
  async #create(owner: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Written | undefined> {
    const resource = OWNED[object.kind as OwnedKind]
    try {
      const made = this.#learned(await this.#parts.client.createToApply(resource, object, FIELD_MANAGER, signal))
      if (makesPods(object.kind))
        await this.#event(
          owner,
          'Normal',
          'Created',
          'Create',
          `${object.kind} ${object.metadata.name} created`,
          signal,
        )
      return { object: made }
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      // A quota or a rule may speak before the name does.
      const there = await this.#parts.client.get(resource, object.metadata, signal).catch((thrown: unknown) => {
        if (isNotFound(thrown)) throw error
        throw thrown
      })
      if (!isOwnedBy(there, owner.metadata.uid)) return this.#notOurs(owner, there, signal)
      this.#learned(there)
      return undefined
    }
  }

  /** Changes the very state that was seen to be ours; what was written meanwhile is looked at again. */
  async #change(owner: KubeObject, declared: KubeObject, signal: AbortSignal): Promise<Written> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#changeOnce(owner, declared, signal)
      } catch (error) {
        const conflict = error instanceof KubeError && error.status === 409
        if (!conflict || attempt === CONFLICTS_MAX) throw error
      }
    }
  }

  async #changeOnce(owner: KubeObject, declared: KubeObject, signal: AbortSignal): Promise<Written> {
    const { client } = this.#parts
    const resource = OWNED[declared.kind as OwnedKind]
    const there = await client.get(resource, declared.metadata, signal).catch((thrown: unknown) => {
      if (!isNotFound(thrown)) throw thrown
    })
    // Gone meanwhile: the next pass makes it.
    if (!there) return {}
    if (!isOwnedBy(there, owner.metadata.uid)) return this.#notOurs(owner, there, signal)
    const wanted = fitted(declared, there)
    const why = driftOf(wanted, there)
    if (why === undefined) return { object: this.#learned(there) }
    const applied = await this.#applyAt(await this.#asApplied(there, signal), wanted, signal)
    const wholes = wholesThatDiffer(wanted, applied).map(({ path, value }) => ({ op: 'replace' as const, path, value }))
    const now = wholes.length === 0 ? applied : await client.jsonPatch(resource, applied, wholes, FIELD_MANAGER, signal)
    this.#learned(now)
    const left = driftOf(wanted, now)
    if (left !== undefined) {
      const message = `${nameOf(wanted)} does not stay as it is declared: ${left}, again at every write. An admission webhook changes it`
      return { trouble: { reason: 'DriftRemains', message } }
    }
    if (why.endsWith('someone else'))
      await this.#event(owner, 'Warning', 'DriftRepaired', 'Apply', `${nameOf(wanted)} put right: ${why}`, signal)
    else await this.#event(owner, 'Normal', 'Updated', 'Apply', updated(wanted, there), signal)
    return { object: now }
  }

  async #asApplied(object: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    const value = updatesAsApplied(object.metadata.managedFields ?? [], FIELD_MANAGER)
    if (value === undefined) return object
    const operations = [{ op: 'replace' as const, path: '/metadata/managedFields', value }]
    return this.#parts.client.jsonPatch(OWNED[object.kind as OwnedKind], object, operations, FIELD_MANAGER, signal)
  }

  #applyAt({ metadata }: KubeObject, wanted: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    const { uid = '', resourceVersion = '' } = metadata
    const guarded = { ...wanted, metadata: { ...wanted.metadata, uid, resourceVersion } }
    return this.#parts.client.apply(OWNED[wanted.kind as OwnedKind], guarded, FIELD_MANAGER, signal)
  }

  /** A claim that a set would take by its name, although it was made for something else. */
  async #foreignClaim(
    set: KubeObject,
    before: KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const { namespace = '', name } = set.metadata
    for (let ordinal = Number(before?.spec?.replicas ?? 0); ordinal < Number(set.spec?.replicas); ordinal++) {
      const at = { namespace, name: `data-${name}-${ordinal}` }
      const claim =
        this.#parts.caches.claims.get(namespace, at.name) ??
        (await this.#parts.client.get(VOLUME_CLAIMS, at, signal).catch((thrown: unknown) => {
          if (!isNotFound(thrown)) throw thrown
        }))
      if (claim && !isClaimOf(claim, set)) return claim
    }
    return undefined
  }

  #notOurs(owner: KubeObject, there: KubeObject, signal: AbortSignal): Promise<Written> {
    return this.#nameTaken(owner, notOursText(there, owner), BLOCKING.has(there.kind), signal)
  }

  async #nameTaken(owner: KubeObject, message: string, blocksReady: boolean, signal: AbortSignal): Promise<Written> {
    await this.#event(owner, 'Warning', 'NameTaken', 'Create', message, signal)
    return { trouble: { reason: 'NameTaken', message, blocksReady } }
  }

  #learned(object: KubeObject): KubeObject {
    this.#parts.caches.owned[object.kind as OwnedKind].learn(object)
    return object
  }

  #event(
    about: KubeObject,
    type: EventText['type'],
    reason: string,
    action: string,
    note: string,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#parts.events.record(about, { type, reason, action, note }, signal)
  }
}

/** Without these nothing can be served. */
const BLOCKING = new Set<string>(['Secret', 'ConfigMap', 'Service', 'StatefulSet', 'Deployment'])

function makesPods(kind: string): boolean {
  return kind === 'StatefulSet' || kind === 'Deployment'
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`
}

function placeOf(object: KubeObject): string {
  return `${object.kind}/${keyOf(object)}`
}

function updated(wanted: KubeObject, observed: KubeObject): string {
  const [was, is] = [observed.spec?.replicas, wanted.spec?.replicas]
  const scaled = was === is ? '' : `: ${String(was)} to ${String(is)} pods`
  return `${nameOf(wanted)} updated${scaled}`
}

/** What is declared, but for what cannot be changed and what somebody else was given to decide. */
function fitted(declared: KubeObject, there: KubeObject): KubeObject {
  return leavingReplicas(withClaimsOf(declared, there), there)
}

/** Claims of a set cannot be changed; when they grow, the set is made anew. */
function withClaimsOf(desired: KubeObject, observed: KubeObject): KubeObject {
  if (desired.kind !== 'StatefulSet') return desired
  const claims = (observed.spec?.volumeClaimTemplates ?? []) as {
    status?: unknown
    metadata: { name: string; labels?: unknown }
  }[]
  const volumeClaimTemplates = claims.map((claim) => {
    const { status: _, ...rest } = claim
    return { ...rest, metadata: { name: claim.metadata.name, labels: claim.metadata.labels } }
  })
  return { ...desired, spec: { ...desired.spec, volumeClaimTemplates } }
}

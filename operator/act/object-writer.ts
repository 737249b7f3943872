/**
 * One object of a VectorCluster on the API server. Only what is ours is ever changed: made by POST, which takes over nothing,
 * and changed at the very state that was seen to be ours.
 */
import { isNotFound, isRefusal, KubeError } from '../kube/kube-error.ts'
import { updatesAsApplied } from '../kube/managed-fields.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Problem } from '../problem.ts'
import { FIELD_MANAGER, OWNED, type OwnedKind, VOLUME_CLAIMS } from '../resources.ts'
import type { ApiAccess } from '../watch/api-access.ts'
import { claimNotOursText, isClaimOf, isOwnedBy, notOursText } from '../watch/ownership.ts'
import { driftOf, wholesThatDiffer } from './drift.ts'
import { leavingReplicas } from './scaling.ts'

/** An object that others change at the same time is looked at again so often. */
const CONFLICTS_MAX = 3

/** Without these nothing can be served. */
const BLOCKING = new Set<string>(['Secret', 'ConfigMap', 'Service', 'StatefulSet', 'Deployment'])

/** What a write has come to: the object as it is now, or why not. Neither: it is on its way out. */
export interface Written {
  object?: KubeObject
  problem?: Problem
}

export class ObjectWriter {
  readonly #parts: ApiAccess

  constructor(parts: ApiAccess) {
    this.#parts = parts
  }

  /** Makes an object, or changes one of ours that differs. A set whose claims are not its own is left as it is. */
  async apply(
    owner: KubeObject,
    declared: KubeObject,
    ours: KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<Written> {
    const claim = declared.kind === 'StatefulSet' ? await this.#foreignClaim(declared, ours, signal) : undefined
    if (claim) return this.#nameTaken(owner, claimNotOursText(claim), ours === undefined, signal)
    const made = ours ? undefined : await this.#create(owner, declared, signal)
    return made ?? this.#change(owner, declared, signal)
  }

  /** Makes an object that is never changed afterwards; answers the one of ours that is there already. */
  async make(owner: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Written> {
    const made = await this.#create(owner, object, signal)
    if (made) return made
    // The cache is behind: the object is there, and ours.
    const resource = OWNED[object.kind as OwnedKind]
    return { object: this.#learned(await this.#parts.client.get(resource, object.metadata, signal)) }
  }

  /** Undefined where an object of ours is there already, which the cache does not have yet. */
  async #create(owner: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Written | undefined> {
    const resource = OWNED[object.kind as OwnedKind]
    try {
      const made = this.#learned(await this.#parts.client.createToApply(resource, object, FIELD_MANAGER, signal))
      if (makesPods(object.kind))
        await this.#parts.events.normal(
          owner,
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
      const message = `${nameOf(wanted)} differs from its declaration after every write: ${left}. An admission webhook changes it`
      return { problem: { reason: 'DriftRemains', message } }
    }
    if (why.endsWith('someone else'))
      await this.#parts.events.warning(owner, 'DriftRepaired', 'Apply', `${nameOf(wanted)} corrected: ${why}`, signal)
    else await this.#parts.events.normal(owner, 'Updated', 'Apply', updated(wanted, there), signal)
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
    await this.#parts.events.warning(owner, 'NameTaken', 'Create', message, signal)
    return { problem: { reason: 'NameTaken', message, blocksReady } }
  }

  #learned(object: KubeObject): KubeObject {
    this.#parts.caches.owned[object.kind as OwnedKind].learn(object)
    return object
  }
}

export function makesPods(kind: string): boolean {
  return kind === 'StatefulSet' || kind === 'Deployment'
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`
}

function updated(wanted: KubeObject, observed: KubeObject): string {
  const [was, is] = [observed.spec?.replicas, wanted.spec?.replicas]
  const scaled = was === is ? '' : `: ${String(was)} to ${String(is)} pods`
  return `${nameOf(wanted)} updated${scaled}`
}

/** What is declared, but for what cannot be changed and what somebody else was given to decide. */
export function fitted(declared: KubeObject, there: KubeObject): KubeObject {
  return leavingReplicas(withClaimsOf(declared, there), there)
}

/** Claims of a set cannot be changed; when they grow, the set is created again. */
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

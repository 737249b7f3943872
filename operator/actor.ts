/** Carries the plan out: every call here is idempotent, so a pass that died half-way is finished by the next. */
import type { ClusterAction, ClusterPlan } from '../core/cluster-plan.ts'
import { quantityText } from '../protocol/quantity.ts'
import { type HandOverRequest, type HandOverResponse, RPC } from '../protocol/shard-rpc.ts'
import { callFrame } from '../runtime/frame-call.ts'
import { type BuildContext, digest } from './build/context.ts'
import { manifests } from './build/manifests.ts'
import { PORTS } from './build/names.ts'
import type { Caches } from './caches.ts'
import type { Trouble } from './conditions.ts'
import { driftOf, stamped } from './drift.ts'
import type { EventRecorder, EventText } from './kube/event-recorder.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { KubeError } from './kube/kube-error.ts'
import { type KubeObject, keyOf } from './kube/objects.ts'
import { type Observed, statusOfPod } from './observe.ts'
import { FIELD_MANAGER, OWNED, type OwnedKind, PODS, VOLUME_CLAIMS } from './resources.ts'

/** What the API server has refused for the state of something else is not asked for in every pass. */
const ASK_AGAIN_MS = 60_000
const REFUSED_MAX = 10_000
/** Objects of one VectorCluster that are on their way to the API server together. */
const APPLIES_AT_A_TIME = 8
const HAND_OVER_TIMEOUT_MS = 5000
/** The pod that handed over does not ask again for so long; longer than an election takes. */
const HOLD_OFF_MS = 2500

export interface ActorParts {
  client: KubeClient
  caches: Caches
  events: EventRecorder
}

export class Actor {
  readonly #parts: ActorParts
  /** What was declared and what was there when a comparison of the two found nothing to do. */
  readonly #settled = new Map<string, string>()
  /** Volumes whose growth was refused, and when they may be asked again. */
  readonly #refusedGrowth = new Map<string, { until: number; trouble: Trouble }>()

  constructor(parts: ActorParts) {
    this.#parts = parts
  }

  /**
   * Creates what is missing and repairs what drifted. What the API server refuses comes back as trouble.
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
    const troubles = await this.#applyAll(owner, manifests(context, replicas), signal)
    if (troubles.length === 0 && look() === before) this.#settled.set(key, before)
    return troubles
  }

  forget(key: string): void {
    this.#settled.delete(key)
  }

  async #applyAll(owner: KubeObject, desired: readonly KubeObject[], signal: AbortSignal): Promise<Trouble[]> {
    const troubles: (Trouble | undefined)[] = []
    // Kinds come one after the other: what a pod reads is there before its set. Of one kind, several go at a time.
    for (const kind of new Set(desired.map((object) => object.kind))) {
      const waiting = desired.filter((object) => object.kind === kind).values()
      const worker = async () => {
        for (const object of waiting) troubles.push(await this.#applyOne(owner, object, signal))
      }
      await Promise.all(Array.from({ length: APPLIES_AT_A_TIME }, worker))
    }
    return troubles.filter((trouble) => trouble !== undefined)
  }

  async #applyOne(owner: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Trouble | undefined> {
    const kind = object.kind as OwnedKind
    const { namespace = '', name } = object.metadata
    const cache = this.#parts.caches.owned[kind]
    const observed = cache.get(namespace, name)
    // On its way out: what takes its place is made when it is gone.
    if (observed?.metadata.deletionTimestamp !== undefined) return undefined
    const declared = stamped(object)
    const wanted = kind === 'StatefulSet' && observed ? withClaimsOf(declared, observed) : declared
    const why = driftOf(wanted, observed)
    if (why === undefined) return undefined
    try {
      cache.learn(await this.#parts.client.apply(OWNED[kind], wanted, FIELD_MANAGER, signal))
    } catch (error) {
      if (!(error instanceof KubeError) || (error.status !== 403 && error.status !== 422)) throw error
      return { reason: 'Refused', message: `${kind} ${name}: ${error.message}`, blocksReady: !observed }
    }
    if (!observed && kind !== 'StatefulSet' && kind !== 'Deployment') return undefined
    if (!observed) await this.#event(owner, 'Normal', 'Created', 'Create', `${kind} ${name} created`, signal)
    else if (why.endsWith('someone else'))
      await this.#event(owner, 'Warning', 'DriftRepaired', 'Apply', `${kind} ${name} put right: ${why}`, signal)
    else await this.#event(owner, 'Normal', 'Updated', 'Apply', updated(wanted, observed), signal)
    return undefined
  }

  /** Makes a Secret where there is none; it is never changed afterwards. */
  async ensureSecret(
    namespace: string,
    name: string,
    make: () => KubeObject,
    signal: AbortSignal,
  ): Promise<KubeObject> {
    const cache = this.#parts.caches.owned.Secret
    const present = cache.get(namespace, name)
    if (present) return present
    try {
      const made = await this.#parts.client.create(OWNED.Secret, make(), signal)
      cache.learn(made)
      return made
    } catch (error) {
      // The copy is behind, or a Secret of this name is not ours: the one that is there is the one that pods mount.
      if (!(error instanceof KubeError) || error.status !== 409) throw error
      return this.#parts.client.get(OWNED.Secret, { namespace, name }, signal)
    }
  }

  async carryOut(observed: Observed, plan: ClusterPlan, token: string, signal: AbortSignal): Promise<Trouble[]> {
    const troubles: Trouble[] = []
    for (const action of plan.actions) {
      const trouble = await this.#do(observed, action, token, signal)
      if (trouble) troubles.push(trouble)
    }
    return troubles
  }

  #do(observed: Observed, action: ClusterAction, token: string, signal: AbortSignal): Promise<Trouble | undefined> {
    if (action.type === 'replace-pod') return this.#replacePod(observed, action, signal)
    if (action.type === 'hand-over') return this.#handOver(observed, action, token, signal)
    if (action.type === 'grow-volume') return this.#growVolume(observed, action, signal)
    return this.#recreateSet(observed, action.set, signal)
  }

  async #replacePod(observed: Observed, action: { pod: string; why: string }, signal: AbortSignal): Promise<undefined> {
    const pod = observed.pods.find(({ metadata }) => metadata.name === action.pod)
    if (!pod) return
    const deleted = await this.#parts.client.delete(PODS, pod, {}, signal)
    if (deleted) this.#parts.caches.pods.learn(deleted)
    const note = `pod ${action.pod} is replaced: ${action.why}`
    await this.#event(observed.object, 'Normal', 'PodReplaced', 'Replace', note, signal)
  }

  async #recreateSet(observed: Observed, name: string, signal: AbortSignal): Promise<undefined> {
    const set = observed.sets.get(name)
    if (!set) return
    await this.#parts.client.delete(OWNED.StatefulSet, set, { propagation: 'Orphan' }, signal)
    const note = `StatefulSet ${name} is made anew for its larger volumes; its pods stay`
    await this.#event(observed.object, 'Normal', 'SetRecreated', 'Recreate', note, signal)
  }

  async #handOver(
    observed: Observed,
    action: { cell: number; pod: string; why: string },
    token: string,
    signal: AbortSignal,
  ): Promise<Trouble | undefined> {
    const pod = observed.pods.find(({ metadata }) => metadata.name === action.pod)
    const address = pod && statusOfPod(pod).podIP
    if (!address) return undefined
    try {
      const { header } = await callFrame<HandOverResponse>({
        url: `http://${address.includes(':') ? `[${address}]` : address}:${PORTS.shard}${RPC.handOver}`,
        token,
        header: { holdOffMs: HOLD_OFF_MS } satisfies HandOverRequest,
        signal: AbortSignal.any([signal, AbortSignal.timeout(HAND_OVER_TIMEOUT_MS)]),
      })
      const { handedOver, successor } = header
      if (!handedOver) return undefined
      await this.#event(
        observed.object,
        'Normal',
        'HandOver',
        'HandOver',
        `pod ${action.pod} hands over to ${successor ?? 'nobody yet'}: ${action.why}`,
        signal,
      )
      return undefined
    } catch (error) {
      return { reason: 'HandOverFailed', message: `pod ${action.pod} cannot be asked to hand over: ${String(error)}` }
    }
  }

  async #growVolume(
    observed: Observed,
    action: { volume: string; bytes: number },
    signal: AbortSignal,
  ): Promise<Trouble | undefined> {
    const at = { namespace: observed.object.metadata.namespace, name: action.volume }
    const refused = this.#refusedGrowth.get(`${at.namespace}/${at.name}`)
    if (refused && performance.now() < refused.until) return refused.trouble
    this.#refusedGrowth.delete(`${at.namespace}/${at.name}`)
    try {
      const storage = quantityText(action.bytes)
      const patch = { spec: { resources: { requests: { storage } } } }
      this.#parts.caches.claims.learn(await this.#parts.client.mergePatch(VOLUME_CLAIMS, at, patch, signal))
      await this.#event(
        observed.object,
        'Normal',
        'VolumeGrown',
        'Grow',
        `volume ${action.volume} grows to ${storage}`,
        signal,
      )
      return undefined
    } catch (error) {
      if (!(error instanceof KubeError) || (error.status !== 403 && error.status !== 422)) throw error
      const trouble = {
        reason: 'VolumeNotExpandable',
        message: `volume ${action.volume} cannot grow: ${error.message}`,
      }
      if (this.#refusedGrowth.size >= REFUSED_MAX) this.#refusedGrowth.clear()
      this.#refusedGrowth.set(`${at.namespace}/${at.name}`, { until: performance.now() + ASK_AGAIN_MS, trouble })
      return trouble
    }
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

function updated(wanted: KubeObject, observed: KubeObject): string {
  const [was, is] = [observed.spec?.replicas, wanted.spec?.replicas]
  const scaled = was === is ? '' : `: ${String(was)} to ${String(is)} pods`
  return `${wanted.kind} ${wanted.metadata.name} updated${scaled}`
}

/** Claims of a set cannot be changed; when they grow, the set is made anew. */
function withClaimsOf(desired: KubeObject, observed: KubeObject): KubeObject {
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

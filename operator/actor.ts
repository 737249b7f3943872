/** Carries the plan out: every call here is idempotent, so a pass that died half-way is finished by the next. */
import type { ClusterAction, ClusterPlan } from '../core/cluster-plan.ts'
import { quantityText } from '../protocol/quantity.ts'
import type { ApplierParts } from './applier.ts'
import type { Trouble } from './conditions.ts'
import type { Disruptor } from './disruptor.ts'
import type { EventText } from './kube/event-recorder.ts'
import { isRefusal } from './kube/kube-error.ts'
import { type KubeObject, keyOf } from './kube/objects.ts'
import { disruptedOf, type Observed } from './observe.ts'
import { isOwnedBy, setNameOf } from './ownership.ts'
import { OWNED, VOLUME_CLAIMS } from './resources.ts'
import { Setbacks } from './setbacks.ts'

export class Actor {
  readonly #parts: ApplierParts & { disruptor: Disruptor }
  readonly #setbacks = new Setbacks()

  constructor(parts: ApplierParts & { disruptor: Disruptor }) {
    this.#parts = parts
  }

  async carryOut(observed: Observed, plan: ClusterPlan, token: string, signal: AbortSignal): Promise<Trouble[]> {
    const troubles: Trouble[] = []
    for (const action of plan.actions) {
      const trouble = await this.#try(observed, action, token, signal)
      if (trouble) troubles.push(trouble)
    }
    return troubles
  }

  /** What the API server refuses is trouble, holds up no other action, and is asked for again later. */
  async #try(
    observed: Observed,
    action: ClusterAction,
    token: string,
    signal: AbortSignal,
  ): Promise<Trouble | undefined> {
    const place = `${keyOf(observed.object)}/${action.type}/${subjectOf(action)}`
    const asked = JSON.stringify(action)
    const waiting = this.#setbacks.waiting(place, asked)
    if (waiting) return waiting
    try {
      const trouble = await this.#do(observed, action, token, signal)
      this.#setbacks.clear(place)
      return trouble
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const reason = action.type === 'grow-volume' ? 'VolumeNotExpandable' : 'Refused'
      return this.#setbacks.note(place, asked, { reason, message: `${describe(action)}: ${error.message}` })
    }
  }

  #do(observed: Observed, action: ClusterAction, token: string, signal: AbortSignal): Promise<Trouble | undefined> {
    if (action.type === 'replace-pod') return this.#replacePod(observed, action, signal)
    if (action.type === 'hand-over') return this.#handOver(observed, action, token, signal)
    if (action.type === 'grow-volume') return this.#growVolume(observed, action, signal)
    return this.#recreateSet(observed, action.set, signal)
  }

  async #replacePod(
    observed: Observed,
    action: { pod: string; why: string },
    signal: AbortSignal,
  ): Promise<Trouble | undefined> {
    const pod = observed.pods.find(({ metadata }) => metadata.name === action.pod)
    // A pod that its set has let go, or that only looks like one of ours, is not ours to delete.
    const set = pod && observed.sets.get(setNameOf(pod, observed.object.metadata.name) ?? '')
    if (!set || !isOwnedBy(pod, set.metadata.uid)) return undefined
    const trouble = await this.#parts.disruptor.deletePod(disruptedOf(observed), pod, signal)
    if (trouble) return trouble
    const note = `pod ${action.pod} is replaced: ${action.why}`
    await this.#event(observed.object, 'Normal', 'PodReplaced', 'Replace', note, signal)
    return undefined
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
    if (!pod) return undefined
    try {
      const answer = await this.#parts.disruptor.handOver(disruptedOf(observed), pod, token, signal)
      if (!answer || 'reason' in answer) return answer
      const { successor } = answer
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
  ): Promise<undefined> {
    const claim = observed.claims.find(({ metadata }) => metadata.name === action.volume)
    if (!claim) return
    const { uid, namespace, name } = claim.metadata
    const storage = quantityText(action.bytes)
    // The uid keeps the patch from a namesake that was made meanwhile.
    const patch = { metadata: { uid }, spec: { resources: { requests: { storage } } } }
    this.#parts.caches.claims.learn(
      await this.#parts.client.mergePatch(VOLUME_CLAIMS, { namespace, name }, patch, signal),
    )
    const note = `volume ${name} grows to ${storage}`
    await this.#event(observed.object, 'Normal', 'VolumeGrown', 'Grow', note, signal)
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

function subjectOf(action: ClusterAction): string {
  if (action.type === 'recreate-set') return action.set
  return action.type === 'grow-volume' ? action.volume : action.pod
}

function describe(action: ClusterAction): string {
  const subject = subjectOf(action)
  if (action.type === 'recreate-set') return `StatefulSet ${subject} cannot be made anew`
  if (action.type === 'grow-volume') return `volume ${subject} cannot grow`
  return `pod ${subject} cannot be ${action.type === 'replace-pod' ? 'replaced' : 'asked to hand over'}`
}

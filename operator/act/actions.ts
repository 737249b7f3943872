/** Carries the plan out: every call here is idempotent, so a pass that died half-way is finished by the next. */
import type { ClusterAction, ClusterPlan } from '../../core/plan/rollout-plan.ts'
import { quantityText } from '../../protocol/manifest/quantity.ts'
import { isRefusal } from '../kube/kube-error.ts'
import { keyOf } from '../kube/objects.ts'
import type { Problem } from '../problem.ts'
import { OWNED, VOLUME_CLAIMS } from '../resources.ts'
import type { ApiAccess } from '../watch/api-access.ts'
import { type Observed } from '../watch/observe.ts'
import { isOwnedBy, setNameOf } from '../watch/ownership.ts'
import { disruptedOf } from '../watch/world.ts'
import { Backoff } from './backoff.ts'
import type { Disruptor } from './disruptor.ts'

export class Actions {
  readonly #parts: ApiAccess & { disruptor: Disruptor }
  readonly #backoff = new Backoff()

  constructor(parts: ApiAccess & { disruptor: Disruptor }) {
    this.#parts = parts
  }

  async carryOut(observed: Observed, plan: ClusterPlan, token: string, signal: AbortSignal): Promise<Problem[]> {
    const problems: Problem[] = []
    for (const action of plan.actions) {
      const problem = await this.#try(observed, action, token, signal)
      if (problem) problems.push(problem)
    }
    return problems
  }

  /** What the API server refuses is a problem, holds up no other action, and is asked for again later. */
  async #try(
    observed: Observed,
    action: ClusterAction,
    token: string,
    signal: AbortSignal,
  ): Promise<Problem | undefined> {
    const place = `${keyOf(observed.object)}/${action.type}/${subjectOf(action)}`
    const asked = JSON.stringify(action)
    const waiting = this.#backoff.waiting(place, asked)
    if (waiting) return waiting
    try {
      const problem = await this.#do(observed, action, token, signal)
      this.#backoff.clear(place)
      return problem
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      const reason = action.type === 'grow-volume' ? 'VolumeNotExpandable' : 'Refused'
      return this.#backoff.note(place, asked, { reason, message: `${describe(action)}: ${error.message}` })
    }
  }

  #do(observed: Observed, action: ClusterAction, token: string, signal: AbortSignal): Promise<Problem | undefined> {
    if (action.type === 'replace-pod') return this.#replacePod(observed, action, signal)
    if (action.type === 'hand-over') return this.#handOver(observed, action, token, signal)
    if (action.type === 'grow-volume') return this.#growVolume(observed, action, signal)
    return this.#recreateSet(observed, action.set, signal)
  }

  async #replacePod(
    observed: Observed,
    action: { pod: string; why: string },
    signal: AbortSignal,
  ): Promise<Problem | undefined> {
    const pod = observed.pods.find(({ metadata }) => metadata.name === action.pod)
    // A pod that its set has let go, or that only looks like one of ours, is not ours to delete.
    const set = pod && observed.sets.get(setNameOf(pod, observed.object.metadata.name) ?? '')
    if (!set || !isOwnedBy(pod, set.metadata.uid)) return undefined
    const problem = await this.#parts.disruptor.deletePod(disruptedOf(observed), pod, signal)
    if (problem) return problem
    const note = `pod ${action.pod} is replaced: ${action.why}`
    await this.#parts.events.normal(observed.object, 'PodReplaced', 'Replace', note, signal)
    return undefined
  }

  async #recreateSet(observed: Observed, name: string, signal: AbortSignal): Promise<undefined> {
    const set = observed.sets.get(name)
    if (!set) return
    await this.#parts.client.delete(OWNED.StatefulSet, set, { propagation: 'Orphan' }, signal)
    const note = `StatefulSet ${name} is recreated for its larger volumes; its pods stay`
    await this.#parts.events.normal(observed.object, 'SetRecreated', 'Recreate', note, signal)
  }

  async #handOver(
    observed: Observed,
    action: { cell: number; pod: string; why: string },
    token: string,
    signal: AbortSignal,
  ): Promise<Problem | undefined> {
    const pod = observed.pods.find(({ metadata }) => metadata.name === action.pod)
    if (!pod) return undefined
    try {
      const answer = await this.#parts.disruptor.handOver(disruptedOf(observed), pod, token, signal)
      if (!answer || 'reason' in answer) return answer
      const { successor } = answer
      await this.#parts.events.normal(
        observed.object,
        'HandOver',
        'HandOver',
        `pod ${action.pod} hands over to ${successor ?? 'no pod yet'}: ${action.why}`,
        signal,
      )
      return undefined
    } catch (error) {
      return { reason: 'HandOverFailed', message: `pod ${action.pod} did not accept the hand-over: ${String(error)}` }
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
    await this.#parts.events.normal(observed.object, 'VolumeGrown', 'Grow', note, signal)
  }
}

function subjectOf(action: ClusterAction): string {
  if (action.type === 'recreate-set') return action.set
  return action.type === 'grow-volume' ? action.volume : action.pod
}

function describe(action: ClusterAction): string {
  const subject = subjectOf(action)
  if (action.type === 'recreate-set') return `StatefulSet ${subject} cannot be recreated`
  if (action.type === 'grow-volume') return `volume ${subject} cannot grow`
  return `pod ${subject} cannot be ${action.type === 'replace-pod' ? 'replaced' : 'handed over'}`
}

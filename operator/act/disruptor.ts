/**
 * The one place where pods are taken away: every deletion of a pod, every hand-over and every shard that becomes smaller
 * goes through here, and takes from the budget of its VectorCluster (core/disruption-budget). What is taken is written to
 * the status before anything is done, so that neither a bug in the plan nor a restart of the operator passes the budget.
 */
import { httpUrl } from '../../core/address.ts'
import { MaksError } from '../../core/errors.ts'
import {
  budgetOf,
  type Disruptions,
  freeAt,
  giveBack,
  recent,
  spend,
  total,
} from '../../core/plan/disruption-budget.ts'
import type { VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import { type HandOverRequest, type HandOverResponse, RPC } from '../../protocol/shard-rpc.ts'
import { callWithin } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { type KubeObject, keyOf } from '../kube/objects.ts'
import { PORTS } from '../manifests/names.ts'
import type { Problem } from '../problem.ts'
import { PODS } from '../resources.ts'
import type { Caches } from '../watch/caches.ts'
import { statusOfPod } from '../watch/pods.ts'

const HAND_OVER_TIMEOUT_MS = 5000
/** The pod that handed over does not ask again for so long; longer than an election takes. */
const HOLD_OFF_MS = 2500

export interface DisruptorParts {
  client: KubeClient
  caches: Caches
  /** Writes the disruptions to the status of a VectorCluster. */
  note: (object: KubeObject, noted: Disruptions[], signal: AbortSignal) => Promise<void>
}

/** Whose pods, and how many it has or should have. */
export interface Disrupted {
  object: KubeObject
  pods: number
}

export class Disruptor {
  readonly #parts: DisruptorParts
  /** By VectorCluster; `written`: what the status says. */
  readonly #known = new Map<string, { uid: string; noted: Disruptions[]; written: Disruptions[] }>()

  constructor(parts: DisruptorParts) {
    this.#parts = parts
  }

  /** A problem if the budget has nothing left. */
  async deletePod(of: Disrupted, pod: KubeObject, signal: AbortSignal): Promise<Problem | undefined> {
    const problem = await this.take(of, 1, signal)
    if (problem) return problem
    const deleted = await this.#parts.client.delete(PODS, pod, {}, signal)
    if (deleted) this.#parts.caches.pods.learn(deleted)
    return undefined
  }

  /** The pod's answer; undefined where it has no address, or did not lead. Throws what the call died of. */
  async handOver(
    of: Disrupted,
    pod: KubeObject,
    token: string,
    signal: AbortSignal,
  ): Promise<HandOverResponse | Problem | undefined> {
    const address = statusOfPod(pod).podIP
    if (!address) return undefined
    const problem = await this.take(of, 1, signal)
    if (problem) return problem
    const { header } = await callFrame<HandOverResponse>({
      url: `${httpUrl(address, PORTS.shard)}${RPC.handOver}`,
      token,
      header: { holdOffMs: HOLD_OFF_MS } satisfies HandOverRequest,
      call: callWithin(HAND_OVER_TIMEOUT_MS, signal),
    }).catch((error: unknown) => {
      // A refused call has disrupted nothing; the outcome of a call that died is unknown.
      if (error instanceof MaksError) this.giveBack(of, 1)
      throw error
    })
    if (header.handedOver) return header
    this.giveBack(of, 1)
    return undefined
  }

  /** Takes `count` pods from the budget; a problem if it has not so many left. */
  async take({ object, pods }: Disrupted, count: number, signal: AbortSignal): Promise<Problem | undefined> {
    const known = this.#of(object)
    const budget = budgetOf(pods)
    const now = Date.now()
    const noted = spend(known.noted, count, budget, now)
    if (!noted) return exhausted(known.noted, budget, now)
    if (total(noted) > total(recent(known.written, now))) {
      await this.#parts.note(object, noted, signal)
      known.written = noted
    }
    known.noted = noted
    return undefined
  }

  /** Disruptions that count still, for the status. */
  noted(object: KubeObject): Disruptions[] {
    const known = this.#of(object)
    known.noted = recent(known.noted, Date.now())
    return known.noted
  }

  forget(key: string): void {
    this.#known.delete(key)
  }

  /** For what turned out to have disrupted nothing. The status keeps its count until it is written again. */
  giveBack({ object }: Disrupted, count: number): void {
    const known = this.#of(object)
    known.noted = giveBack(known.noted, count, Date.now())
  }

  /** A new operator continues with the count in the status. */
  #of(object: KubeObject) {
    const key = keyOf(object)
    const uid = object.metadata.uid ?? ''
    const current = this.#known.get(key)
    if (current?.uid === uid) return current
    const { disruptions = [] } = (object.status ?? {}) as VectorClusterStatus
    const made = { uid, noted: disruptions, written: disruptions }
    this.#known.set(key, made)
    return made
  }
}

function exhausted(noted: readonly Disruptions[], budget: number, now: number): Problem {
  const used = total(recent(noted, now))
  const free = freeAt(noted, now).toISOString().slice(11, 16)
  return {
    reason: 'DisruptionBudgetUsed',
    message: `${used} pods were replaced or handed over within the last hour, and the budget of a VectorCluster of this size is ${budget}: the operator disrupts no further pod before ${free} UTC. Its events show the reasons; kubectl delete pod replaces a pod at once`,
  }
}

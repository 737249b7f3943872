/** Publishes conditions as metrics, the status by server-side apply, and its changes as events. */
import type { Disruptions } from '../../core/plan/disruption-budget.ts'
import type { ConditionType, VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { type KubeObject, keyOf, parseKey } from '../kube/objects.ts'
import { STATUS_MANAGER, VECTOR_CLUSTERS } from '../resources.ts'
import type { ApiAccess } from '../watch/api-access.ts'
import { conditionOf, type Verdict } from './conditions.ts'
import { COUNTERS_EVERY_MS, sameStatus } from './status.ts'
import { statusEventsOf } from './status-events.ts'

export class StatusWriter {
  readonly #parts: ApiAccess & { metrics: Metrics }
  readonly #writtenAt = new Map<string, number>()

  constructor(parts: ApiAccess & { metrics: Metrics }) {
    this.#parts = parts
  }

  /** Writes what is worth a write, and records its changes as events. `changed`: more than counters differ from before. */
  async publish(
    key: string,
    object: KubeObject,
    before: VectorClusterStatus,
    status: VectorClusterStatus,
    changed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { type, status: value } of status.conditions ?? [])
      this.#parts.metrics.set('maksdb_operator_cluster_condition', value === 'True' ? 1 : value === 'False' ? 0 : -1, {
        vectorcluster_namespace: object.metadata.namespace ?? '',
        vectorcluster: object.metadata.name,
        type,
      })
    const countersDue = performance.now() - (this.#writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) >= COUNTERS_EVERY_MS
    if (!changed && (!countersDue || sameStatus(before, status))) return
    await this.#write(object, status, signal)
    this.#writtenAt.set(key, performance.now())
    for (const event of statusEventsOf(before, status)) await this.#parts.events.record(object, event, signal)
  }

  async #write(object: KubeObject, status: VectorClusterStatus, signal: AbortSignal): Promise<void> {
    const { apiVersion, kind, metadata } = object
    const at = { name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) }
    const answer = await this.#parts.client.applyStatus(
      VECTOR_CLUSTERS,
      // The uid keeps this status from a namesake that was made meanwhile.
      {
        apiVersion,
        kind,
        metadata: { ...at, ...(metadata.uid === undefined ? {} : { uid: metadata.uid }) },
        status: { ...status },
      },
      STATUS_MANAGER,
      signal,
    )
    this.#parts.caches.clusters.learn(answer)
  }

  /** Only the disruptions change, beside the conditions of before. */
  note(object: KubeObject, disruptions: Disruptions[], signal: AbortSignal): Promise<void> {
    const { namespace = '', name, uid } = object.metadata
    const now = this.#parts.caches.clusters.get(namespace, name)
    const { status } = now && now.metadata.uid === uid ? now : object
    return this.#write(object, { ...status, disruptions }, signal)
  }

  /** Publishes that nothing is done, and why. */
  refuse(object: KubeObject, reason: string, message: string, signal: AbortSignal): Promise<void> {
    return this.#publishAlone(object, 'Ready', ['False', reason, message], signal)
  }

  /** Publishes that passes fail before they reach a result. */
  fail(object: KubeObject, message: string, signal: AbortSignal): Promise<void> {
    this.failing(keyOf(object), true)
    return this.#publishAlone(object, 'Degraded', ['True', 'ReconcileFailed', message], signal)
  }

  /** For the alert. */
  failing(key: string, failing: boolean): void {
    const { namespace, name } = parseKey(key)
    this.#parts.metrics.set('maksdb_operator_reconcile_failing', failing ? 1 : 0, {
      vectorcluster_namespace: namespace,
      vectorcluster: name,
    })
  }

  /** One condition, beside the others as they were before. */
  async #publishAlone(object: KubeObject, type: ConditionType, verdict: Verdict, signal: AbortSignal): Promise<void> {
    const before = (object.status ?? {}) as VectorClusterStatus
    const [, reason, message] = verdict
    const observedGeneration = object.metadata.generation ?? 0
    const last = before.conditions?.find((condition) => condition.type === type)
    if (last?.reason === reason && last.message === message && last.observedGeneration === observedGeneration) return
    const condition = conditionOf(type, verdict, observedGeneration, before.conditions ?? [], new Date())
    const others = (before.conditions ?? []).filter((one) => one.type !== type)
    await this.#write(object, { ...before, observedGeneration, conditions: [condition, ...others] }, signal)
    await this.#parts.events.record(object, { type: 'Warning', reason, action: 'Observe', note: message }, signal)
  }

  forget(key: string): void {
    this.#writtenAt.delete(key)
    const { namespace, name } = parseKey(key)
    for (const metric of ['maksdb_operator_cluster_condition', 'maksdb_operator_reconcile_failing'] as const)
      this.#parts.metrics.remove(metric, { vectorcluster_namespace: namespace, vectorcluster: name })
  }
}

/**
 * One pass over one VectorCluster: observe, plan, apply, act, publish. See DESIGN.md.
 *
 * Nothing is remembered between passes that the next one could not find out again, but for how long ago something was
 * written: a new operator continues where an old one stopped.
 */
import { type ClusterPlan, type ClusterWorld, planCluster } from '../core/plan/rollout-plan.ts'
import { issuesText } from '../protocol/issues-text.ts'
import { vectorClusterSchema } from '../protocol/manifest/vector-cluster.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { Actions } from './act/actions.ts'
import { Applier } from './act/applier.ts'
import { Disruptor } from './act/disruptor.ts'
import { Finalizer } from './act/finalizer.ts'
import { LogMaintenance } from './act/log-maintenance.ts'
import { type KubeObject, keyOf, parseKey } from './kube/objects.ts'
import { collectionConfig } from './manifests/config.ts'
import { names } from './manifests/names.ts'
import { Pace, SOON_MS } from './pace.ts'
import { type OperatorSettings, type Pass, Preparation } from './preparation.ts'
import { FAILURES_REPORTED, isFailing, type Problem } from './problem.ts'
import { conditionsOf, fullnessOf, type PassResult } from './status/conditions.ts'
import { belowFloor, sameStatus, statusOf, withoutCounters } from './status/status.ts'
import { StatusWriter } from './status/status-writer.ts'
import type { ApiAccess } from './watch/api-access.ts'
import { FailedCreates } from './watch/failed-creates.ts'
import { foreignDataErrorOf, foreignDataProblem } from './watch/foreign-data.ts'
import { type LogState, LogViews } from './watch/log-view.ts'
import { isPaused, type Observed, observe } from './watch/observe.ts'
import { isReady, podsOf, problemOf } from './watch/pods.ts'
import { ReferenceReader } from './watch/references.ts'
import { disruptedOf, worldOf } from './watch/world.ts'

/** For the sentence about a pass that failed, when the pass itself has no time left. */
const PUBLISH_MS = 5000
const PAUSED_AT_ITS_END =
  'the annotation maksdb.io/paused is set: the keys in the external Redis are released or deleted once it is removed'

export interface ReconcilerParts extends ApiAccess {
  settings: OperatorSettings
  /** A VectorCluster wants a pass. */
  wake: (key: string) => void
  logger: Logger
  metrics: Metrics
}

export class Reconciler {
  readonly #parts: ReconcilerParts
  readonly #disruptor: Disruptor
  readonly #actions: Actions
  readonly #applier: Applier
  readonly #references: ReferenceReader
  readonly #finalizer: Finalizer
  readonly #failedCreates: FailedCreates
  readonly #status: StatusWriter
  readonly #logs: LogViews
  readonly #maintenance: LogMaintenance
  readonly #preparation: Preparation
  readonly #pace: Pace
  /** Passes in a row that were given up. */
  readonly #failed = new Map<string, number>()

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
    this.#status = new StatusWriter(parts)
    this.#disruptor = new Disruptor({ ...parts, note: (...noted) => this.#status.note(...noted) })
    this.#actions = new Actions({ ...parts, disruptor: this.#disruptor })
    this.#applier = new Applier(parts)
    this.#logs = new LogViews(parts.wake)
    this.#maintenance = new LogMaintenance(parts, this.#logs)
    this.#references = new ReferenceReader(parts.client)
    this.#finalizer = new Finalizer(parts, this.#logs)
    this.#failedCreates = new FailedCreates(parts.client)
    this.#preparation = new Preparation(parts, this.#applier)
    this.#pace = new Pace(() => parts.caches.clusters.size)
  }

  close(): void {
    this.#logs.close()
  }

  /** Milliseconds until the next pass. */
  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { namespace, name } = parseKey(key)
    const object = this.#parts.caches.clusters.get(namespace, name)
    if (!object) {
      this.#forget(key)
      return undefined
    }
    try {
      const next = await this.#reconcile(key, object, signal)
      this.#failed.delete(key)
      return next
    } catch (error) {
      const failures = (this.#failed.get(key) ?? 0) + 1
      this.#failed.set(key, failures)
      if (failures >= FAILURES_REPORTED) await this.#publishFailure(object, error)
      throw error
    }
  }

  async #publishFailure(object: KubeObject, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    await this.#status.fail(object, message, AbortSignal.timeout(PUBLISH_MS)).catch((thrown: unknown) => {
      this.#parts.logger.warn({ key: keyOf(object), error: String(thrown) }, 'a failure could not be published')
    })
  }

  async #reconcile(key: string, object: KubeObject, signal: AbortSignal): Promise<number | undefined> {
    const parsed = vectorClusterSchema.safeParse(object)
    if (!parsed.success) {
      // Only an operator older than the CRD comes here.
      await this.#status.refuse(object, 'InvalidSpec', issuesText(parsed.error), signal)
      return undefined
    }
    const cluster = parsed.data
    const references = await this.#references.read(cluster, signal)
    if (object.metadata.deletionTimestamp !== undefined) {
      if (isPaused(object)) {
        await this.#status.refuse(object, 'Paused', PAUSED_AT_ITS_END, signal)
        return undefined
      }
      const scope = collectionConfig(this.#preparation.contextOf(object, cluster, references))
      return this.#finalizer.finalize(key, object, { cluster, scope, url: references.externalUrl }, signal)
    }
    const unmarked = isPaused(object) ? undefined : await this.#finalizer.prepare(object, cluster, signal)
    const pass = await this.#preparation.prepare(object, cluster, references, signal)
    return this.#pass(key, { ...pass, problems: [...(unmarked ? [unmarked] : []), ...pass.problems] }, signal)
  }

  async #pass(key: string, pass: Pass, signal: AbortSignal): Promise<number> {
    const { object, context, before } = pass
    const log = await this.#readLog(key, pass)
    // The answer will wake this key.
    if (!log) return SOON_MS
    if (log.topology?.claimed.uid === context.uid) context.claimed = true
    const seen = observe(this.#parts.caches, pass, log.topology)
    const below = belowFloor(before, log.topology)
    const problems = [
      ...foreignDataProblem(log.refused, seen.pods),
      ...this.#problems(pass, below, seen),
      ...fullnessOf(log),
    ]
    const paused = isPaused(object)
    if (!paused) problems.push(...(await this.#apply(pass, seen, signal)))
    // What is taken away is judged by what the API server has accepted now.
    const observed = observe(this.#parts.caches, pass, log.topology)
    const world = worldOf(observed, context)
    const plan = planCluster(world)
    if (!paused) problems.push(...(await this.#actions.carryOut(observed, plan, pass.token, signal)))
    const acceptedLoss = paused ? undefined : await this.#maintainLog(key, pass, log, observed, below, signal)
    problems.push(...(await this.#failedCreates.of(key, observed, signal)))
    const found = this.#resultOf(pass, log, observed, world, plan, problems)
    const conditions = conditionsOf(found, before.conditions ?? [], new Date())
    const status = statusOf(found, context, before, conditions, acceptedLoss ?? before.acceptedLoss)
    const changed = !sameStatus(withoutCounters(before), withoutCounters(status))
    this.#status.failing(key, isFailing(problems))
    await this.#status.publish(key, object, before, status, changed, signal)
    return this.#pace.next(key, world, plan, status, changed)
  }

  /** Undefined while the first answer is not there yet. */
  async #readLog(key: string, { url, scope }: Pass): Promise<LogState | undefined> {
    if (url !== '') return this.#logs.read(key, url, scope, this.#redisFingerprint(key))
    return {
      topology: undefined,
      durable: 'unknown',
      error: 'the Secret or the Service of Redis does not exist yet',
      silentMs: Number.POSITIVE_INFINITY,
    }
  }

  /** The value of the annotation by which a loss was accepted; undefined if there was none to accept. */
  async #maintainLog(
    key: string,
    pass: Pass,
    log: LogState,
    observed: Observed,
    below: readonly number[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    await this.#maintenance.releaseEndedLeases(key, pass, observed)
    if (log.topology) await this.#maintenance.forgetFormerPasswords(key, pass)
    await this.#maintenance.removeMembers(key, pass, observed)
    if (below.length > 0) await this.#maintenance.reportRegression(key, pass, log)
    await this.#adopt(key, pass, log, observed, signal)
    return this.#maintenance.acceptLoss(key, pass, log, signal)
  }

  #resultOf(
    { object, cluster, context }: Pass,
    log: LogState,
    { router, reachable }: Observed,
    world: ClusterWorld,
    plan: ClusterPlan,
    problems: readonly Problem[],
  ): PassResult {
    return {
      generation: object.metadata.generation ?? 0,
      world,
      plan,
      log,
      routersReady: (router?.status as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0,
      routersWanted: Number(router?.spec?.replicas ?? cluster.spec.router.replicas),
      service: names(cluster.metadata.name).service,
      reachable,
      problems,
      disruptions: this.#disruptor.noted(object),
      clustersAsked: cluster.spec.clusters,
      clustersRun: context.clusters,
    }
  }

  /** Objects as they are declared; a shard becomes smaller only within the budget of disruptions. */
  async #apply({ object, context, cluster }: Pass, seen: Observed, signal: AbortSignal): Promise<Problem[]> {
    const world = worldOf(seen, context)
    const { shards } = world
    const { replicas } = planCluster(world)
    const fewer = (then: readonly number[]) =>
      shards.reduce((sum, set, cell) => sum + Math.max(0, set.replicas - (then[cell] ?? set.replicas)), 0)
    const leaving = fewer(replicas)
    const disrupted = disruptedOf(seen)
    const problem = leaving === 0 ? undefined : await this.#disruptor.take(disrupted, leaving, signal)
    const asked = replicas.map((count, cell) => (problem ? Math.max(count, shards[cell]?.replicas ?? 0) : count))
    const problems = await this.#applier.apply(object, context, asked, signal)
    const sets = this.#parts.caches.owned.StatefulSet
    const now = shards.map(({ name }) => sets.get(cluster.metadata.namespace, name)?.spec?.replicas)
    if (!problem) this.#disruptor.giveBack(disrupted, leaving - fewer(now.map((count) => Number(count ?? 0))))
    return [...(problem ? [problem] : []), ...problems]
  }

  /** The back-off of pods that refused the data is many minutes: they are created again. */
  async #adopt(key: string, pass: Pass, log: LogState, observed: Observed, signal: AbortSignal): Promise<void> {
    if (!(await this.#maintenance.adopt(key, pass, log, signal))) return
    for (const pod of observed.pods)
      if (foreignDataErrorOf(pod)) await this.#disruptor.deletePod(disruptedOf(observed), pod, signal)
  }

  #redisFingerprint(key: string): string {
    const pods = podsOf(this.#parts.caches.pods.of(key), 'redis')
    return pods.map((pod) => `${pod.metadata.uid}=${isReady(pod)}`).join()
  }

  #problems(pass: Pass, below: readonly number[], observed: Observed): Problem[] {
    const stuck = observed.pods.map((pod) => problemOf(pod, Date.now())).find((problem) => problem !== undefined)
    return [
      ...pass.problems,
      ...pass.references.missing.map((message) => ({ reason: 'ReferenceMissing', message, blocksReady: true })),
      ...(below.length === 0
        ? []
        : [
            {
              reason: 'LogBelowFloor',
              message: `the log of shard ${below.join(', ')} ends before entries that the operator has observed in it`,
            },
          ]),
      ...(stuck === undefined ? [] : [{ reason: 'PodStuck', message: stuck }]),
    ]
  }

  #forget(key: string): void {
    this.#logs.forget(key)
    this.#status.forget(key)
    this.#pace.forget(key)
    this.#failedCreates.forget(key)
    this.#applier.forget(key)
    this.#disruptor.forget(key)
    this.#maintenance.forget(key)
    this.#failed.delete(key)
  }
}

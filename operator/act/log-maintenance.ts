/** What the operator writes into the log of a collection: ended leases, departed members, regressions, wishes of an administrator. */
import { leaderName } from '../../core/log/leader.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { VectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { BuildContext } from '../manifests/context.ts'
import { ANNOTATIONS } from '../resources.ts'
import type { LogState, LogViews } from '../watch/log-view.ts'
import { type Observed } from '../watch/observe.ts'
import { endedProcesses, logName } from '../watch/pods.ts'
import { departedMembers } from '../watch/world.ts'

const RELEASED_MAX = 10_000

/** Of a pass, what the log is concerned with. */
interface LoggedCluster {
  cluster: VectorCluster
  context: BuildContext
  object: KubeObject
  before: VectorClusterStatus
  scope: CollectionConfig
  url: string
}

export class LogMaintenance {
  readonly #parts: { logger: Logger; events: EventRecorder }
  readonly #logs: LogViews
  /** Processes whose lease has been dealt with. */
  readonly #released = new Set<string>()
  /** URL with the only password that Redis was left with. */
  readonly #cleaned = new Map<string, string>()

  constructor(parts: { logger: Logger; events: EventRecorder }, logs: LogViews) {
    this.#parts = parts
    this.#logs = logs
  }

  /** The lease of a process that has ended goes to the next one at once, not after its time. */
  async releaseEndedLeases(key: string, { url, scope }: LoggedCluster, { pods, topology }: Observed): Promise<void> {
    if (!topology) return
    for (const { cell, ordinal, startId } of endedProcesses(pods)) {
      const view = topology.cells[cell]
      const name = logName(cell, ordinal)
      if (this.#released.has(startId) || leaderName(view) !== name) continue
      const released = await this.#logs.releaseLease(key, url, scope, cell, name, startId).catch(() => undefined)
      if (released === undefined) continue
      // Forgotten ones are asked for again, and answered that the lease is not theirs.
      if (this.#released.size >= RELEASED_MAX) this.#released.clear()
      this.#released.add(startId)
      if (released) this.#parts.logger.info({ key, cell, pod: name }, 'released the lease of a process that has ended')
    }
  }

  /**
   * Pods that a smaller shard has left behind: their set asks for fewer, and their object is gone. No router asks them then,
   * and the log is cut without them.
   */
  async removeMembers(key: string, { url, scope }: LoggedCluster, observed: Observed): Promise<void> {
    for (const member of departedMembers(observed)) {
      const removal = await this.#logs.removeMember(key, url, scope, member).catch(() => undefined)
      if (removal === 'removed') this.#parts.logger.info({ key, pod: member.pod }, 'removed a pod that has left')
    }
  }

  /** When every pod has the password of now, Redis takes no other: once for each change, and for each operator. */
  async forgetFormerPasswords(key: string, { cluster, context, url }: LoggedCluster): Promise<void> {
    const [now, former] = context.credentials.known
    // The one of before may come back by a backup: that it was the only one once says nothing then.
    if (former) this.#cleaned.delete(key)
    if (cluster.spec.redis.external || !now || former || this.#cleaned.get(key) === url) return
    const done = await this.#logs.onlyPassword(key, url, now.password).then(
      () => true,
      () => false,
    )
    if (done) this.#cleaned.set(key, url)
  }

  forget(key: string): void {
    this.#cleaned.delete(key)
  }

  /** A log that ends before what was seen in it must take no writes until an administrator has accepted the loss or a pod that holds more has answered. */
  async reportRegression(key: string, { before, scope, url }: LoggedCluster, { topology }: LogState): Promise<void> {
    if (!topology?.gateOpen) return
    const floors = new Map((before.shards ?? []).map(({ cell, floor }) => [cell, floor.id]))
    const seen = topology.cells.map((_, cell) => floors.get(cell) ?? '0-0')
    const [, why] = await this.#logs.reportRegression(key, url, scope, seen).catch(() => [])
    if (why !== undefined) this.#parts.logger.error({ key, why }, 'closed the gate of the log')
  }

  /** An owner that has ended without releasing its keys keeps them until an administrator names it. True where they are ours now. */
  async adopt(
    key: string,
    { object, scope, url }: LoggedCluster,
    log: LogState,
    signal: AbortSignal,
  ): Promise<boolean> {
    const earlier = object.metadata.annotations?.[ANNOTATIONS.adoptData]
    if (earlier === undefined || log.refused?.code !== 'DATA_OF_ANOTHER_OWNER') return false
    const { done } = await this.#logs.adopt(key, url, scope, earlier).catch(() => ({ done: false }))
    if (!done) return false
    const note = `this VectorCluster adopted the data of the VectorCluster with uid ${earlier}, as requested by the annotation ${ANNOTATIONS.adoptData}`
    await this.#parts.events.record(object, { type: 'Warning', reason: 'DataAdopted', action: 'Adopt', note }, signal)
    return true
  }

  /** The value of the annotation that was acted on; undefined where there was nothing to do. */
  async acceptLoss(
    key: string,
    { object, before, scope, url }: LoggedCluster,
    { topology }: LogState,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const wish = object.metadata.annotations?.[ANNOTATIONS.acceptLoss]
    if (wish === undefined || wish === before.acceptedLoss || !topology || topology.regressed === '') return undefined
    await this.#logs.acceptLoss(key, url, scope)
    const note = `the log continues without its lost entries, as requested by the annotation ${ANNOTATIONS.acceptLoss}: ${topology.regressed}`
    await this.#parts.events.record(
      object,
      { type: 'Warning', reason: 'LossAccepted', action: 'AcceptLoss', note },
      signal,
    )
    return wish
  }
}

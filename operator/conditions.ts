/** From what was observed and planned to the four conditions. Pure. */
import type { ClusterPlan, ClusterWorld } from '../core/cluster-plan.ts'
import {
  CONDITION_TYPES,
  type Condition,
  type ConditionStatus,
  type ConditionType,
} from '../protocol/vector-cluster-status.ts'
import type { LogState } from './log-view.ts'

/** Something that a person has to mend, or that Kubernetes refuses. */
export interface Trouble {
  reason: string
  message: string
  /** Whether reads and writes cannot work because of it. */
  blocksReady?: boolean
  /** Of something that the operator could not write: how often in a row it was tried. */
  failures?: number
}

/** So many failures in a row are no accident: somebody should be called. */
export const FAILURES_TOLD = 3
/** Sentences of one condition; the rest is counted. */
const SENTENCES_MAX = 3

export function isFailing(troubles: readonly Trouble[]): boolean {
  return troubles.some(({ failures = 0 }) => failures >= FAILURES_TOLD)
}

/** A refusal that goes on has a word of its own; what else is wrong keeps its own. */
function reasonOf({ reason, failures = 0 }: Trouble): string {
  return reason === 'Refused' && failures >= FAILURES_TOLD ? 'ReconcileFailed' : reason
}

function sentences(troubles: readonly Trouble[]): string {
  const all = [...new Set(troubles.map(({ message }) => message))]
  const rest = all.length > SENTENCES_MAX ? `; and ${all.length - SENTENCES_MAX} more` : ''
  return `${all.slice(0, SENTENCES_MAX).join('; ')}${rest}`
}

export interface Findings {
  generation: number
  world: ClusterWorld
  plan: ClusterPlan
  log: LogState
  routersReady: number
  routersWanted: number
  /** The Service that clients speak to, and whether it has a ready endpoint. */
  service: string
  reachable: boolean
  troubles: readonly Trouble[]
  clustersAsked: number
  clustersRun: number
}

/** Status, reason and message. */
export type Said = [ConditionStatus, string, string]

/** A condition; its time changes with its status alone. */
export function conditionOf(
  type: ConditionType,
  [status, reason, message]: Said,
  observedGeneration: number,
  before: readonly Condition[],
  now: Date,
): Condition {
  const last = before.find((condition) => condition.type === type)
  const lastTransitionTime =
    last?.status === status ? last.lastTransitionTime : now.toISOString().replace(/\.\d+Z$/, 'Z')
  return { type, status, reason, message, observedGeneration, lastTransitionTime }
}

export function conditionsOf(found: Findings, before: readonly Condition[], now: Date): Condition[] {
  const said: Record<ConditionType, Said> = {
    Ready: ready(found),
    Progressing: progressing(found),
    Degraded: degraded(found),
    RedisDurable: redisDurable(found),
  }
  return CONDITION_TYPES.map((type) => conditionOf(type, said[type], found.generation, before, now))
}

function ready({ log, world, routersReady, service, reachable, troubles }: Findings): Said {
  const blocking = troubles.find(({ blocksReady }) => blocksReady)
  if (blocking) return ['False', reasonOf(blocking), blocking.message]
  const { topology } = log
  if (!topology) return ['Unknown', 'LogUnreachable', log.error ?? 'Redis does not answer']
  if (topology.regressed !== '')
    return [
      'False',
      'LogRegressed',
      `Redis has lost entries of the log: ${topology.regressed}; see maksdb.io/accept-loss`,
    ]
  if (!topology.gateOpen) return ['False', 'LogClosed', 'not all pods have said yet how far their copies reach']
  const headless = topology.cells.flatMap(({ leased }, cell) => (leased ? [] : [cell]))
  if (headless.length > 0) return ['False', 'NoPrimary', `no pod leads shard ${headless.join(', ')}`]
  const silent = world.shards.find(({ pods }) => !pods.some((pod) => pod.ready))
  if (silent) return ['False', 'PodsNotReady', `no pod of ${silent.name} is ready`]
  if (routersReady === 0) return ['False', 'RouterNotReady', 'no router is ready']
  if (!reachable)
    return ['False', 'NoReadyEndpoint', `Service ${service} has no ready endpoint: no client reaches a router`]
  return ['True', 'Serving', 'reads and writes are served']
}

function progressing(found: Findings): Said {
  const { world, plan, clustersAsked, clustersRun, routersReady, routersWanted } = found
  if (world.paused) return ['False', 'Paused', 'the annotation maksdb.io/paused is set']
  const pods = world.shards.flatMap((set) => set.pods)
  const outdated = [...pods, ...(world.redis?.pods ?? [])].filter((pod) => pod.outdated.length > 0)
  if (plan.actions.some(({ type }) => type === 'grow-volume' || type === 'recreate-set'))
    return ['True', 'GrowingVolumes', 'volumes grow']
  if (outdated.length > 0) {
    const why = plan.blockedBy.map(({ message }) => message).join('; ')
    return [
      'True',
      'RollingOut',
      `pods that are out of date: ${outdated.length}${why === '' ? '' : `; waiting: ${why}`}`,
    ]
  }
  const wanted = world.shards.length * world.wanted.replicas
  const resized = world.shards.some((set) => set.exists && set.replicas !== world.wanted.replicas)
  if (resized || pods.length > wanted)
    return ['True', 'Scaling', `${pods.length} shard pods are there, ${wanted} are wanted`]
  const unwritten = found.troubles.filter(({ failures }) => failures !== undefined)
  const [first] = unwritten
  if (first) return ['False', reasonOf(first), sentences(unwritten)]
  const waiting = [...pods, ...(world.redis?.pods ?? [])].filter((pod) => !pod.ready)
  const late = waiting.length + wanted - pods.length + Math.max(0, routersWanted - routersReady)
  if (late > 0) return ['True', 'Starting', `pods that are not ready yet: ${late}`]
  if (clustersAsked !== clustersRun) {
    return [
      'False',
      'ReclusteringUnsupported',
      `spec.clusters is ${clustersAsked}, and ${clustersRun} run: a change needs live re-clustering, which this version does not have`,
    ]
  }
  return ['False', 'Settled', 'everything is as the manifest says']
}

function degraded({ world, log, troubles }: Findings): Said {
  const [trouble] = troubles
  if (trouble) return ['True', reasonOf(trouble), sentences(troubles)]
  if (log.topology && log.topology.regressed !== '') return ['True', 'LogRegressed', log.topology.regressed]
  const missing = world.shards.filter((set) => set.pods.filter((pod) => pod.ready).length < set.replicas)
  if (missing.length > 0)
    return ['True', 'PodsMissing', `${missing.map(({ name }) => name).join(', ')}: not all pods are ready`]
  if (world.redis && !world.redis.pods.some((pod) => pod.ready))
    return ['True', 'RedisNotReady', 'Redis is not ready: no writes, searches go on']
  return ['False', 'AllPodsReady', 'every pod is ready']
}

function redisDurable({ log }: Findings): Said {
  if (!log.topology) return ['Unknown', 'RedisUnreachable', log.error ?? 'Redis does not answer']
  if (log.durable === 'yes')
    return ['True', 'SettingsCarryIt', 'the settings of Redis carry the durability that was asked for']
  if (log.durable === 'no')
    return [
      'False',
      'SettingsDoNotCarryIt',
      'Redis needs appendonly yes, appendfsync always (everysec for Memory), no-appendfsync-on-rewrite no and maxmemory-policy noeviction',
    ]
  return ['Unknown', 'SettingsNotReadable', 'Redis refuses CONFIG GET, so its settings cannot be judged']
}

/** From what was observed and planned to the four conditions. Pure. */

import type { Disruptions } from '../../core/plan/disruption-budget.ts'
import type { ClusterPlan, ClusterWorld, SetView } from '../../core/plan/rollout-plan.ts'
import {
  CONDITION_TYPES,
  type Condition,
  type ConditionStatus,
  type ConditionType,
} from '../../protocol/manifest/vector-cluster-status.ts'
import { FAILURES_REPORTED, type Problem } from '../problem.ts'
import type { LogState } from '../watch/log-view.ts'

/** Sentences of one condition; the rest is counted. */
const SENTENCES_MAX = 3

/** A refusal that lasts has a reason of its own; what else is wrong keeps its own. */
function reasonOf({ reason, failures = 0 }: Problem): string {
  return reason === 'Refused' && failures >= FAILURES_REPORTED ? 'ReconcileFailed' : reason
}

function sentences(problems: readonly Problem[]): string {
  const all = [...new Set(problems.map(({ message }) => message))]
  const more = all.length > SENTENCES_MAX ? `; and ${all.length - SENTENCES_MAX} more` : ''
  return `${all.slice(0, SENTENCES_MAX).join('; ')}${more}`
}

export interface PassResult {
  generation: number
  world: ClusterWorld
  plan: ClusterPlan
  log: LogState
  routersReady: number
  routersWanted: number
  /** The Service that clients speak to, and whether it has a ready endpoint. */
  service: string
  reachable: boolean
  problems: readonly Problem[]
  /** That count against the budget still. */
  disruptions: Disruptions[]
  clustersAsked: number
  clustersRun: number
}

/** From this part of its memory on a problem reports that Redis fills up. */
const NEARLY_FULL = 0.9
/** The rest goes to buffers of the very writes that are refused. */
const FULL = 0.98
const MIB = 1024 ** 2

/** Redis refuses writes when its memory is used, before the kernel would end it (O23). */
export function fullnessOf({ memory }: LogState): Problem[] {
  if (!memory || memory.max === 0 || memory.used < NEARLY_FULL * memory.max) return []
  const full = memory.used >= FULL * memory.max
  const sizes = `${Math.round(memory.used / MIB)} of ${Math.round(memory.max / MIB)} MiB`
  const remedy =
    'raise spec.redis.managed.storage.size and resources.limits.memory, or maxmemory of an external Redis, or delete points'
  return full
    ? [
        {
          reason: 'RedisFull',
          message: `Redis uses ${sizes}: routers answer writes with 507 WAL_FULL, reads continue; ${remedy}`,
          blocksReady: true,
        },
      ]
    : [
        {
          reason: 'RedisNearlyFull',
          message: `Redis uses ${sizes}; when its memory is full, routers answer writes with 507 WAL_FULL; ${remedy}`,
        },
      ]
}

/** Redis that has not answered for so long is away. */
export const SILENCE_REPORTED_MS = 5000

/** Status, reason and message. */
export type Verdict = [ConditionStatus, string, string]

/** A condition; its time changes with its status alone. */
export function conditionOf(
  type: ConditionType,
  [status, reason, message]: Verdict,
  observedGeneration: number,
  before: readonly Condition[],
  now: Date,
): Condition {
  const last = before.find((condition) => condition.type === type)
  const lastTransitionTime =
    last?.status === status ? last.lastTransitionTime : now.toISOString().replace(/\.\d+Z$/, 'Z')
  return { type, status, reason, message, observedGeneration, lastTransitionTime }
}

export function conditionsOf(found: PassResult, before: readonly Condition[], now: Date): Condition[] {
  const verdicts: Record<ConditionType, Verdict> = {
    Ready: held('Ready', ready(found), found, before),
    Progressing: progressing(found),
    Degraded: degraded(found),
    RedisDurable: held('RedisDurable', redisDurable(found), found, before),
  }
  return CONDITION_TYPES.map((type) => conditionOf(type, verdicts[type], found.generation, before, now))
}

/**
 * One slow answer of Redis is no outage: what was said last holds for as long as it takes to ask a few times, and not at
 * all where a Redis of our own is known to be down (O21).
 */
function held(
  type: ConditionType,
  verdict: Verdict,
  { log, world }: PassResult,
  before: readonly Condition[],
): Verdict {
  const last = before.find((condition) => condition.type === type)
  const down = world.redis !== null && !world.redis.pods.some((pod) => pod.ready)
  if (verdict[0] !== 'Unknown' || log.topology || !last || down || log.silentMs >= SILENCE_REPORTED_MS) return verdict
  return [last.status, last.reason, last.message]
}

function ready({ log, world, routersReady, service, reachable, problems }: PassResult): Verdict {
  const blocking = problems.find(({ blocksReady }) => blocksReady)
  if (blocking) return ['False', reasonOf(blocking), blocking.message]
  const { topology } = log
  if (!topology) return ['Unknown', 'LogUnreachable', log.error ?? 'Redis does not answer']
  if (topology.regressed !== '')
    return [
      'False',
      'LogRegressed',
      `Redis has lost entries of the log: ${topology.regressed}; see maksdb.io/accept-loss`,
    ]
  if (!topology.gateOpen) return ['False', 'LogClosed', 'not all pods have reported their log position yet']
  const headless = topology.cells.flatMap(({ leased }, cell) => (leased ? [] : [cell]))
  if (headless.length > 0) return ['False', 'NoPrimary', `no pod leads shard ${headless.join(', ')}`]
  const silent = world.shards.find(({ pods }) => !pods.some((pod) => pod.ready))
  if (silent) return ['False', 'PodsNotReady', `no pod of ${silent.name} is ready`]
  if (routersReady === 0) return ['False', 'RouterNotReady', 'no router is ready']
  if (!reachable)
    return ['False', 'NoReadyEndpoint', `Service ${service} has no ready endpoint: no client reaches a router`]
  return ['True', 'Serving', 'reads and writes are served']
}

function progressing(found: PassResult): Verdict {
  const { world, plan, clustersAsked, clustersRun, routersReady, routersWanted } = found
  if (world.paused) return ['False', 'Paused', 'reconciliation is paused by the annotation maksdb.io/paused']
  const pods = world.shards.flatMap((set) => set.pods)
  const outdated = [...pods, ...(world.redis?.pods ?? [])].filter((pod) => pod.outdated.length > 0)
  if (plan.actions.some(({ type }) => type === 'grow-volume' || type === 'recreate-set'))
    return ['True', 'GrowingVolumes', 'volumes grow']
  if (outdated.length > 0) {
    const why = plan.blockedBy.map(({ message }) => message).join('; ')
    return ['True', 'RollingOut', `outdated pods: ${outdated.length}${why === '' ? '' : `; waiting: ${why}`}`]
  }
  const wanted = world.shards.length * world.wanted.replicas
  const resized = world.shards.some((set) => set.exists && set.replicas !== world.wanted.replicas)
  if (resized || pods.length > wanted)
    return ['True', 'Scaling', `${pods.length} shard pods exist, the manifest asks for ${wanted}`]
  const unwritten = found.problems.filter(({ failures }) => failures !== undefined)
  const [first] = unwritten
  if (first) return ['False', reasonOf(first), sentences(unwritten)]
  const waiting = [...pods, ...(world.redis?.pods ?? [])].filter((pod) => !pod.ready)
  const late = waiting.length + wanted - pods.length + Math.max(0, routersWanted - routersReady)
  if (late > 0) return ['True', 'Starting', `pods that are not ready yet: ${late}`]
  const small = smallVolumes(world)
  if (small.length > 0) {
    const more = small.length > 1 ? ` and ${small.length - 1} more` : ''
    return [
      'True',
      'GrowingVolumes',
      `volume ${small[0]}${more}: the storage has not grown to the size of its claim yet`,
    ]
  }
  const behind = [...world.shards, ...(world.redis ? [world.redis] : [])].find(({ declared }) => !declared)
  if (behind) return ['True', 'RollingOut', `StatefulSet ${behind.name} does not run the current manifest yet`]
  if (clustersAsked !== clustersRun) {
    return [
      'False',
      'ReclusteringUnsupported',
      `spec.clusters is ${clustersAsked}, and ${clustersRun} run: a change needs live re-clustering, which this version does not have`,
    ]
  }
  return ['False', 'Settled', 'all objects match the manifest']
}

/** Volumes of the pods that run: those that a smaller shard left behind grow when they are used again. */
function smallVolumes({ shards, redis, wanted }: ClusterWorld): string[] {
  const of = (set: SetView, bytes: number) => {
    const used = new Set(set.pods.map(({ name }) => `data-${name}`))
    return set.volumes.filter(({ name, capacity }) => used.has(name) && capacity < bytes).map(({ name }) => name)
  }
  return [
    ...shards.flatMap((set) => of(set, wanted.shardVolumeBytes)),
    ...(redis ? of(redis, wanted.redisVolumeBytes) : []),
  ]
}

function degraded({ world, log, problems }: PassResult): Verdict {
  const [problem] = problems
  if (problem) return ['True', reasonOf(problem), sentences(problems)]
  if (log.topology && log.topology.regressed !== '') return ['True', 'LogRegressed', log.topology.regressed]
  const missing = world.shards.filter((set) => set.pods.filter((pod) => pod.ready).length < set.replicas)
  if (missing.length > 0)
    return ['True', 'PodsMissing', `${missing.map(({ name }) => name).join(', ')}: not all pods are ready`]
  if (world.redis && !world.redis.pods.some((pod) => pod.ready))
    return ['True', 'RedisNotReady', 'Redis is not ready: writes stop, searches continue']
  return ['False', 'AllPodsReady', 'every pod is ready']
}

function redisDurable({ log }: PassResult): Verdict {
  if (!log.topology) return ['Unknown', 'RedisUnreachable', log.error ?? 'Redis does not answer']
  if (log.durable === 'yes')
    return ['True', 'SettingsCarryIt', 'the settings of Redis provide the durability of the manifest']
  if (log.durable === 'no')
    return [
      'False',
      'SettingsDoNotCarryIt',
      'Redis needs appendonly yes, appendfsync always (everysec for Memory), no-appendfsync-on-rewrite no and maxmemory-policy noeviction',
    ]
  return ['Unknown', 'SettingsNotReadable', 'Redis refuses CONFIG GET, so the operator cannot check its settings']
}

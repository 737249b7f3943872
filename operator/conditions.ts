/** From what was observed and planned to the four conditions. Pure. */
import type { ClusterPlan, ClusterWorld, SetView } from '../core/cluster-plan.ts'
import type { Disruptions } from '../core/disruption-budget.ts'
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
  /** That count against the budget still. */
  disruptions: Disruptions[]
  clustersAsked: number
  clustersRun: number
}

/** From this part of its memory on it is told that Redis fills up. */
const NEARLY_FULL = 0.9
/** The rest goes to buffers of the very writes that are refused. */
const FULL = 0.98
const MIB = 1024 ** 2

/** Redis refuses writes when its memory is used, before the kernel would end it (O23). */
export function fullnessOf({ memory }: LogState): Trouble[] {
  if (!memory || memory.max === 0 || memory.used < NEARLY_FULL * memory.max) return []
  const full = memory.used >= FULL * memory.max
  const sizes = `${Math.round(memory.used / MIB)} of ${Math.round(memory.max / MIB)} MiB`
  const remedy =
    'raise spec.redis.managed.storage.size and resources.limits.memory, or maxmemory of an external Redis; deleting points helps too'
  return full
    ? [
        {
          reason: 'RedisFull',
          message: `Redis uses ${sizes}: writes are answered with 507 WAL_FULL, reads go on; ${remedy}`,
          blocksReady: true,
        },
      ]
    : [
        {
          reason: 'RedisNearlyFull',
          message: `Redis uses ${sizes}; when it is full, writes are answered with 507 WAL_FULL; ${remedy}`,
        },
      ]
}

/** Redis that has not answered for so long is away. */
export const SILENCE_TOLD_MS = 5000

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
    Ready: held('Ready', ready(found), found, before),
    Progressing: progressing(found),
    Degraded: degraded(found),
    RedisDurable: held('RedisDurable', redisDurable(found), found, before),
  }
  return CONDITION_TYPES.map((type) => conditionOf(type, said[type], found.generation, before, now))
}

/**
 * One slow answer of Redis is no outage: what was said last holds for as long as it takes to ask a few times, and not at
 * all where a Redis of our own is known to be down (O21).
 */
function held(type: ConditionType, said: Said, { log, world }: Findings, before: readonly Condition[]): Said {
  const last = before.find((condition) => condition.type === type)
  const down = world.redis !== null && !world.redis.pods.some((pod) => pod.ready)
  if (said[0] !== 'Unknown' || log.topology || !last || down || log.silentMs >= SILENCE_TOLD_MS) return said
  return [last.status, last.reason, last.message]
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
  const small = smallVolumes(world)
  if (small.length > 0) {
    const rest = small.length > 1 ? ` and ${small.length - 1} more` : ''
    return [
      'True',
      'GrowingVolumes',
      `volume ${small[0]}${rest}: the storage has not grown to what its claim asks for yet`,
    ]
  }
  const behind = [...world.shards, ...(world.redis ? [world.redis] : [])].find(({ declared }) => !declared)
  if (behind) return ['True', 'RollingOut', `StatefulSet ${behind.name} has not taken over the manifest yet`]
  if (clustersAsked !== clustersRun) {
    return [
      'False',
      'ReclusteringUnsupported',
      `spec.clusters is ${clustersAsked}, and ${clustersRun} run: a change needs live re-clustering, which this version does not have`,
    ]
  }
  return ['False', 'Settled', 'everything is as the manifest says']
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

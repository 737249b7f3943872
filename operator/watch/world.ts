/** From what was observed to the world that the plan speaks of. Pure. */
import { leaderName } from '../../core/log/leader.ts'
import { parsePosition } from '../../core/log/position.ts'
import type { ClusterWorld, PodView, SetView } from '../../core/plan/rollout-plan.ts'
import { sizeBytes } from '../../protocol/manifest/quantity.ts'
import { redisStorage } from '../../protocol/manifest/redis.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import type { TopologyView } from '../../store/topology.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { BuildContext } from '../manifests/context.ts'
import { outdatedParts } from '../manifests/inputs.ts'
import { names } from '../manifests/names.ts'
import { redisInputs } from '../manifests/redis-set.ts'
import { shardInputs } from '../manifests/shard-set.ts'
import { ANNOTATIONS, LABELS } from '../resources.ts'
import { isPaused, type Observed } from './observe.ts'
import { isReady, isRecovering, logName, ordinalOf, podsOf } from './pods.ts'

/** A replica this far behind the head of the log catches up while it takes over. */
const LAG_ENTRIES_MAX = 5000

/** What the controller of StatefulSets writes on a pod, and kubectl into a template. */
const REVISION = 'controller-revision-hash'
const ROLLOUT_RESTART = 'kubectl.kubernetes.io/restartedAt'

export function worldOf(observed: Observed, context: BuildContext): ClusterWorld {
  const { object, cluster, topology } = observed
  const of = names(cluster.metadata.name)
  const wantedShard = shardInputs(context)
  const shards = Array.from({ length: context.clusters }, (_, cell) => {
    const set = observed.sets.get(of.shard(cell))
    const pods = podsOf(observed.pods, 'shard', cell).map((pod) => podView(pod, set, topology, cell))
    return setView(observed, of.shard(cell), pods, wantedShard)
  })
  const external = cluster.spec.redis.external !== undefined
  const redisPods = external
    ? []
    : podsOf(observed.pods, 'redis').map((pod) => podView(pod, observed.sets.get(of.redis)))
  return {
    paused: isPaused(object),
    gate: topology === undefined ? 'unknown' : topology.gateOpen ? 'open' : 'closed',
    shards,
    redis: external ? null : setView(observed, of.redis, redisPods, redisInputs(context)),
    wanted: {
      replicas: cluster.spec.replicas,
      shardVolumeBytes: sizeBytes(cluster.spec.storage.size),
      redisVolumeBytes: external ? 0 : sizeBytes(redisStorage(cluster.spec).size),
    },
  }
}

/** Only what the API server has accepted can be compared with: a manifest that it refused changes no pod (O27). */
interface SetTemplate {
  metadata?: { annotations?: Record<string, string> }
}

function templateAnnotations(set: KubeObject): Record<string, string> {
  return (set.spec?.template as SetTemplate | undefined)?.metadata?.annotations ?? {}
}

/** Until the controller has seen the template, a pod that is deleted comes back as it was. */
function isSeen(set: KubeObject): boolean {
  return (set.status as { observedGeneration?: number } | undefined)?.observedGeneration === set.metadata.generation
}

/** A pod that was made from the very template that the set has: another try makes the same again (O27). */
function isMadeFrom(pod: KubeObject, set: KubeObject): boolean {
  const { updateRevision } = (set.status ?? {}) as { updateRevision?: string }
  return updateRevision !== undefined && pod.metadata.labels?.[REVISION] === updateRevision
}

/** Parts in which a pod differs from the template of its set, as the API server has it. */
function outdatedOf(pod: KubeObject, set: KubeObject | undefined): string[] {
  if (!set || !isSeen(set) || isMadeFrom(pod, set)) return []
  const template = templateAnnotations(set)
  const asked = template[ROLLOUT_RESTART]
  const restart = asked !== undefined && asked !== pod.metadata.annotations?.[ROLLOUT_RESTART]
  return [...outdatedParts(pod, template[ANNOTATIONS.inputs] ?? '{}'), ...(restart ? ['kubectl rollout restart'] : [])]
}

function podView(pod: KubeObject, set: KubeObject | undefined, topology?: TopologyView, cell = 0): PodView {
  const ordinal = ordinalOf(pod)
  const name = logName(cell, ordinal)
  const view = topology?.cells[cell]
  const member = topology?.members.find((one) => one.pod === name)
  const behind = view && member ? view.head.seq - parsePosition(member.applied).seq : Number.POSITIVE_INFINITY
  return {
    name: pod.metadata.name,
    ordinal,
    ready: isReady(pod),
    recovering: isRecovering(pod, Date.now()),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    outdated: outdatedOf(pod, set),
    primary: leaderName(view) === name,
    caughtUp: behind <= LAG_ENTRIES_MAX,
  }
}

interface SetSpec {
  replicas?: number
  volumeClaimTemplates?: { spec: { resources: { requests: { storage: string } } } }[]
}

/** What the budget of disruptions is measured by: pods that are there, or should be. */
export function disruptedOf({ object, pods, cluster, sets }: Observed): { object: KubeObject; pods: number } {
  const wanted = [...sets.values()].reduce((sum, set) => sum + ((set.spec as SetSpec).replicas ?? 0), 0)
  const there = pods.filter((pod) => pod.metadata.labels?.[LABELS.component] !== 'router').length
  return { object, pods: Math.max(wanted, there, cluster.spec.replicas) }
}

function setView(observed: Observed, name: string, pods: PodView[], wanted: string): SetView {
  const set = observed.sets.get(name)
  const spec = (set?.spec ?? {}) as SetSpec
  const volumes = observed.claims
    .filter((claim) => claim.metadata.name.startsWith(`data-${name}-`))
    .map((claim) => {
      const { resources } = claim.spec as { resources: { requests: { storage: string } } }
      const { capacity } = (claim.status ?? {}) as { capacity?: { storage?: string } }
      return {
        name: claim.metadata.name,
        bytes: sizeBytes(resources.requests.storage),
        capacity: sizeBytes(capacity?.storage ?? '0'),
      }
    })
  return {
    name,
    exists: set !== undefined && set.metadata.deletionTimestamp === undefined,
    declared: set !== undefined && isSeen(set) && templateAnnotations(set)[ANNOTATIONS.inputs] === wanted,
    replicas: spec.replicas ?? 0,
    volumeBytes: sizeBytes(spec.volumeClaimTemplates?.[0]?.spec.resources.requests.storage ?? '0'),
    volumes,
    pods,
  }
}

/** Members of the collection whose set asks for fewer pods, and whose object is there no more. */
export function departedMembers({ cluster, sets, pods, topology }: Observed): Heartbeat[] {
  const of = names(cluster.metadata.name)
  return (topology?.members ?? []).filter(({ cell, ordinal }) => {
    const set = sets.get(of.shard(cell))
    const asked = (set?.spec as SetSpec | undefined)?.replicas
    return (
      asked !== undefined && ordinal >= asked && !podsOf(pods, 'shard', cell).some((pod) => ordinalOf(pod) === ordinal)
    )
  })
}

/** From copies of objects and the state of the log to the world that the plan speaks of. */
import type { ClusterWorld, PodView, SetView } from '../core/cluster-plan.ts'
import { parsePosition } from '../core/position.ts'
import { parseLastWords } from '../protocol/last-words.ts'
import { sizeBytes } from '../protocol/quantity.ts'
import type { Heartbeat } from '../protocol/shard-rpc.ts'
import { redisStorage, type VectorCluster } from '../protocol/vector-cluster.ts'
import type { TopologyView } from '../store/topology.ts'
import { type BuildContext, outdatedParts } from './build/context.ts'
import { names } from './build/names.ts'
import { redisInputs } from './build/redis-set.ts'
import { shardInputs } from './build/shard-set.ts'
import type { KubeObject } from './kube/objects.ts'
import { isOwnedBy } from './ownership.ts'
import { ANNOTATIONS, LABELS } from './resources.ts'

/** A replica this far behind the head of the log catches up while it takes over. */
const LAG_ENTRIES_MAX = 5000

/** What the controller of StatefulSets writes on a pod, and kubectl into a template. */
const REVISION = 'controller-revision-hash'
const ROLLOUT_RESTART = 'kubectl.kubernetes.io/restartedAt'

/** Everything that one pass knows of a VectorCluster. */
export interface Observed {
  object: KubeObject
  cluster: VectorCluster
  sets: Map<string, KubeObject>
  pods: KubeObject[]
  claims: KubeObject[]
  router: KubeObject | undefined
  /** Whether the Service that clients speak to leads to a router. */
  reachable: boolean
  topology: TopologyView | undefined
}

interface Termination {
  message?: string
  reason?: string
  exitCode?: number
}

interface ContainerStatus {
  name?: string
  restartCount?: number
  started?: boolean
  state?: { running?: object; terminated?: Termination; waiting?: { reason?: string; message?: string } }
  lastState?: { terminated?: Termination }
}

export interface PodStatus {
  phase?: string
  podIP?: string
  conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[]
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}

export function statusOfPod(pod: KubeObject): PodStatus {
  return pod.status ?? {}
}

export function isReady(pod: KubeObject): boolean {
  return statusOfPod(pod).conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

/** So long a process may need to be ready again, after Redis has restarted or its log was repaired. */
const RECOVERY_MS = 60_000

/** Every container runs and has started, and the pod was ready moments ago or is as young. */
export function isRecovering(pod: KubeObject, now: number): boolean {
  const { conditions = [], containerStatuses = [] } = statusOfPod(pod)
  const ready = conditions.find(({ type }) => type === 'Ready')
  const runs =
    containerStatuses.length > 0 && containerStatuses.every(({ started, state }) => started && state?.running)
  return ready?.status === 'False' && runs && now - Date.parse(ready.lastTransitionTime ?? '') < RECOVERY_MS
}

export function ordinalOf(pod: KubeObject): number {
  return Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? 0)
}

export function cellOf(object: KubeObject): number | undefined {
  const cell = object.metadata.labels?.[LABELS.cell]
  return cell === undefined ? undefined : Number(cell)
}

export function podsOf(pods: readonly KubeObject[], component: string, cell?: number): KubeObject[] {
  return pods
    .filter(
      (pod) => pod.metadata.labels?.[LABELS.component] === component && (cell === undefined || cellOf(pod) === cell),
    )
    .sort((a, b) => ordinalOf(a) - ordinalOf(b))
}

interface Endpoint {
  conditions?: { ready?: boolean }
}

/** A Service that has no ready endpoint refuses every connection, however many routers are ready. */
export function hasReadyEndpoint(service: KubeObject | undefined, slices: readonly KubeObject[]): boolean {
  if (!service) return false
  return slices
    .filter((slice) => isOwnedBy(slice, service.metadata.uid))
    .flatMap(({ endpoints }) => (endpoints ?? []) as Endpoint[])
    .some(({ conditions }) => conditions?.ready !== false)
}

/** Name that a pod has in the log. */
export function logName(cell: number, ordinal: number): string {
  return `${cell}/${ordinal}`
}

/** Paused, the operator writes nothing but the status and events of this VectorCluster (O20). */
export function isPaused({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ANNOTATIONS.paused] === 'true'
}

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
    primary: view?.leased === true && view.leader === name,
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

/** Processes that the kubelet says have ended: where they led, their lease may be given on at once. */
export function endedProcesses(pods: readonly KubeObject[]): { cell: number; ordinal: number; startId: string }[] {
  return podsOf(pods, 'shard').flatMap((pod) => {
    const cell = cellOf(pod)
    const [container] = statusOfPod(pod).containerStatuses ?? []
    const ended = container?.state?.terminated ?? container?.lastState?.terminated
    const { startId } = parseLastWords(ended?.message ?? '')
    return cell === undefined || !/^[0-9a-f]{6,}$/.test(startId) ? [] : [{ cell, ordinal: ordinalOf(pod), startId }]
  })
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

/** A pod that is so young may still wait for its volume or its image without anything being wrong. */
const YOUNG_MS = 15_000

/** Why a pod does not run, in one sentence; undefined where it does. */
export function troubleOf(pod: KubeObject, now: number): string | undefined {
  if (now - Date.parse(pod.metadata.creationTimestamp ?? '') < YOUNG_MS) return undefined
  const { conditions = [], containerStatuses = [], initContainerStatuses = [] } = statusOfPod(pod)
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled?.message) return `pod ${pod.metadata.name} cannot be scheduled: ${unscheduled.message}`
  const harmless = new Set(['ContainerCreating', 'PodInitializing'])
  const stuck = [...initContainerStatuses, ...containerStatuses].find(
    ({ state }) => state?.waiting?.reason !== undefined && !harmless.has(state.waiting.reason),
  )
  return stuck && `pod ${pod.metadata.name} does not start: ${whyStuck(stuck)}`
}

/** How it ended last says more than that the kubelet waits before it tries again. */
function whyStuck({ name, restartCount = 0, state, lastState }: ContainerStatus): string {
  const { reason = '', message } = state?.waiting ?? {}
  const ended = lastState?.terminated
  if (ended?.reason === 'OOMKilled')
    return `OOMKilled: container ${name} used more memory than its limit and was killed (${restartCount} restarts); raise its resources.limits.memory`
  const last =
    ended && `the last run of container ${name} ended with ${ended.reason ?? 'Error'}, exit code ${ended.exitCode}`
  return [reason, message, last].filter((part) => part !== undefined && part !== '').join(': ')
}

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

interface ContainerStatus {
  state?: { terminated?: { message?: string }; waiting?: { reason?: string; message?: string } }
  lastState?: { terminated?: { message?: string } }
}

export interface PodStatus {
  phase?: string
  podIP?: string
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
  containerStatuses?: ContainerStatus[]
}

export function statusOfPod(pod: KubeObject): PodStatus {
  return pod.status ?? {}
}

export function isReady(pod: KubeObject): boolean {
  return statusOfPod(pod).conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
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

export function worldOf(observed: Observed, context: BuildContext): ClusterWorld {
  const { object, cluster, topology } = observed
  const of = names(cluster.metadata.name)
  const wantedShard = shardInputs(context)
  const shards = Array.from({ length: context.clusters }, (_, cell) =>
    setView(
      observed,
      of.shard(cell),
      podsOf(observed.pods, 'shard', cell).map((pod) => podView(pod, wantedShard, topology, cell)),
    ),
  )
  const external = cluster.spec.redis.external !== undefined
  const redisPods = external ? [] : podsOf(observed.pods, 'redis').map((pod) => podView(pod, redisInputs(context)))
  return {
    paused: object.metadata.annotations?.[ANNOTATIONS.paused] === 'true',
    gate: topology === undefined ? 'unknown' : topology.gateOpen ? 'open' : 'closed',
    shards,
    redis: external ? null : setView(observed, of.redis, redisPods),
    wanted: {
      replicas: cluster.spec.replicas,
      shardVolumeBytes: sizeBytes(cluster.spec.storage.size),
      redisVolumeBytes: external ? 0 : sizeBytes(redisStorage(cluster.spec).size),
    },
  }
}

function podView(pod: KubeObject, wanted: string, topology?: TopologyView, cell = 0): PodView {
  const ordinal = ordinalOf(pod)
  const name = logName(cell, ordinal)
  const view = topology?.cells[cell]
  const member = topology?.members.find((one) => one.pod === name)
  const behind = view && member ? view.head.seq - parsePosition(member.applied).seq : Number.POSITIVE_INFINITY
  return {
    name: pod.metadata.name,
    ordinal,
    ready: isReady(pod),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    outdated: outdatedParts(pod, wanted),
    primary: view?.leased === true && view.leader === name,
    caughtUp: behind <= LAG_ENTRIES_MAX,
  }
}

interface SetSpec {
  replicas?: number
  volumeClaimTemplates?: { spec: { resources: { requests: { storage: string } } } }[]
}

function setView(observed: Observed, name: string, pods: PodView[]): SetView {
  const set = observed.sets.get(name)
  const spec = (set?.spec ?? {}) as SetSpec
  const volumes = observed.claims
    .filter((claim) => claim.metadata.name.startsWith(`data-${name}-`))
    .map((claim) => {
      const { resources } = claim.spec as { resources: { requests: { storage: string } } }
      return { name: claim.metadata.name, bytes: sizeBytes(resources.requests.storage) }
    })
  return {
    name,
    exists: set !== undefined && set.metadata.deletionTimestamp === undefined,
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
  const { conditions = [], containerStatuses = [] } = statusOfPod(pod)
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled?.message) return `pod ${pod.metadata.name} cannot be scheduled: ${unscheduled.message}`
  const waiting = containerStatuses.map(({ state }) => state?.waiting).find((one) => one !== undefined)
  const harmless = new Set(['ContainerCreating', 'PodInitializing'])
  if (waiting?.reason !== undefined && !harmless.has(waiting.reason))
    return `pod ${pod.metadata.name} does not start: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}`
  return undefined
}

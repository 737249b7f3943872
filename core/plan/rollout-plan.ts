/**
 * What the operator does next with the pods of a VectorCluster. Pure: a world in, actions and reasons out. Objects that
 * only have to be as declared are not planned but applied; planned is what takes something away: pods, replicas, volumes'
 * sets, leads.
 *
 * Its invariants are the rules D1 to D9 of operator/DESIGN.md, each with a property test or a case.
 */
/** The part of a pod that stands for the Secret of passwords and tokens. */
export const CREDENTIALS = 'credentials'

export interface PodView {
  name: string
  ordinal: number
  ready: boolean
  /** Not ready, but it runs and was ready a moment ago: it still answers reads, and waits for Redis, not for us. */
  recovering?: boolean
  terminating: boolean
  /** Parts of the pod that differ from the template that its set really has; empty: up to date. */
  outdated: readonly string[]
  primary: boolean
  /** Has applied the log up to where its head was a moment ago. */
  caughtUp: boolean
}

export interface SetView {
  /** Name of the StatefulSet. */
  name: string
  /** False before it was made, and between the two halves of making it anew. */
  exists: boolean
  /** Pods that the StatefulSet asks for now. */
  replicas: number
  /** The API server has the template that the manifest asks for, and the controller of StatefulSets has seen it. */
  declared: boolean
  /** Bytes that the StatefulSet asks for each volume. */
  volumeBytes: number
  /** `bytes` that the claim asks for, `capacity` that the volume has. */
  volumes: readonly { name: string; bytes: number; capacity: number }[]
  pods: readonly PodView[]
}

export interface ClusterWorld {
  paused: boolean
  /** Open: every shard may append. Unknown: Redis does not answer the operator. */
  gate: 'open' | 'closed' | 'unknown'
  /** One for each cell. */
  shards: readonly SetView[]
  /** Null where Redis is external. */
  redis: SetView | null
  wanted: { replicas: number; shardVolumeBytes: number; redisVolumeBytes: number }
}

export type ClusterAction =
  | { type: 'hand-over'; cell: number; pod: string; why: string }
  | { type: 'replace-pod'; pod: string; why: string }
  | { type: 'grow-volume'; volume: string; bytes: number }
  | { type: 'recreate-set'; set: string }

export const PREDICATES = {
  Paused: 'reconciliation is paused by the annotation maksdb.io/paused',
  LogClosed: 'the log is closed: Redis has lost entries, or not all pods have claimed yet',
  LogUnreachable: 'the operator cannot reach Redis, so the primaries are unknown',
  PodNotReady: 'a pod is not ready or is being stopped',
  TemplateNotSeen: 'the controller of StatefulSets has not seen the template of every shard yet',
  NoSuccessor: 'no other pod of the shard is ready and has caught up',
  ScalingIn: 'a shard that is scaled in waits until a remaining pod leads it',
} as const
export type Predicate = keyof typeof PREDICATES

export interface Block {
  predicate: Predicate
  message: string
}

export interface ClusterPlan {
  /** Pods that each shard's StatefulSet should ask for now. */
  replicas: number[]
  actions: ClusterAction[]
  /** Why something that is wanted is not done yet. */
  blockedBy: Block[]
}

export function planCluster(world: ClusterWorld): ClusterPlan {
  if (world.paused) {
    return { replicas: world.shards.map((set) => set.replicas), actions: [], blockedBy: [block('Paused')] }
  }
  const scaling = world.shards.map((set, cell) => planScale(world, set, cell))
  const growth = [
    ...world.shards.flatMap((set) => planGrowth(set, world.wanted.shardVolumeBytes)),
    ...(world.redis ? planGrowth(world.redis, world.wanted.redisVolumeBytes) : []),
  ]
  const handOvers = scaling.flatMap(({ action }) => action ?? [])
  const rollout = handOvers.length > 0 ? nothing : planRollout(world)
  return {
    replicas: scaling.map(({ replicas }) => replicas),
    actions: [...growth, ...handOvers, ...rollout.actions],
    blockedBy: [...scaling.flatMap(({ blocked }) => blocked ?? []), ...rollout.blockedBy],
  }
}

interface Step {
  actions: ClusterAction[]
  blockedBy: Block[]
}
const nothing: Step = { actions: [], blockedBy: [] }

function block(predicate: Predicate, about?: string): Block {
  return { predicate, message: about === undefined ? PREDICATES[predicate] : `${PREDICATES[predicate]}: ${about}` }
}

function gateBlock({ gate }: ClusterWorld): Block | undefined {
  if (gate === 'closed') return block('LogClosed')
  return gate === 'unknown' ? block('LogUnreachable') : undefined
}

function able(pod: PodView): boolean {
  return pod.ready && !pod.terminating && pod.caughtUp
}

/** D3. Growing needs no proof. */
function planScale(
  world: ClusterWorld,
  set: SetView,
  cell: number,
): { replicas: number; action?: ClusterAction; blocked?: Block } {
  const { replicas } = world.wanted
  if (!set.exists || replicas >= set.replicas) return { replicas }
  const stay = { replicas: set.replicas }
  const closed = gateBlock(world)
  if (closed) return { ...stay, blocked: closed }
  const kept = set.pods.filter((pod) => pod.ordinal < replicas)
  if (kept.some((pod) => pod.primary && able(pod))) return { replicas }
  const leaving = set.pods.find((pod) => pod.ordinal >= replicas && pod.primary)
  const blocked = block('ScalingIn', set.name)
  if (!leaving || !kept.some(able)) return { ...stay, blocked }
  return { ...stay, blocked, action: { type: 'hand-over', cell, pod: leaving.name, why: 'the shard is scaled in' } }
}

/** D5: volumes first, then the set, whose pods stay. */
function planGrowth(set: SetView, bytes: number): ClusterAction[] {
  const small = set.volumes.filter((volume) => volume.bytes < bytes)
  if (small.length > 0) return small.map(({ name }) => ({ type: 'grow-volume', volume: name, bytes }))
  return set.exists && set.volumeBytes < bytes ? [{ type: 'recreate-set', set: set.name }] : []
}

function planRollout(world: ClusterWorld): Step {
  const shardPods = world.shards.flatMap((set, cell) => set.pods.map((pod) => ({ pod, set, cell })))
  const redisPods = (world.redis?.pods ?? []).map((pod) => ({ pod }))
  const outdated = [...shardPods, ...redisPods].filter(({ pod }) => pod.outdated.length > 0 && !pod.terminating)
  if (outdated.length === 0) return nothing
  // A pod that does not run serves nobody: it is replaced at once, which is also the way out of a bad image.
  const broken = outdated.filter(({ pod }) => (!pod.ready && pod.recovering !== true) || locksOut(pod, redisPods))
  if (broken.length > 0) return { actions: broken.map(({ pod }) => replace(pod)), blockedBy: [] }
  const closed = gateBlock(world)
  if (closed) return { actions: [], blockedBy: [closed] }
  const missing = [...shardPods, ...redisPods].find(({ pod }) => !pod.ready || pod.terminating)
  if (missing) return { actions: [], blockedBy: [block('PodNotReady', missing.pod.name)] }
  const absent = world.shards.find((set) => set.pods.length < set.replicas)
  if (absent) return { actions: [], blockedBy: [block('PodNotReady', `a pod of ${absent.name} does not exist yet`)] }
  const outdatedShards = shardPods.filter(({ pod }) => pod.outdated.length > 0)
  const replica = outdatedShards.find(({ pod, set }) => !pod.primary || set.pods.length === 1)
  if (replica) return replaceWithCare(replica)
  const primary = outdatedShards[0]
  if (primary) return handOverFirst(primary)
  return replaceRedis(world, redisPods)
}

/** D4. Before its set has the new template, a shard pod cannot be told to be outdated: that is no sign that it is done. */
function replaceRedis({ shards }: ClusterWorld, redisPods: readonly { pod: PodView }[]): Step {
  const unseen = shards.find((set) => !set.exists || !set.declared)
  if (unseen) return { actions: [], blockedBy: [block('TemplateNotSeen', unseen.name)] }
  const outdated = redisPods.find(({ pod }) => pod.outdated.length > 0)
  return outdated ? { actions: [replace(outdated.pod)], blockedBy: [] } : nothing
}

/** D8. */
function locksOut(pod: PodView, redisPods: readonly { pod: PodView }[]): boolean {
  return pod.outdated.includes(CREDENTIALS) && redisPods.some((one) => one.pod === pod)
}

/** A replica goes only while another pod of its shard leads; the only pod of a shard has none. */
function replaceWithCare({ pod, set }: { pod: PodView; set: SetView }): Step {
  const led = set.pods.length === 1 || set.pods.some((other) => other !== pod && other.primary)
  return led
    ? { actions: [replace(pod)], blockedBy: [] }
    : { actions: [], blockedBy: [block('NoSuccessor', `${set.name} has no primary`)] }
}

/** D2. */
function handOverFirst({ pod, set, cell }: { pod: PodView; set: SetView; cell: number }): Step {
  if (!set.pods.some((other) => other !== pod && able(other))) {
    return { actions: [], blockedBy: [block('NoSuccessor', set.name)] }
  }
  return {
    actions: [{ type: 'hand-over', cell, pod: pod.name, why: `it will be replaced: ${pod.outdated.join(', ')}` }],
    blockedBy: [],
  }
}

function replace(pod: PodView): ClusterAction {
  return { type: 'replace-pod', pod: pod.name, why: pod.outdated.join(', ') }
}

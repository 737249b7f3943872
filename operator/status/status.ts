/** The status: conditions, counters, and the floor of each shard's log. Pure. */
import { leaderName } from '../../core/log/leader.ts'
import { formatPosition, parsePosition } from '../../core/log/position.ts'
import { collectionOf } from '../../protocol/manifest/vector-cluster.ts'
import type { Condition, ShardStatus, VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { TopologyView } from '../../store/topology.ts'
import type { BuildContext } from '../manifests/context.ts'
import { selectorOf } from '../manifests/context.ts'
import { names, PORTS } from '../manifests/names.ts'
import type { PassResult } from './conditions.ts'

/** A status that only counts otherwise is written so often at most. */
export const COUNTERS_EVERY_MS = 30_000

export function statusOf(
  found: PassResult,
  context: BuildContext,
  before: VectorClusterStatus,
  conditions: Condition[],
  acceptedLoss: string | undefined,
): VectorClusterStatus {
  const { cluster } = context
  const { world, log, plan } = found
  const { topology } = log
  const pods = world.shards.flatMap((set) => set.pods)
  const shards = world.shards.map((set, cell) =>
    shardStatus(cell, set.pods, topology, before.shards?.[cell], cluster.metadata.name),
  )
  const points = topology?.gateOpen ? topology.rows : before.points
  return {
    observedGeneration: found.generation,
    conditions,
    collection: collectionOf(cluster),
    endpoint: `${cluster.spec.tls ? 'https' : 'http'}://${names(cluster.metadata.name).service}.${cluster.metadata.namespace}.svc:${PORTS.rest}`,
    clusters: context.clusters,
    replicas: Math.max(0, ...world.shards.map((set) => set.replicas)),
    selector: Object.entries(selectorOf(cluster.metadata.name, 'shard'))
      .map(([label, value]) => `${label}=${value}`)
      .join(','),
    primaries: `${shards.filter(({ primary }) => primary !== '').length}/${context.clusters}`,
    ...(points === undefined ? {} : { points }),
    image: context.image,
    claimed: context.claimed,
    rollout: {
      pods: pods.length,
      updated: pods.filter((pod) => pod.outdated.length === 0).length,
      blockedBy: plan.blockedBy,
    },
    ...(found.disruptions.length === 0 ? {} : { disruptions: found.disruptions }),
    shards,
    ...(acceptedLoss === undefined ? {} : { acceptedLoss }),
  }
}

function shardStatus(
  cell: number,
  pods: readonly { ready: boolean; primary: boolean; name: string }[],
  topology: TopologyView | undefined,
  before: ShardStatus | undefined,
  cluster: string,
): ShardStatus {
  const view = topology?.cells[cell]
  const leading = leaderName(view)
  const leader = leading === undefined ? '' : `${names(cluster).shard(cell)}-${leading.split('/')[1]}`
  return {
    cell,
    primary: topology ? leader : (before?.primary ?? ''),
    epoch: view?.epoch ?? before?.epoch ?? 0,
    points: topology?.members.find((member) => member.pod === view?.leader)?.points ?? before?.points ?? 0,
    readyReplicas: pods.filter(({ ready }) => ready).length,
    floor: floorOf(before, topology, cell),
  }
}

/** The floor only rises, until somebody accepts a loss; a log that ends below it has lost entries. */
function floorOf(
  before: ShardStatus | undefined,
  topology: TopologyView | undefined,
  cell: number,
): ShardStatus['floor'] {
  const floor = before?.floor ?? { id: '0-0', version: 0 }
  const head = topology?.cells[cell]?.head
  if (!topology?.gateOpen || !head) return floor
  if (head.seq <= parsePosition(floor.id).seq && !isGivenUp(floor, topology)) return floor
  return { id: formatPosition(head), version: topology.version, generation: topology.generation }
}

/** A loss was accepted since the floor was noted. */
function isGivenUp({ generation = 0 }: ShardStatus['floor'], topology: TopologyView): boolean {
  return topology.generation > generation
}

/** Shards whose log ends before their floor. */
export function belowFloor(before: VectorClusterStatus, topology: TopologyView | undefined): number[] {
  if (!topology) return []
  return (before.shards ?? []).flatMap(({ cell, floor }) => {
    const head = topology.cells[cell]?.head
    return head && head.seq < parsePosition(floor.id).seq && !isGivenUp(floor, topology) ? [cell] : []
  })
}

/** What is left of a status when its counters are taken away. */
export function withoutCounters(status: VectorClusterStatus): unknown {
  const { points: _, disruptions: __, shards = [], ...rest } = status
  return {
    ...rest,
    shards: shards.map(({ cell, primary, epoch, readyReplicas }) => ({ cell, primary, epoch, readyReplicas })),
  }
}

export function sameStatus(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  )
}

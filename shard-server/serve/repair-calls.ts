/** A chosen copy's side of a repair. Each call is refused where the copy is no longer the one that was chosen. */
import { MaksError } from '../../core/errors.ts'
import { comparePositions, formatPosition, parsePosition } from '../../core/log/position.ts'
import type {
  FactsRequest,
  FactsResponse,
  HeldRowsRequest,
  PrepareRequest,
  PrepareResponse,
  ReplicaStateScope,
  SecureRequest,
} from '../../protocol/repair-rpc.ts'
import { listSnapshots } from '../index/snapshot-manifest.ts'
import type { ShardParts } from './parts.ts'

function checkCopy({ pod, replica }: ShardParts, { at, hash }: ReplicaStateScope): void {
  const { tip: point, phase } = replica
  if (phase === 'regressed' && formatPosition(point.position) === at && point.hash === hash) return
  throw new MaksError('NOT_READY', `pod ${pod.name} is ${phase} at ${formatPosition(point.position)}, not at ${at}`)
}

export async function prepare(parts: ShardParts, { copy }: PrepareRequest) {
  checkCopy(parts, copy)
  const { pod, replica, snapshotter } = parts
  // Pods that are behind can no longer read the log up to here: they will copy this snapshot.
  if ((await snapshotter.take()) !== copy.at)
    throw new MaksError('NOT_READY', `pod ${pod.name} could not take a snapshot at ${copy.at}`)
  checkCopy(parts, copy)
  const { stats } = replica
  const header: PrepareResponse = {
    version: stats?.version ?? 0,
    holes: stats?.holes ?? [],
    centroidVersion: stats?.centroidVersion ?? 0,
    rows: (stats?.points ?? 0) + (stats?.redundantRows ?? 0),
  }
  return { header, chunks: [await pod.index.call('centroids', null)] }
}

/** The log no longer goes back before the chosen copy, so one snapshot of it on one volume is not enough (rule L16). */
export async function secure({ pod, replica, snapshotter }: ShardParts, { copy }: SecureRequest) {
  if (replica.phase !== 'regressed')
    throw new MaksError('NOT_READY', `pod ${pod.name} is ${replica.phase}, not in a repair`)
  const chosen = parsePosition(copy.at)
  if (comparePositions(replica.tip.position, chosen) < 0) await replica.bootstrap(copy.at)
  if (formatPosition(replica.tip.position) !== copy.at || replica.tip.hash !== copy.hash)
    throw new MaksError('NOT_READY', `pod ${pod.name} holds another timeline than ${copy.at}`)
  const [newest] = await listSnapshots(pod.snapshotDir)
  if (newest && formatPosition(newest) === copy.at) await snapshotter.announceExisting()
  else if ((await snapshotter.take()) !== copy.at)
    throw new MaksError('NOT_READY', `pod ${pod.name} could not take a snapshot at ${copy.at}`)
  return { header: {} }
}

export async function facts(parts: ShardParts, { copy, from, to }: FactsRequest) {
  checkCopy(parts, copy)
  const header: FactsResponse = await parts.pod.index.call('facts', { from, to })
  return { header }
}

export async function heldRows(parts: ShardParts, { copy, keys }: HeldRowsRequest) {
  checkCopy(parts, copy)
  return { header: {}, chunks: await parts.pod.index.call('heldRows', { keys }) }
}

/** What a router reads: who leads, where the pods are, the centroids, and cuts with the owners of ids. */
import type { ClaimedData } from '../core/data-identity.ts'
import type { IdKey } from '../core/ids.ts'
import { parseDirectoryRecord } from '../core/log/directory-audit.ts'
import { isTokenOf, podOfToken } from '../core/log/lease-token.ts'
import { type Position, parsePosition } from '../core/log/position.ts'
import { allCellKeys, bucketOf, keysOf } from '../protocol/keys.ts'
import type { Heartbeat } from '../protocol/shard-rpc.ts'
import { type Redis, redisError } from './connection.ts'
import { runScript } from './scripts.ts'

export interface CellView {
  epoch: number
  /** Pod that led last, '' where none ever did. */
  leader: string
  head: Position
  trim: Position
  migrated: number
  walBytes: number
  leased: boolean
}

export interface TopologyView {
  gateOpen: boolean
  version: number
  centroidVersion: number
  /** Cells that still have rows to move; 0 when every row is in its cell. */
  moving: number
  rows: number
  redundantRows: number
  regressed: string
  /** Grows each time that an administrator has given up what Redis lost. */
  generation: number
  /** Report (JSON) of the last repair of the log; '' where there was none. */
  repaired: string
  /** Changes whenever the gate opens: positions of one timeline mean nothing in another. */
  timeline: number
  members: Heartbeat[]
  cells: CellView[]
  /** Whose the keys are, and what is in them. */
  claimed: ClaimedData
}

export interface OwnerEntry {
  owner: number
  userVersion: number
}

export interface Cut {
  version: number
  centroidVersion: number
  /** Cells that had rows to move. */
  moving: number
  generation: number
  /** Of the positions in `heads`. */
  timeline: number
  heads: Position[]
  /** Where each asked id lives; undefined for ids that do not exist. */
  entries: (OwnerEntry | undefined)[]
}

/** The same with the directory entries as they are kept: one text for each id, '' for none. */
export interface DirectoryTexts extends Omit<Cut, 'entries'> {
  texts: string[]
}

export interface CollectionScope {
  namespace: string
  name: string
  clusters: number
}

/** Of what changes keys without a token: only for their owner (rule L25). */
export interface OwnedScope extends CollectionScope {
  uid: string
}

export async function readTopology(redis: Redis, scope: CollectionScope): Promise<TopologyView> {
  const keys = keysOf(scope.namespace, scope.name)
  const cellKeys = Array.from({ length: scope.clusters }, (_, c) => [keys.cell(c), keys.lease(c)]).flat()
  const r = await runScript(redis, 'read-topology', [keys.meta, keys.gate, keys.members, ...cellKeys], [scope.clusters])
  const FIXED = 17
  const WIDTH = 7
  const cells = Array.from({ length: scope.clusters }, (_, c): CellView => {
    const [epoch = '0', token = '', head = '0-0', trim = '0', migrated = '0', walBytes = '0', leased = '0'] = r.slice(
      FIXED + WIDTH * c,
      FIXED + WIDTH * (c + 1),
    )
    return {
      epoch: Number(epoch),
      leader: podOfToken(token),
      head: positionOrOrigin(head),
      trim: positionOrOrigin(trim),
      migrated: Number(migrated),
      walBytes: Number(walBytes),
      leased: leased === '1',
    }
  })
  return {
    gateOpen: r[0] === '1',
    version: Number(r[1]),
    centroidVersion: Number(r[2]),
    moving: Number(r[3]),
    rows: Number(r[4]),
    redundantRows: Number(r[5]),
    regressed: r[6] ?? '',
    members: JSON.parse(r[7] ?? '[]') as Heartbeat[],
    generation: Number(r[8]),
    repaired: r[9] ?? '',
    timeline: Number(r[10]),
    cells,
    claimed: {
      shape: r[11] ?? '',
      uid: r[12] ?? '',
      owner: r[13] ?? '',
      since: Number(r[14]),
      released: r[15] === '1',
      written: r[16] === '1',
    },
  }
}

/** The state of all cells that a topology was read at; undefined while the gate is closed. */
export function cutOf(topology: TopologyView): Cut | undefined {
  const { gateOpen, version, centroidVersion, moving, generation, timeline, cells } = topology
  if (!gateOpen) return undefined
  return { version, centroidVersion, moving, generation, timeline, heads: cells.map(({ head }) => head), entries: [] }
}

function positionOrOrigin(text: string): Position {
  return parsePosition(text.includes('-') ? text : '0-0')
}

/** One state of all cells, and the directory entries of ids as they are kept; undefined while the gate is closed. */
export async function readDirectoryTexts(
  redis: Redis,
  scope: CollectionScope,
  ids: readonly IdKey[],
): Promise<DirectoryTexts | undefined> {
  const keys = keysOf(scope.namespace, scope.name)
  const buckets = ids.map((key) => keys.directory(bucketOf(key)))
  const r = await runScript(
    redis,
    'read-cut',
    [...allCellKeys(keys, scope.clusters), ...buckets],
    [scope.clusters, ...ids],
  )
  if (r[0] !== 'OK') return undefined
  return {
    version: Number(r[1]),
    centroidVersion: Number(r[2]),
    moving: Number(r[3]),
    generation: Number(r[4]),
    timeline: Number(r[5]),
    heads: r.slice(6, 6 + scope.clusters).map(parsePosition),
    texts: r.slice(6 + scope.clusters),
  }
}

/** One state of all cells; undefined while the gate is closed. */
export async function readCut(redis: Redis, scope: CollectionScope, ids: readonly IdKey[]): Promise<Cut | undefined> {
  const listings = await readDirectoryTexts(redis, scope, ids)
  if (!listings) return undefined
  const { texts, ...state } = listings
  return { ...state, entries: texts.map(parseDirectory) }
}

function parseDirectory(text: string): OwnerEntry | undefined {
  const listing = parseDirectoryRecord(text)
  return listing === undefined || 'deleted' in listing ? undefined : listing
}

/** The last heartbeats of these pods, of those that have sent one. */
export async function readMembers(redis: Redis, scope: CollectionScope, pods: readonly string[]): Promise<Heartbeat[]> {
  try {
    const found = await redis.hmget(keysOf(scope.namespace, scope.name).members, ...pods)
    return found.flatMap((text) => (text === null ? [] : [JSON.parse(text) as Heartbeat]))
  } catch (error) {
    throw redisError(error)
  }
}

export async function readCentroids(redis: Redis, scope: CollectionScope): Promise<Buffer | null> {
  try {
    return await redis.getBuffer(keysOf(scope.namespace, scope.name).centroids)
  } catch (error) {
    throw redisError(error)
  }
}

/**
 * Closes the gate if a log ends before an entry that was once seen at its head; the pods then claim their replica states.
 * @param seen for each cell a position; `0-0` where nothing was seen
 */
export async function reportRegression(redis: Redis, scope: OwnedScope, seen: readonly string[]): Promise<string[]> {
  const keys = allCellKeys(keysOf(scope.namespace, scope.name), scope.clusters)
  return runScript(redis, 'report-regression', keys, [scope.clusters, scope.uid, ...seen])
}

export async function acceptLoss(redis: Redis, scope: OwnedScope): Promise<string[]> {
  const keys = keysOf(scope.namespace, scope.name)
  return runScript(redis, 'accept-loss', [keys.meta, keys.gate], [scope.uid])
}

/** Releases the lease of a process that is known to have ended. */
export async function releaseLeaseOf(
  redis: Redis,
  scope: CollectionScope,
  cell: number,
  pod: string,
  startId: string,
): Promise<boolean> {
  const key = keysOf(scope.namespace, scope.name).lease(cell)
  const token = await redis.get(key)
  if (token === null || !isTokenOf(token, { pod, startId })) return false
  return (await runScript(redis, 'release-lease', [key], [token]))[0] === 'OK'
}

/** What became of a wish to remove a member: `other` where the pod has another process by now. */
export type Removal = 'removed' | 'absent' | 'other' | 'leads'

/**
 * Removes a pod that has left its cell for good from the members of the collection. The caller has proof that the process
 * `startId` has ended and that no other takes its place.
 */
export async function removeMember(
  redis: Redis,
  scope: CollectionScope,
  { pod, cell, startId }: Pick<Heartbeat, 'pod' | 'cell' | 'startId'>,
): Promise<Removal> {
  const keys = keysOf(scope.namespace, scope.name)
  const [code] = await runScript(redis, 'remove-member', [keys.members, keys.lease(cell)], [pod, startId])
  return code === 'OK' ? 'removed' : code === 'ABSENT' ? 'absent' : code === 'LEADS' ? 'leads' : 'other'
}

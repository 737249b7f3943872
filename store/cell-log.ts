/** A pod's view of its cell's log: lease, commits, reading, snapshots' bookkeeping. Each method is one script (see DESIGN.md). */
import { type DataIdentity, shapeText } from '../core/data-identity.ts'
import type { IdKey } from '../core/ids.ts'
import { IDEMPOTENCY_TTL_MS } from '../core/log/idempotency.ts'
import { formatPosition, type Position } from '../core/log/position.ts'
import { allCellKeys, bucketOf, type Keys, keysOf } from '../protocol/keys.ts'
import type { Heartbeat, OperationResult } from '../protocol/shard-rpc.ts'
import { type Redis, redisError } from './connection.ts'
import { decodeEntry, type LogEntry, type LogTip } from './log-entry.ts'
import { REPAIR_MS } from './repair-log.ts'
import { type Argument, runScript } from './scripts.ts'

export interface LogScope {
  namespace: string
  name: string
  clusters: number
  cell: number
  /** Who asks, and on what data: every script that no token guards refuses all others. */
  identity: DataIdentity
}

/** The right to append: what acquire gave. The token alone decides; the epoch is the one that it began with. */
export interface Lead {
  epoch: string
  token: string
}

/** A pod's statement of how far its replica state reaches, while the gate is closed. */
export interface Claim {
  pod: string
  /** The last entry of the pod's replica state. */
  held: LogTip
  /** The highest entry that the pod has evidence of: of its replica state, or that its previous process had applied. */
  known: LogTip
  /** The pod has read as much of the log as continues its replica state. */
  settled: boolean
  /** Highest ordering version of the replica state. */
  version: number
  /** Pods that there are by plan. */
  knownPods: number
  /** How long the gate waits for pods that do not answer, once the leader of every cell has. */
  windowMs: number
  /** Names this pod's attempt to repair the log, should it be chosen for that. */
  token: string
  /** Names the pod's process, as the tokens of its leads do. */
  process: string
  /** The last takeover in any cell that the pod has seen in the replies to its heartbeats; 0 for none. */
  seen: number
}

/** Requests with an idempotency key that are remembered. */
const IDEMPOTENCY_RECORDS_MAX = 100_000

/** A request that is to be executed once: digests of its key and of what it asks for. */
export interface IdempotencyKey {
  key: string
  digest: string
}

export type Operation = { idempotency?: IdempotencyKey } & (
  | {
      type: 'U'
      key: IdKey
      owner: number
      copy: number | null
      expect: string
      centroidVersion: number
      row: Uint8Array
    }
  /** The payload alone, in every cell that holds the id. */
  | { type: 'P'; key: IdKey; expect: string; payload: Uint8Array }
  | { type: 'D'; key: IdKey; expect: string }
  | {
      type: 'M'
      key: IdKey
      owner: number
      copy: number | null
      expect: string
      centroidVersion: number
      row: Uint8Array
    }
  | { type: 'L'; key: IdKey; expect: string }
)

export interface CommitOutcome {
  results: OperationResult[]
  /** seq of each touched cell's head after the batch. */
  heads: Record<string, number>
  centroidVersion: number
  rows: number
  /** Of the positions in `heads`: changes whenever the gate opens. */
  timeline: number
}

export interface CommitCall {
  lead: Lead
  connection: number
  batch: number
  /** The last entry of its own log that the caller has applied. */
  known: LogTip
  /** Copies allowed per row, on average: redundantStorage - 1. */
  redundancyBound: number
  budgetBytes: number
  operations: readonly Operation[]
}

export interface HeartbeatReply {
  gateOpen: boolean
  epoch: string
  token: string
  head: string
  headHash: string
  trim: string
  centroidVersion: number
  moving: number
  rows: number
  redundantRows: number
  version: number
  regressed: string
  walBytes: number
  migrated: number
  /** Grows with every takeover in any cell. */
  taken: number
  /** Version of the settings: it changes whenever they do. */
  settings: number
}

export class CellLog {
  readonly keys: Keys
  readonly scope: LogScope

  constructor(scope: LogScope) {
    this.scope = scope
    this.keys = keysOf(scope.namespace, scope.name)
  }

  /** Of the stream itself. */
  get logKey(): string {
    return this.keys.log(this.scope.cell)
  }

  get cellMeta(): string {
    return this.keys.cell(this.scope.cell)
  }

  allCells(): string[] {
    return allCellKeys(this.keys, this.scope.clusters)
  }

  claim(redis: Redis, claim: Claim): Promise<string[]> {
    const { cell, clusters, identity } = this.scope
    const { pod, held, known, settled, version, knownPods, windowMs, token, process, seen } = claim
    return runScript(redis, 'claim-cell', this.allCells(), [
      pod,
      cell,
      formatPosition(held.position),
      held.hash,
      formatPosition(known.position),
      known.hash,
      settled ? '1' : '0',
      version,
      knownPods,
      clusters,
      windowMs,
      token,
      REPAIR_MS,
      process,
      seen,
      shapeText(identity.shape),
      identity.uid,
      identity.owner,
      identity.since,
      identity.ownRedis ? '1' : '0',
    ])
  }

  acquire(
    redis: Redis,
    pod: string,
    token: string,
    ttlMs: number,
    applied: Position,
    timeline: number,
  ): Promise<string[]> {
    const keys = [this.keys.meta, this.cellMeta, this.keys.log(this.scope.cell), this.keys.lease(this.scope.cell)]
    return runScript(redis, 'acquire-lease', keys, [pod, token, ttlMs, formatPosition(applied), timeline])
  }

  renew(redis: Redis, lead: Lead, ttlMs: number): Promise<string[]> {
    const keys = [this.keys.meta, this.cellMeta, this.keys.lease(this.scope.cell)]
    return runScript(redis, 'renew-lease', keys, [lead.token, ttlMs])
  }

  release(redis: Redis, token: string): Promise<string[]> {
    return runScript(redis, 'release-lease', [this.keys.lease(this.scope.cell)], [token])
  }

  recoverBatch(redis: Redis, lead: Lead, connection: number): Promise<string[]> {
    return runScript(redis, 'recover-batch', [this.keys.meta, this.cellMeta], [lead.token, connection])
  }

  commit(redis: Redis, call: CommitCall): Promise<string[]> {
    const { cell, clusters } = this.scope
    const keys = [...this.allCells(), this.keys.idempotency]
    const indexes = new Map<string, number>()
    const indexOf = (key: string) => {
      const at = indexes.get(key) ?? keys.push(key)
      indexes.set(key, at)
      return at
    }
    const args: Argument[] = [
      cell,
      clusters,
      call.lead.token,
      call.connection,
      call.batch,
      formatPosition(call.known.position),
      call.known.hash,
      call.redundancyBound,
      call.budgetBytes,
      IDEMPOTENCY_TTL_MS,
      IDEMPOTENCY_RECORDS_MAX,
      call.operations.length,
    ]
    for (const operation of call.operations) {
      const { idempotency } = operation
      const row = operation.type === 'U' || operation.type === 'M' ? operation : undefined
      args.push(
        operation.type,
        operation.key,
        indexOf(this.keys.directory(bucketOf(operation.key))),
        row?.owner ?? '',
        row?.copy ?? '',
        operation.expect,
        row?.centroidVersion ?? '',
        row?.row ?? (operation.type === 'P' ? operation.payload : ''),
        idempotency ? indexOf(this.keys.idempotencyRecord(idempotency.key)) : '',
        idempotency?.digest ?? '',
      )
    }
    return runScript(redis, 'commit-batch', keys, args)
  }

  publish(redis: Redis, lead: Lead, expectedVersion: number, centroids: Uint8Array): Promise<string[]> {
    const keys = [...this.allCells(), this.keys.centroids]
    return runScript(redis, 'publish-centroids', keys, [this.scope.clusters, lead.token, expectedVersion, centroids])
  }

  finishMigrationScan(redis: Redis, lead: Lead, centroidVersion: number): Promise<string[]> {
    const keys = [this.keys.meta, this.cellMeta, this.keys.log(this.scope.cell)]
    return runScript(redis, 'finish-migration', keys, [lead.token, centroidVersion])
  }

  async heartbeat(redis: Redis, heartbeat: Heartbeat): Promise<HeartbeatReply> {
    const keys = [this.keys.meta, this.keys.gate, this.cellMeta, this.keys.members, this.keys.log(this.scope.cell)]
    const r = await runScript(redis, 'heartbeat', keys, [
      heartbeat.pod,
      JSON.stringify(heartbeat),
      this.scope.identity.uid,
    ])
    const at = (i: number) => r[i] ?? ''
    return {
      gateOpen: at(0) === '1',
      epoch: at(1),
      token: at(2),
      head: at(3),
      headHash: at(4),
      trim: at(5),
      centroidVersion: Number(at(6)),
      moving: Number(at(7)),
      rows: Number(at(8)),
      redundantRows: Number(at(9)),
      version: Number(at(10)),
      regressed: at(11),
      walBytes: Number(at(12)),
      migrated: Number(at(13)),
      taken: Number(at(14)),
      settings: Number(at(15)),
    }
  }

  pinRetention(redis: Redis, heartbeat: Heartbeat, position: string): Promise<string[]> {
    return runScript(
      redis,
      'pin-retention',
      [this.keys.meta, this.cellMeta, this.keys.members],
      [heartbeat.pod, JSON.stringify(heartbeat), position, this.scope.identity.uid],
    )
  }

  trim(redis: Redis, lead: Lead, replicas: number, dead: readonly string[]): Promise<string[]> {
    const keys = [this.keys.meta, this.cellMeta, this.keys.log(this.scope.cell), this.keys.members]
    return runScript(redis, 'trim-log', keys, [lead.token, this.scope.cell, replicas, JSON.stringify(dead)])
  }

  async reap(redis: Redis, bucket: number): Promise<number> {
    const reply = await runScript(
      redis,
      'reap-tombstones',
      [...this.allCells(), this.keys.directory(bucket)],
      [this.scope.clusters],
    )
    return Number(reply[1])
  }

  async members(redis: Redis): Promise<Heartbeat[]> {
    try {
      return Object.values(await redis.hgetall(this.keys.members)).map((text) => JSON.parse(text) as Heartbeat)
    } catch (error) {
      throw redisError(error)
    }
  }

  async centroids(redis: Redis): Promise<{ version: number; bytes: Buffer } | undefined> {
    try {
      const [version, bytes] = await Promise.all([
        redis.hget(this.keys.meta, 'cv'),
        redis.getBuffer(this.keys.centroids),
      ])
      return bytes === null ? undefined : { version: Number(version), bytes }
    } catch (error) {
      throw redisError(error)
    }
  }

  /** Entries after `position`: at once if there are any, else when one comes or after `blockMs`. */
  async read(redis: Redis, position: Position, count: number, blockMs: number): Promise<LogEntry[]> {
    try {
      const block = blockMs > 0 ? ['BLOCK', blockMs] : []
      const reply = (await redis.callBuffer(
        'XREAD',
        'COUNT',
        count,
        ...block,
        'STREAMS',
        this.keys.log(this.scope.cell),
        formatPosition(position),
      )) as [Buffer, [Buffer, Buffer[]][]][] | null
      return (reply?.[0]?.[1] ?? []).map(decodeEntry)
    } catch (error) {
      throw redisError(error)
    }
  }
}

/** The reply text of commit-batch.lua, which recover-batch.lua returns for the last batch. */
export function parseCommitReply(text: string): CommitOutcome {
  const [results = '', heads = '', version = '0', rows = '0', timeline = '0'] = text.split('#')
  return {
    results: results === '' ? [] : results.split(';').map(parseResult),
    heads: Object.fromEntries(
      heads === '' ? [] : heads.split(';').map((part) => part.split('=').map(Number) as [number, number]),
    ),
    centroidVersion: Number(version),
    rows: Number(rows),
    timeline: Number(timeline),
  }
}

function parseResult(text: string): OperationResult {
  const [first = '', ordering = '0', touched = ''] = text.split(',')
  if (text.startsWith('A')) {
    return {
      outcome: 'applied',
      version: Number(first.slice(1)),
      ordering: Number(ordering),
      touched: touched === '' ? [] : touched.split('.').map(Number),
    }
  }
  if (text.startsWith('C')) return { outcome: 'conflict', version: Number(first.slice(1)) }
  if (text === 'K') return { outcome: 'key-reused' }
  if (text === 'F') {
    const message = `more than ${IDEMPOTENCY_RECORDS_MAX} idempotency keys are remembered`
    return { outcome: 'refused', code: 'OVERLOADED', message }
  }
  return { outcome: text === 'S' ? 'stale-topology' : 'absent' }
}

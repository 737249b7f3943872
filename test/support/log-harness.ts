/** Pods without processes: each test plays the pods of a few cells against the real scripts, and folds the logs itself. */
import { type DataIdentity, LOG_FORMAT } from '../../core/data-identity.ts'
import type { IdKey } from '../../core/ids.ts'
import { idKey } from '../../core/ids.ts'
import { leaseToken } from '../../core/log/lease-token.ts'
import { ORIGIN, parsePosition } from '../../core/log/position.ts'
import { decodeRow, encodeRow } from '../../core/row-codec.ts'
import { bucketOf } from '../../protocol/keys.ts'
import { CellLog, type Claim, type Lead, type Operation, parseCommitReply } from '../../store/cell-log.ts'
import type { Redis } from '../../store/connection.ts'
import { type LogEntry, type LogTip, parseEditFlag, verifyChain } from '../../store/log-entry.ts'

/** What played pods work on, where a test says nothing else. */
export const identity = (cells: number): DataIdentity => ({
  shape: { format: LOG_FORMAT, vectors: { '': { size: 2, metric: 'L2' } }, cells },
  uid: 'uid-1',
  owner: 'VectorCluster test',
  since: 1,
  ownRedis: false,
})

export const START: LogTip = { position: ORIGIN, hash: '' }
let collections = 0
/** Values of a played row, unless a test asks for a large one. */
const DIMENSION = 2

export interface PlayedPod {
  log: CellLog
  name: string
  lead: Lead
  known: LogTip
  batch: number
  connection: number
}

export interface LiveRow {
  flag: string
  version: number
  userVersion: number
  payload: string
}

export class LogHarness {
  readonly redis: Redis
  readonly cells: CellLog[]
  readonly name: string
  redundancyBound = 1
  budgetBytes = 1e9

  constructor(redis: Redis, clusters: number) {
    this.redis = redis
    this.name = `t${collections++}`
    this.cells = Array.from(
      { length: clusters },
      (_, cell) => new CellLog({ namespace: 'test', name: this.name, clusters, cell, identity: identity(clusters) }),
    )
  }

  async create(): Promise<void> {
    for (const { scope } of this.cells)
      await this.claim(`${scope.cell}/0`, START, { knownPods: this.cells.length, windowMs: 0 })
  }

  /** A pod of its cell says what it holds; settled, and of as many pods as there are cells, where not said otherwise. */
  claim(pod: string, held: LogTip, extra: Partial<Claim> = {}): Promise<string[]> {
    const claim: Claim = {
      pod,
      held,
      known: held,
      settled: true,
      version: 0,
      knownPods: this.cells.length,
      windowMs: 60_000,
      token: `repair by ${pod}`,
      process: '1',
      seen: 0,
      ...extra,
    }
    return this.cell(Number(pod.split('/')[0])).claim(this.redis, claim)
  }

  /** The last entry of a cell's log. */
  async end(cell: number): Promise<LogTip> {
    const last = (await this.entries(cell)).at(-1)
    return last ? { position: last.position, hash: last.hash } : START
  }

  cell(number: number): CellLog {
    const log = this.cells[number]
    if (!log) throw new Error(`no cell ${number}`)
    return log
  }

  async lead(
    cell: number,
    pod = `${cell}/0`,
    token = leaseToken({ pod, startId: '1' }, String(Math.random())),
  ): Promise<PlayedPod> {
    const log = this.cell(cell)
    const reply = await log.acquire(this.redis, pod, token, 3000, await this.head(cell), await this.timeline())
    if (reply[0] !== 'OK') throw new Error(`acquire: ${reply.join(' ')}`)
    return {
      log,
      name: pod,
      lead: { epoch: reply[1] as string, token },
      known: { position: parsePosition(reply[2] as string), hash: reply[3] as string },
      batch: 0,
      connection: 0,
    }
  }

  async timeline(): Promise<number> {
    return Number((await this.redis.hget(this.cell(0).keys.meta, 'timeline')) ?? 0)
  }

  async head(cell: number) {
    return parsePosition((await this.redis.hget(this.cell(cell).cellMeta, 'head')) ?? '0-0')
  }

  /** Commits as a pod; returns the reply's code and, where it is OK, the outcome. */
  async commit(pod: PlayedPod, operations: Operation[]) {
    const { lead, connection, known } = pod
    const reply = await pod.log.commit(this.redis, {
      lead,
      connection,
      batch: pod.batch + 1,
      known,
      redundancyBound: this.redundancyBound,
      budgetBytes: this.budgetBytes,
      operations,
    })
    if (reply[0] === 'OK') pod.batch++
    return {
      code: reply[0] as string,
      detail: reply[1] ?? '',
      outcome: reply[0] === 'OK' ? parseCommitReply(reply[1] as string) : undefined,
    }
  }

  async entries(cell: number): Promise<LogEntry[]> {
    const entries = await this.cell(cell).read(this.redis, ORIGIN, 100_000, 0)
    verifyChain(START, entries)
    return entries
  }

  /** The fold of a cell's log: what a pod's index would hold. */
  async fold(cell: number): Promise<Map<IdKey, LiveRow>> {
    const rows = new Map<IdKey, LiveRow>()
    for (const { type, key, version, userVersion, flag, row } of await this.entries(cell)) {
      const present = rows.get(key)
      if (present && present.version >= version) continue
      if (type === 'U') rows.set(key, { flag, version, userVersion, payload: decodeRow(row, DIMENSION).payload })
      if (type === 'P' && present) {
        const edited = parseEditFlag(flag)
        const payload = row.toString()
        if (edited.base === present.version) rows.set(key, { flag: edited.flag, version, userVersion, payload })
      }
      if (type === 'T') rows.delete(key)
    }
    return rows
  }

  async directory(
    key: IdKey,
  ): Promise<{ owner: string; copy: string; source: string; userVersion: number; version: number } | undefined> {
    const raw = await this.redis.hget(this.cell(0).keys.directory(bucketOf(key)), key)
    if (raw === null) return undefined
    const [owner = '', copy = '', source = '', userVersion = '0', version = '0'] = raw.split('|')
    return { owner, copy, source, userVersion: Number(userVersion), version: Number(version) }
  }

  /** Everything in Redis under this collection, to show that a refusal changed nothing. */
  async dump(): Promise<Record<string, string>> {
    const keys = (await this.redis.keys(`maks:{test/${this.name}}*`)).sort()
    const dumps = await Promise.all(keys.map((key) => this.redis.dumpBuffer(key)))
    return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('base64') ?? '']))
  }
}

export const row = (payload: string, dimension = DIMENSION): Uint8Array =>
  encodeRow({ vector: new Float32Array(dimension).fill(1), payload })
export const upsert = (
  id: number | string,
  owner: number,
  payload = '',
  extra: Partial<{ copy: number; expect: string; centroidVersion: number }> = {},
): Operation => ({
  type: 'U',
  key: idKey(id),
  owner,
  copy: extra.copy ?? null,
  expect: extra.expect ?? '',
  centroidVersion: extra.centroidVersion ?? 0,
  row: row(payload),
})
export const edit = (id: number | string, payload: string, expect = ''): Operation => ({
  type: 'P',
  key: idKey(id),
  expect,
  payload: Buffer.from(payload),
})
export const remove = (id: number | string, expect = ''): Operation => ({ type: 'D', key: idKey(id), expect })
export const move = (
  id: number | string,
  owner: number,
  version: number,
  payload: string,
  copy: number | null = null,
): Operation => ({
  type: 'M',
  key: idKey(id),
  owner,
  copy,
  expect: `o${version}`,
  centroidVersion: 0,
  row: row(payload),
})
export const drop = (id: number | string, version: number): Operation => ({
  type: 'L',
  key: idKey(id),
  expect: `o${version}`,
})

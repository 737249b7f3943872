/**
 * Repairs the log after Redis has lost part of it, as the one pod that the gate has chosen: each cell's log continues from the
 * chosen replica state, every id is brought to one state, and the directory is replaced by that state. Any failure leaves the
 * gate closed, and the next attempt starts again from the replica states (rule L21).
 */

import type { IdKey } from '../../core/ids.ts'
import { coveredBy, type LogCoverage } from '../../core/log/coverage.ts'
import type { IdempotencyRecord } from '../../core/log/idempotency.ts'
import { formatPosition } from '../../core/log/position.ts'
import { type DirectoryEntry, type Resolution, resolveId } from '../../core/log/repair.ts'
import { DIRECTORY_BUCKETS } from '../../protocol/keys.ts'
import {
  type FactsRequest,
  type FactsResponse,
  type HeldRowsRequest,
  type PrepareRequest,
  type PrepareResponse,
  REPAIR_RPC,
  type ReplicaStateScope,
  type SecureRequest,
} from '../../protocol/repair-rpc.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { type ChosenReplica, FIXES_PER_CALL, type FixWithRow, RepairLog } from '../../store/repair-log.ts'
import { addFacts, type KnownOfId } from '../index/row-facts.ts'
import { callPeer } from '../pod/peers.ts'
import type { Pod } from '../pod/pod.ts'

/** Ids that are resolved together. */
const IDS_PER_SLICE = 50_000
/** A copy takes its snapshot while this call waits. */
const PREPARE_TIMEOUT_MS = 600_000
const CALL_TIMEOUT_MS = 60_000
/** Ids that the report of a repair names. */
const LOST_IDS_NAMED = 100

type Copies = readonly ChosenReplica[]

/** What a repair did; kept in Redis and shown with the topology. */
export interface RepairReport {
  at: string
  why: string
  /** Entries that no pod held, by cell; '' if there are none. */
  lost: string
  /** Cells whose log was replaced and continues from a replica state. */
  rebased: number[]
  points: number
  /** Ids whose row came back from a cell that had evicted it, or from another row of the id. */
  returned: number
  /** Rows that were evicted because another cell holds a newer one, or the id was deleted. */
  dropped: number
  /** Ids that are lost without a delete; at most 100 of them. */
  lostIds: string[]
}

export class Repairer {
  readonly #pod: Pod
  readonly #link: RedisLink

  constructor(pod: Pod) {
    this.#pod = pod
    this.#link = new RedisLink(pod.config.redisUrl)
  }

  close(): void {
    this.#link.drop()
  }

  async run(token: string, copies: Copies, cause: { why: string; lost: string }): Promise<void> {
    const { log, logger, metrics } = this.#pod
    logger.warn({ ...cause }, 'repairs the log from the fullest copies')
    const members = await this.#link.use((redis) => log.members(redis))
    const repair = new RepairLog(await this.#link.get(), log.scope, token)
    const prepared = await Promise.all(copies.map((copy) => this.#prepare(members, copy)))
    const newest = prepared.reduce((a, b) => (b.centroids.version > a.centroids.version ? b : a))
    const version = Math.max(...prepared.map((one) => one.version))
    const rebased = await repair.begin(copies, version, newest.centroids)
    await this.#secure(members, copies, rebased)
    const report: RepairReport = {
      at: new Date().toISOString(),
      ...cause,
      rebased,
      points: 0,
      returned: 0,
      dropped: 0,
      lostIds: [],
    }
    const rows = prepared.reduce((sum, one) => sum + one.rows, 0)
    const step = Math.max(1, Math.floor(DIRECTORY_BUCKETS / Math.ceil((rows + 1) / IDS_PER_SLICE)))
    let duplicates = 0
    for (let from = 0; from < DIRECTORY_BUCKETS; from += step) {
      const to = Math.min(DIRECTORY_BUCKETS, from + step)
      const { values, idempotency } = await this.#bucketsToOneState(
        repair,
        members,
        copies,
        prepared,
        { from, to },
        report,
      )
      await repair.writeDirectory(from, to, values)
      await repair.writeIdempotency(idempotency)
      report.points += values.size
      for (const { spill: copy } of values.values()) if (copy !== null) duplicates++
    }
    await repair.finish(report.points, duplicates, JSON.stringify(report))
    metrics.add('maksdb_repairs_total')
    logger.warn({ ...report }, 'repaired the log')
  }

  async #prepare(members: readonly Heartbeat[], copy: ChosenReplica) {
    const request: PrepareRequest = { copy: scopeOf(copy) }
    const { header, chunks } = await callPeer<PrepareResponse>(
      this.#pod,
      memberOf(members, copy),
      REPAIR_RPC.prepare,
      request,
      [],
      PREPARE_TIMEOUT_MS,
    )
    const bytes: Uint8Array = chunks[0] ?? new Uint8Array(0)
    const { version, holes, rows, centroidVersion } = header
    return { version, holes, rows, centroids: { version: centroidVersion, bytes } }
  }

  /** A log that was replaced must have a snapshot on two volumes, like one that was trimmed, if the cell has two pods. */
  async #secure(members: readonly Heartbeat[], copies: Copies, rebased: readonly number[]): Promise<void> {
    await Promise.all(
      rebased.map(async (cell) => {
        const copy = copies[cell] as ChosenReplica
        const others = members.filter((member) => member.cell === cell && member.pod !== copy.pod)
        if (others.length === 0) return
        const request: SecureRequest = { copy: scopeOf(copy) }
        const secured = others.map((member) =>
          callPeer(this.#pod, member, REPAIR_RPC.secure, request, [], PREPARE_TIMEOUT_MS),
        )
        await Promise.any(secured).catch((error: AggregateError) =>
          this.#pod.logger.warn(
            { cell, error: error.errors.map(String).join('; ') },
            'only one pod has the snapshot that the log continues from',
          ),
        )
      }),
    )
  }

  async #bucketsToOneState(
    repair: RepairLog,
    members: readonly Heartbeat[],
    copies: Copies,
    coverage: readonly LogCoverage[],
    buckets: { from: number; to: number },
    report: RepairReport,
  ): Promise<{ values: Map<IdKey, DirectoryEntry>; idempotency: IdempotencyRecord[] }> {
    const ids = new Map<IdKey, KnownOfId>()
    const idempotency: IdempotencyRecord[] = []
    await Promise.all(
      copies.map(async (copy) => {
        const request: FactsRequest = { copy: scopeOf(copy), ...buckets }
        const { header } = await callPeer<FactsResponse>(
          this.#pod,
          memberOf(members, copy),
          REPAIR_RPC.facts,
          request,
          [],
          CALL_TIMEOUT_MS,
        )
        addFacts(ids, copy.cell, header)
        idempotency.push(...header.idempotency)
      }),
    )
    const values = new Map<IdKey, DirectoryEntry>()
    const verdicts: Resolution[] = []
    const isCovered = coveredBy(coverage)
    for (const [key, { rows, tombstones }] of ids) {
      const verdict = resolveId(key, rows, tombstones, isCovered)
      if (verdict.value) values.set(key, verdict.value)
      if (verdict.lost && report.lostIds.length < LOST_IDS_NAMED) report.lostIds.push(key)
      if (verdict.fixes.length > 0) verdicts.push(verdict)
    }
    await this.#appendFixes(repair, members, copies, verdicts, report)
    return { values, idempotency }
  }

  async #appendFixes(
    repair: RepairLog,
    members: readonly Heartbeat[],
    copies: Copies,
    verdicts: readonly Resolution[],
    report: RepairReport,
  ): Promise<void> {
    const all = verdicts.flatMap(({ value, fixes }) => fixes.map((fix) => ({ fix, value })))
    for (let at = 0; at < all.length; at += FIXES_PER_CALL) {
      const some = all.slice(at, at + FIXES_PER_CALL)
      const withRows: FixWithRow[] = await Promise.all(
        some.map(async ({ fix }) => {
          if (fix.type === 'T') return { fix, row: new Uint8Array(0) }
          const copy = copies[fix.cell] as ChosenReplica
          const request: HeldRowsRequest = { copy: scopeOf(copy), keys: [{ key: fix.key, evicted: fix.evicted }] }
          const { chunks } = await callPeer(this.#pod, memberOf(members, copy), REPAIR_RPC.rows, request)
          return { fix, row: chunks[0] as Uint8Array }
        }),
      )
      const versions = await repair.append(withRows)
      some.forEach(({ fix, value }, i) => {
        if (fix.type === 'U' && value) value.version = versions[i] as number
        if (fix.type === 'U') report.returned++
        else report.dropped++
      })
    }
  }
}

function scopeOf({ tip: point }: ChosenReplica): ReplicaStateScope {
  return { at: formatPosition(point.position), hash: point.hash }
}

function memberOf(members: readonly Heartbeat[], { pod }: ChosenReplica): Heartbeat {
  const member = members.find((one) => one.pod === pod)
  if (!member) throw new Error(`pod ${pod} has sent no heartbeat with its address`)
  return member
}

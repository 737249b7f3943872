/**
 * Repairs the log after Redis has lost part of it, as the one pod that the gate has chosen: each cell's log goes on from
 * the chosen copy, what the copies know of each id is brought to one state, and the directory is written anew from it. Any
 * failure leaves the gate closed, and the next attempt starts over from the copies (rule L21).
 */
import { type Heard, heardBy } from '../core/heard.ts'
import type { IdKey } from '../core/ids.ts'
import type { OnceRecord } from '../core/once.ts'
import { formatPosition } from '../core/position.ts'
import { type DirectoryValue, judge, type Verdict } from '../core/repair.ts'
import { DIRECTORY_BUCKETS } from '../protocol/keys.ts'
import {
  type CopyScope,
  type FactsRequest,
  type FactsResponse,
  type HeldRowsRequest,
  type PrepareRequest,
  type PrepareResponse,
  REPAIR_RPC,
  type SecureRequest,
} from '../protocol/repair-rpc.ts'
import type { Heartbeat } from '../protocol/shard-rpc.ts'
import { RedisLink } from '../store/redis-link.ts'
import { type ChosenCopy, FIXES_PER_CALL, type FixWithRow, RepairLog } from '../store/repair-log.ts'
import { addFacts, type KnownOfId } from './index/repair-calls.ts'
import { callPeer } from './peers.ts'
import type { Pod } from './pod.ts'

/** Ids that are judged together. */
const IDS_PER_SLICE = 50_000
/** A copy takes its snapshot while this call waits. */
const PREPARE_TIMEOUT_MS = 600_000
const CALL_TIMEOUT_MS = 60_000
/** Ids that the report of a repair names. */
const LOST_IDS_NAMED = 100

type Copies = readonly ChosenCopy[]

/** What a repair did; kept in Redis and shown with the topology. */
export interface RepairReport {
  at: string
  why: string
  /** Entries that nobody held, by cell; '' where nothing is known to be lost. */
  lost: string
  /** Cells whose log goes on from a copy. */
  rebased: number[]
  points: number
  /** Ids whose row came back from a cell that had let it go, or from a copy. */
  returned: number
  /** Rows that were let go because another cell holds a newer one, or the id was deleted. */
  dropped: number
  /** Ids that are gone although nobody deleted them; at most 100 of them. */
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
    const rebased = await repair.rebase(copies, version, newest.centroids)
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
      const { values, once } = await this.#bucketsToOneState(repair, members, copies, prepared, { from, to }, report)
      await repair.relist(from, to, values)
      await repair.remember(once)
      report.points += values.size
      for (const { copy } of values.values()) if (copy !== null) duplicates++
    }
    await repair.reopen(report.points, duplicates, JSON.stringify(report))
    metrics.add('maksdb_repairs_total')
    logger.warn({ ...report }, 'repaired the log')
  }

  async #prepare(members: readonly Heartbeat[], copy: ChosenCopy) {
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
    const { version, gaps, rows, centroidVersion } = header
    return { version, gaps, rows, centroids: { version: centroidVersion, bytes } }
  }

  /** A log that begins anew must be rebuilt from two volumes, like one that was trimmed, where the cell has two pods. */
  async #secure(members: readonly Heartbeat[], copies: Copies, rebased: readonly number[]): Promise<void> {
    await Promise.all(
      rebased.map(async (cell) => {
        const copy = copies[cell] as ChosenCopy
        const others = members.filter((member) => member.cell === cell && member.pod !== copy.pod)
        if (others.length === 0) return
        const request: SecureRequest = { copy: scopeOf(copy) }
        const secured = others.map((member) =>
          callPeer(this.#pod, member, REPAIR_RPC.secure, request, [], PREPARE_TIMEOUT_MS),
        )
        await Promise.any(secured).catch((error: AggregateError) =>
          this.#pod.logger.warn(
            { cell, error: error.errors.map(String).join('; ') },
            'only one pod has the snapshot that the log goes on from',
          ),
        )
      }),
    )
  }

  async #bucketsToOneState(
    repair: RepairLog,
    members: readonly Heartbeat[],
    copies: Copies,
    heard: readonly Heard[],
    buckets: { from: number; to: number },
    report: RepairReport,
  ): Promise<{ values: Map<IdKey, DirectoryValue>; once: OnceRecord[] }> {
    const ids = new Map<IdKey, KnownOfId>()
    const once: OnceRecord[] = []
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
        once.push(...header.once)
      }),
    )
    const values = new Map<IdKey, DirectoryValue>()
    const verdicts: Verdict[] = []
    const hasHeard = heardBy(heard)
    for (const [key, { rows, departures }] of ids) {
      const verdict = judge(key, rows, departures, hasHeard)
      if (verdict.value) values.set(key, verdict.value)
      if (verdict.lost && report.lostIds.length < LOST_IDS_NAMED) report.lostIds.push(key)
      if (verdict.fixes.length > 0) verdicts.push(verdict)
    }
    await this.#mend(repair, members, copies, verdicts, report)
    return { values, once }
  }

  async #mend(
    repair: RepairLog,
    members: readonly Heartbeat[],
    copies: Copies,
    verdicts: readonly Verdict[],
    report: RepairReport,
  ): Promise<void> {
    const all = verdicts.flatMap(({ value, fixes }) => fixes.map((fix) => ({ fix, value })))
    for (let at = 0; at < all.length; at += FIXES_PER_CALL) {
      const some = all.slice(at, at + FIXES_PER_CALL)
      const withRows: FixWithRow[] = await Promise.all(
        some.map(async ({ fix }) => {
          if (fix.type === 'T') return { fix, row: new Uint8Array(0) }
          const copy = copies[fix.cell] as ChosenCopy
          const request: HeldRowsRequest = { copy: scopeOf(copy), keys: [{ key: fix.key, departed: fix.departed }] }
          const { chunks } = await callPeer(this.#pod, memberOf(members, copy), REPAIR_RPC.rows, request)
          return { fix, row: chunks[0] as Uint8Array }
        }),
      )
      const versions = await repair.mend(withRows)
      some.forEach(({ fix, value }, i) => {
        if (fix.type === 'U' && value) value.version = versions[i] as number
        if (fix.type === 'U') report.returned++
        else report.dropped++
      })
    }
  }
}

function scopeOf({ point }: ChosenCopy): CopyScope {
  return { at: formatPosition(point.position), hash: point.hash }
}

function memberOf(members: readonly Heartbeat[], { pod }: ChosenCopy): Heartbeat {
  const member = members.find((one) => one.pod === pod)
  if (!member) throw new Error(`pod ${pod} has not said where it listens`)
  return member
}

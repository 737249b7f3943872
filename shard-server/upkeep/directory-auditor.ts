/**
 * Compares the directory with the rows of this cell, all the time and a little at once, while writes continue (rule L22). The
 * primary scans its own rows, and the directory entries of its cell. If the two differ, the primary reads the rows of the id in
 * all cells at one cut, and corrects the directory from them, provided that the entry has not changed meanwhile. So a
 * directory that has lost keys is rebuilt online.
 */

import { MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import { agrees, correctionOf, parseDirectoryRecord } from '../../core/log/directory-audit.ts'
import type { RowFact } from '../../core/log/repair.ts'
import {
  type CountRequest,
  type CountResponse,
  type Heartbeat,
  type ReadScope,
  type RowFactsRequest,
  type RowFactsResponse,
  RPC,
} from '../../protocol/shard-rpc.ts'
import { correctDirectory, type DirectoryCorrection, scanDirectory } from '../../store/directory-audit.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { cutOf, type DirectoryTexts, readDirectoryTexts, readTopology } from '../../store/topology.ts'
import type { Election } from '../log/election.ts'
import type { HeartbeatLoop } from '../log/heartbeat.ts'
import type { Replica } from '../log/replica.ts'
import { callPeer, leaders } from '../pod/peers.ts'
import type { Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'

/** Ids that are compared together. */
const PAGE = 256
/** After each page, times the number of cells: what the audits of all cells ask of Redis does not grow with their number. */
const PAUSE_MS = 100
/** Between the beginnings of two passes: a small directory is not read all the time. */
const PASS_MS = 5000
const REACHED_TIMEOUT_MS = 5000

export class DirectoryAuditor {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #election: Election
  readonly #heartbeat: HeartbeatLoop
  readonly #link: RedisLink
  readonly #loop: PodLoop
  /** Of this pass: ids whose directory entry no row of a cell matches. */
  #missing = 0

  constructor(pod: Pod, replica: Replica, election: Election, heartbeat: HeartbeatLoop) {
    this.#pod = pod
    this.#replica = replica
    this.#election = election
    this.#heartbeat = heartbeat
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#loop = new PodLoop(pod, {
      name: 'audit',
      level: 'debug',
      failed: 'the audit of the directory stopped at an error, and starts again',
      pauseMs: () => this.#pauseMs,
    })
  }

  run(): Promise<void> {
    return this.#loop.run(async () => {
      if (!this.#audits()) return
      const began = performance.now()
      await this.#pass()
      await this.#loop.pause(Math.max(0, began + PASS_MS - performance.now()))
    })
  }

  close(): void {
    this.#loop.close()
    this.#link.drop()
  }

  #audits(): boolean {
    return !this.#loop.closed && this.#election.role === 'primary' && this.#heartbeat.progress?.gateOpen === true
  }

  get #pauseMs(): number {
    return PAUSE_MS * this.#pod.config.clusters
  }

  async #pass(): Promise<void> {
    const { metrics } = this.#pod
    this.#missing = 0
    for await (const keys of this.#pages()) {
      if (keys.length > 0) await this.#compare(keys)
      await this.#loop.pause(this.#pauseMs)
      if (!this.#audits()) return
    }
    if (this.#pod.log.scope.cell === 0) await this.#recount()
    metrics.set('maksdb_directory_missing', this.#missing)
    metrics.set('maksdb_directory_audited_timestamp_seconds', Date.now() / 1000)
  }

  /** The ids of this cell: those of its rows, then those whose directory entry names the cell. */
  async *#pages(): AsyncGenerator<IdKey[]> {
    const { index } = this.#pod
    for (let from: number | null = 0; from !== null; ) {
      const page: { keys: IdKey[]; next: number | null } = await index.call('liveKeys', { from, limit: PAGE })
      yield page.keys
      from = page.next
    }
    const scope = this.#pod.log.scope
    for (let from: number | null = 0; from !== null; ) {
      const at: number = from
      const page = await this.#link.use((redis) => scanDirectory(redis, scope, scope.cell, at, PAGE))
      yield page.keys
      from = page.next
    }
  }

  /** A first look at this cell alone. An id that is being written may differ here; most never do. */
  async #compare(keys: IdKey[]): Promise<void> {
    const { index, metrics } = this.#pod
    const { cell } = this.#pod.log.scope
    const listed = await this.#listings(keys)
    const seq = listed.heads[cell]?.seq ?? 0
    if (
      listed.timeline !== this.#replica.timeline ||
      !(await this.#replica.waitApplied(seq, AbortSignal.timeout(REACHED_TIMEOUT_MS)))
    )
      return
    const rows = new Map((await index.call('rowFacts', { keys })).map((row) => [row[0], factOf(cell, row)]))
    metrics.add('maksdb_directory_checked_total', keys.length)
    const differing = keys.filter((key, i) => !agrees(parseDirectoryRecord(listed.texts[i] ?? ''), cell, rows.get(key)))
    if (differing.length > 0) await this.#correct(differing)
  }

  /** All cells at one cut or after it: while the directory entry of an id stays the same, no row of the id changes either. */
  async #correct(keys: IdKey[]): Promise<void> {
    const { clusters } = this.#pod.log.scope
    const listed = await this.#listings(keys)
    const peers = await this.#leaders()
    const rows = new Map<IdKey, RowFact[]>()
    await Promise.all(
      peers.map(async (peer, cell) => {
        const request: RowFactsRequest = { scope: scopeAt(listed, cell), keys }
        const { header } = await callPeer<RowFactsResponse>(
          this.#pod,
          peer,
          RPC.rowFacts,
          request,
          [],
          REACHED_TIMEOUT_MS,
        )
        for (const row of header.rows) rows.set(row[0], [...(rows.get(row[0]) ?? []), factOf(cell, row)])
      }),
    )
    const corrections: DirectoryCorrection[] = []
    keys.forEach((key, i) => {
      const expected = listed.texts[i] ?? ''
      const correction = correctionOf(key, parseDirectoryRecord(expected), rows.get(key) ?? [], clusters)
      if (correction?.outcome === 'missing') {
        this.#missing++
        this.#pod.logger.error({ id: key, directory: expected }, 'no cell holds the row that the directory entry names')
      } else if (correction) corrections.push({ key, expected, ...correction })
    })
    if (corrections.length > 0) await this.#write(listed.timeline, corrections)
  }

  async #write(timeline: number, corrections: readonly DirectoryCorrection[]): Promise<void> {
    const { logger, metrics } = this.#pod
    const token = this.#election.lead?.token
    if (token === undefined) return
    const made =
      (await this.#link.use((redis) => correctDirectory(redis, this.#pod.log.scope, token, timeline, corrections))) ??
      []
    const corrected = corrections.filter((_, i) => made[i])
    if (corrected.length === 0) return
    metrics.add('maksdb_directory_corrected_total', corrected.length)
    const [first] = corrected
    logger.error(
      { ids: corrected.length, first: first?.key, directory: first?.expected, stale: first?.stale },
      'the directory did not say what the cells hold, and was corrected',
    )
  }

  /** The counters of the collection follow the directory: after a loss of its keys they are wrong. */
  async #recount(): Promise<void> {
    const topology = await this.#link.use((redis) => readTopology(redis, this.#pod.log.scope))
    const cut = cutOf(topology)
    const token = this.#election.lead?.token
    if (!cut || token === undefined) return
    const peers = await this.#leaders()
    const counts = await Promise.all(
      peers.map(async (peer, cell) => {
        const request: CountRequest = { scope: scopeAt(cut, cell) }
        return (await callPeer<CountResponse>(this.#pod, peer, RPC.count, request, [], REACHED_TIMEOUT_MS)).header
      }),
    )
    const rows = counts.reduce((sum, { count }) => sum + count, 0) - topology.rows
    const copies = counts.reduce((sum, one) => sum + one.redundantRows, 0) - topology.redundantRows
    if (rows === 0 && copies === 0) return
    this.#pod.logger.error(
      { points: rows, copies },
      'the counters of the collection differed from the rows of the cells, and were corrected',
    )
    await this.#link.use((redis) =>
      correctDirectory(redis, this.#pod.log.scope, token, cut.timeline, [], { rows, copies }),
    )
  }

  async #listings(keys: readonly IdKey[]): Promise<DirectoryTexts> {
    const listed = await this.#link.use((redis) => readDirectoryTexts(redis, this.#pod.log.scope, keys))
    if (!listed) throw new MaksError('NOT_READY', 'the gate is closed')
    return listed
  }

  async #leaders(): Promise<Heartbeat[]> {
    const found = await leaders(this.#pod, this.#link)
    return found.map((leader, cell) => {
      if (!leader) throw new MaksError('NO_PRIMARY', `cell ${cell} has no primary`)
      return leader
    })
  }
}

function factOf(cell: number, [, flag, version, userVersion]: RowFactsResponse['rows'][number]): RowFact {
  return { cell, flag, version, userVersion }
}

function scopeAt(
  { version, timeline, heads }: Pick<DirectoryTexts, 'version' | 'timeline' | 'heads'>,
  cell: number,
): ReadScope {
  const { epoch = 0, seq = 0 } = heads[cell] ?? {}
  return { primary: false, cut: { version, seq, epoch, timeline } }
}

/**
 * The replay: the only writer of the index. It follows the cell's log from the newest snapshot on, entry by entry, and settles
 * the calls that wait for an entry.
 *
 *   load snapshot -> pass the gate -> (copy a peer's snapshot if the log starts after us) -> follow
 *        ^  older snapshot, on a fork                                                           |
 *        +------------------------------ connection lost, gate closed, gap or fork ------------+
 */
import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { asMaksError, type ErrorCode, MaksError } from '../../core/errors.ts'
import { formatPosition, ORIGIN, type Position, parsePosition } from '../../core/log/position.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { checkVersion } from '../../store/connection.ts'
import { type EntryBlock, entriesOf } from '../../store/entry-block.ts'
import { countFitting, LogMismatch, type LogTip } from '../../store/log-entry.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { StreamReader } from '../../store/stream-reader.ts'
import type { CellShape } from '../index/cell-state.ts'
import type { IndexStats } from '../index/index-calls.ts'
import type { SetAside } from '../index/set-aside.ts'
import type { Pod } from '../pod/pod.ts'
import { Gate, type GatedReplica } from '../recovery/gate.ts'
import { LastTakeover } from '../recovery/last-takeover.ts'
import { bootstrapFromPeer } from '../recovery/snapshot-transfer.ts'
import { AppliedWaiters } from './applied-waiters.ts'
import { blockOf, indexBlock, indexEntries, type LogBlock, verified } from './index-entries.ts'
import { ReadSize } from './read-size.ts'
import { ReplicaCheck } from './replica-check.ts'
import { ReplicaVolume } from './replica-volume.ts'

const BLOCK_MS = 1000
const RETRY_MS = 200

/**
 * Errors that end the process with a message; its next start replays. A fault in applying must not be skipped, a Redis that is
 * too old stays so, and the data of another owner is not taken over.
 */
const ENDS: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'UNSUPPORTED',
  'DATA_OF_ANOTHER_SHAPE',
  'DATA_OF_ANOTHER_OWNER',
])

export type ReplicaPhase = 'loading' | 'claiming' | 'regressed' | 'bootstrapping' | 'following' | 'disconnected'

export class Replica implements GatedReplica {
  readonly #pod: Pod
  readonly #link: RedisLink
  /** Of the log, while it is followed. */
  readonly #reader: StreamReader
  readonly #lastTakeover: LastTakeover
  readonly #gate: Gate
  readonly #volume: ReplicaVolume
  readonly #waiters = new AppliedWaiters()
  readonly #readSize: ReadSize
  #closed = false
  #gateLost = false
  #timeline = 0
  #phase: Exclude<ReplicaPhase, 'regressed'> = 'loading'
  tip: LogTip = { position: ORIGIN, hash: '' }
  stats: IndexStats | undefined
  readonly replicaCheck: ReplicaCheck
  /** A position that the log must keep while a peer's snapshot is being copied. */
  retentionPin: string | null = null

  constructor(pod: Pod) {
    this.#pod = pod
    this.replicaCheck = new ReplicaCheck(pod)
    this.#volume = new ReplicaVolume(pod)
    this.#readSize = new ReadSize(pod.config.vectors[''].size)
    this.#lastTakeover = new LastTakeover(pod.env.MAKSDB_DATA_DIR)
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#reader = new StreamReader(pod.config.redisUrl, BLOCK_MS)
    this.#gate = new Gate(pod, this.#link, this)
  }

  get phase(): ReplicaPhase {
    return this.#phase === 'claiming' && this.regressed !== '' ? 'regressed' : this.#phase
  }

  /** Why the gate stays closed; '' if it is open or about to open. */
  get regressed(): string {
    return this.#gate.regressed
  }

  get setAside(): SetAside {
    return this.#volume.setAside
  }

  get version(): number {
    return this.stats?.version ?? 0
  }

  get previousRun(): LogTip | undefined {
    return this.#volume.previousRunBeyond(this.tip)
  }

  /**
   * Returns the position of the snapshot that was loaded, and so verified; undefined if there is none. Throws
   * DATA_OF_ANOTHER_SHAPE if the volume is not this cell's; nothing on it is changed then.
   */
  async load(): Promise<Position | undefined> {
    const { index, snapshotDir, logger } = this.#pod
    const shape = this.#shape()
    await this.#volume.open(shape)
    await index.call('open', shape)
    const { stats, loaded, damaged } = await index.call('load', { dir: snapshotDir })
    for (const what of damaged) logger.error({ what }, 'a snapshot did not verify and was set aside')
    this.#advance(stats)
    for await (const entries of this.#volume.journaled(this.tip))
      this.#advance(await indexEntries(index, this.tip, entries))
    await this.#volume.readPreviousRun()
    logger.info({ position: formatPosition(this.tip.position), points: stats.points }, 'loaded')
    return loaded
  }

  #shape(): CellShape {
    const { config, env, log } = this.#pod
    const { vectors } = log.scope.identity.shape
    return {
      owner: `${config.namespace}/${config.name}/${env.MAKSDB_CELL}`,
      dimension: vectors[''].size,
      metric: vectors[''].metric,
      vectors,
      scratchDir: join(env.MAKSDB_DATA_DIR, 'scratch'),
    }
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#passGate()
        await this.#follow()
      } catch (thrown) {
        await this.#recover(thrown)
      }
    }
  }

  get takeover(): number {
    return this.#lastTakeover.value
  }

  /** The heartbeat saw how many times pods have taken over. */
  sawTakeover(taken: number): void {
    this.#lastTakeover.note(taken)
  }

  /** The heartbeat saw a closed gate: stop applying and claim. */
  gateLost(): void {
    this.#gateLost = true
  }

  close(): void {
    this.#closed = true
    this.#gate.close()
    this.#volume.close()
    this.#link.drop()
    this.#reader.drop()
  }

  /** Positions of any other timeline mean nothing here. */
  get timeline(): number {
    return this.#timeline
  }

  /** Resolves to true when the entry is applied, to false at the signal. */
  waitApplied(seq: number, signal: AbortSignal): Promise<boolean> {
    return this.tip.position.seq >= seq ? Promise.resolve(true) : this.#waiters.wait(seq, signal)
  }

  /** For a request that may wait for the entry. Throws OVERLOADED if it would have to, and too many wait already. */
  checkRoomToWait(seq: number): void {
    if (this.tip.position.seq < seq) this.#waiters.checkRoom()
  }

  async #passGate(): Promise<void> {
    await this.#link.use(checkVersion)
    this.#phase = 'claiming'
    this.#timeline = await this.#gate.pass()
    await this.#volume.claim(this.#shape())
    this.#gateLost = false
  }

  forgetPreviousRun(): Promise<void> {
    return this.#volume.forgetPreviousRun()
  }

  async #follow(): Promise<void> {
    this.#phase = 'following'
    let ahead: Promise<EntryBlock> | undefined
    let applying = Promise.resolve()
    try {
      while (!this.#closed && !this.#gateLost) {
        const read = await (ahead ?? this.#readBlock(this.tip, BLOCK_MS))
        // Behind a full block there is more: Redis reads it while this one is checked, and the one before it applied.
        ahead = this.#readSize.note(read.count, read.rowBytes) ? this.#readBlock(read.point, 0) : undefined
        // Of an error the one that is met first counts; the others are heard at the end.
        ahead?.catch(() => undefined)
        const block = verified(read)
        await applying
        applying = read.count > 0 ? this.#apply(block) : this.#noteStats()
        applying.catch(() => undefined)
        if (!ahead) await applying
      }
    } finally {
      await Promise.allSettled([ahead])
      await applying
    }
  }

  /** Cleaning goes on after the last entry. */
  async #noteStats(): Promise<void> {
    this.#note(await this.#pod.index.call('stats', null))
  }

  /** The entries after `tip`, not checked. */
  #readBlock(tip: LogTip, blockMs: number): Promise<EntryBlock> {
    return this.#reader.read(tip, { key: this.#pod.log.logKey, count: this.#readSize.entries, blockMs })
  }

  async catchUp(): Promise<void> {
    // The log may have lost the entries that calls wait for, and other entries take their numbers.
    this.#waiters.fail()
    for (;;) {
      const entries = await this.#link.use((redis) =>
        this.#pod.log.read(redis, this.tip.position, this.#readSize.entries, 0),
      )
      const fitting = entries.slice(0, countFitting(this.tip, entries))
      if (fitting.length === 0) return
      this.#readSize.note(
        fitting.length,
        fitting.reduce((sum, { row }) => sum + row.length, 0),
      )
      await this.#apply(blockOf(this.tip, fitting))
    }
  }

  /** @param block continues the log after `tip` */
  async #apply(block: LogBlock): Promise<void> {
    // Copies, since the bytes of the block move away.
    const journaled = this.#volume.keepsJournal ? entriesOf(block) : []
    const indexed = indexBlock(this.#pod.index, block, (memory) => this.#reader.giveBack(memory))
    const [stats] = await Promise.all([indexed, this.#volume.append(journaled)])
    if (this.#phase === 'following' && !this.previousRun) this.#volume.writeMark(stats.tip)
    this.#advance(stats)
  }

  /** The oldest snapshot that is kept ends at `seq`. */
  snapshotTaken(seq: number): Promise<void> {
    return this.#volume.snapshotTaken(seq)
  }

  #advance(stats: IndexStats): void {
    this.#note(stats)
    this.tip = stats.tip
    this.replicaCheck.note(formatPosition(stats.tip.position), stats.digest)
    this.#waiters.reached(this.tip.position.seq)
  }

  #note(stats: IndexStats): void {
    const compactions = stats.compactions - (this.stats?.compactions ?? 0)
    if (compactions > 0) this.#pod.metrics.add('maksdb_compactions_total', compactions)
    this.stats = stats
  }

  async #recover(thrown: unknown): Promise<void> {
    if (this.#closed) return
    const { logger } = this.#pod
    if (thrown instanceof LogMismatch && thrown.kind === 'gap') {
      await this.#skipGap().catch((error: unknown) =>
        logger.warn({ error: String(error) }, 'no peer could give a snapshot yet'),
      )
    } else if (thrown instanceof LogMismatch) {
      await this.rollBack(thrown.message)
    } else {
      const error = asMaksError(thrown)
      if (ENDS.has(error.code)) throw error
      this.#phase = 'disconnected'
      logger.warn({ error: error.message }, 'the log cannot be read')
    }
    await sleep(RETRY_MS)
  }

  /** Keeps the replica state that the log does not hold for an administrator, and goes back to an older snapshot. */
  async rollBack(why: string): Promise<void> {
    const { index, snapshotDir, logger } = this.#pod
    const aside = await this.#volume.beginRollBack(this.tip)
    logger.error({ why, aside }, 'this copy and the log differ; the copy is put aside')
    await index.call('snapshot', { dir: aside })
    await this.#volume.finishRollBack(this.tip, aside)
    const { stats } = await index.call('load', { dir: snapshotDir, below: this.tip })
    this.#advance(stats)
  }

  async #skipGap(): Promise<void> {
    const { log } = this.#pod
    this.#phase = 'bootstrapping'
    const trim = await this.#link.use(async (redis) => (await redis.hget(log.cellMeta, 'trim')) ?? '0-0')
    // Another client has removed entries: the next claim finds it.
    if (parsePosition(trim).seq <= this.tip.position.seq) return
    await this.bootstrap(trim)
  }

  /** Starts again from a peer's snapshot at or after a position. */
  async bootstrap(trim: string): Promise<void> {
    const { index, snapshotDir, logger } = this.#pod
    const path = await bootstrapFromPeer(this.#pod, this.#link, trim, (position) => {
      this.retentionPin = position
    })
    await rename(path, join(snapshotDir, basename(path)))
    const { stats, damaged } = await index.call('load', { dir: snapshotDir })
    for (const what of damaged) logger.error({ what }, 'a snapshot did not verify and was set aside')
    this.#advance(stats)
    if (stats.tip.position.seq < parsePosition(trim).seq)
      throw new MaksError('NOT_READY', `the snapshot that a peer gave does not reach ${trim}`)
    // The journal is given up only now that a verified snapshot replaces it.
    await this.#volume.resetJournal()
    this.retentionPin = null
    logger.info({ position: formatPosition(this.tip.position), points: stats.points }, 'copied a snapshot from a peer')
  }
}

/**
 * The replay: the only writer of the index. Follows the cell's log from where the newest snapshot left off, entry by
 * entry, each checked against the one before, and tells whoever waits how far it has come.
 *
 *   load snapshot -> pass the gate -> (copy a peer's snapshot where the log starts after us) -> follow
 *        ^  older snapshot, on a fork                                                                          |
 *        +------------------------------ connection lost, gate closed, gap or fork ---------------------------+
 */
import { mkdir, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { asMaksError, type ErrorCode, MaksError } from '../../core/errors.ts'
import { comparePositions, formatPosition, ORIGIN, parsePosition } from '../../core/log/position.ts'
import { concatRows } from '../../core/row-codec.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { checkVersion } from '../../store/connection.ts'
import { countFitting, type LogEntry, LogMismatch, type LogTip, verifyChain } from '../../store/log-entry.ts'
import { RedisLink } from '../../store/redis-link.ts'
import type { CellShape } from '../index/cell-state.ts'
import type { IndexStats } from '../index/index-calls.ts'
import { SetAside } from '../index/set-aside.ts'
import { listSnapshots, snapshotPath } from '../index/snapshot-manifest.ts'
import type { Pod } from '../pod/pod.ts'
import { Gate, type GatedReplica } from '../recovery/gate.ts'
import { HighWaterMark } from '../recovery/high-water-mark.ts'
import { LastTakeover } from '../recovery/last-takeover.ts'
import { bootstrapFromPeer } from '../recovery/snapshot-transfer.ts'
import { checkVolume, claimVolume } from '../recovery/volume-identity.ts'
import { Journal } from './journal.ts'
import { ReplicaCheck } from './replica-check.ts'

const BLOCK_MS = 1000
const READ_BYTES = 8 * 1024 * 1024
const READ_ENTRIES_MAX = 1024
const RETRY_MS = 200
const JOURNAL_RETRY_MS = 500

/**
 * A fault of ours in applying must not be skipped, a Redis that is too old will not grow younger, and what is another's does
 * not become ours: the process ends with a message, and its next start replays.
 */
const ENDS: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'UNSUPPORTED',
  'DATA_OF_ANOTHER_SHAPE',
  'DATA_OF_ANOTHER_OWNER',
])

interface Waiter {
  seq: number
  resolve: () => void
  fail: () => void
}

export type ReplicaPhase = 'loading' | 'claiming' | 'regressed' | 'bootstrapping' | 'following' | 'disconnected'

export class Replica implements GatedReplica {
  readonly #pod: Pod
  readonly #link: RedisLink
  readonly #mark: HighWaterMark
  readonly #lastTakeover: LastTakeover
  readonly #gate: Gate
  readonly #journal: Journal | undefined
  readonly setAside: SetAside
  /** What the previous process of this pod had applied, until this process has applied as much. */
  #previousRun: LogTip | undefined
  #waiters: Waiter[] = []
  #closed = false
  #gateLost = false
  #markFailed = false
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
    this.#mark = new HighWaterMark(pod.env.MAKSDB_DATA_DIR)
    this.setAside = new SetAside(pod.env.MAKSDB_DATA_DIR)
    this.#lastTakeover = new LastTakeover(pod.env.MAKSDB_DATA_DIR)
    this.#link = new RedisLink(pod.config.redisUrl, BLOCK_MS)
    this.#gate = new Gate(pod, this.#link, this)
    if (pod.config.durability === 'Journal') this.#journal = new Journal(pod.env.MAKSDB_DATA_DIR)
  }

  get phase(): ReplicaPhase {
    return this.#phase === 'claiming' && this.regressed !== '' ? 'regressed' : this.#phase
  }

  /** Why the gate stays closed, where it does. */
  get regressed(): string {
    return this.#gate.regressed
  }

  get version(): number {
    return this.stats?.version ?? 0
  }

  get previousRun(): LogTip | undefined {
    const previous = this.#previousRun
    return previous && comparePositions(previous.position, this.tip.position) > 0 ? previous : undefined
  }

  /** Throws DATA_OF_ANOTHER_SHAPE where the volume is not this cell's; nothing on it is touched then. */
  async load(): Promise<void> {
    const { index, env, snapshotDir, logger } = this.#pod
    const shape = this.#shape()
    await checkVolume(env.MAKSDB_DATA_DIR, snapshotDir, shape)
    await mkdir(snapshotDir, { recursive: true })
    await index.call('open', shape)
    const { stats, damaged } = await index.call('load', { dir: snapshotDir })
    for (const what of damaged) logger.error({ what }, 'a snapshot did not verify and was set aside')
    this.#advance(stats)
    if (this.#journal)
      for await (const entries of this.#journal.read(this.tip)) this.#advance(await this.#index(entries))
    // A damaged snapshot proves as well as a mark how far the log had come.
    const marks = [this.#mark.read(), await this.setAside.reaches()].filter((mark) => mark !== undefined)
    this.#previousRun = marks.sort((a, b) => comparePositions(b.position, a.position))[0]
    logger.info({ position: formatPosition(this.tip.position), points: stats.points }, 'loaded')
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
    void this.#journal?.close()
    this.#link.drop()
  }

  /** Positions of any other timeline mean nothing here. */
  get timeline(): number {
    return this.#timeline
  }

  /** Resolves when the entry is applied; false after the time. */
  waitApplied(seq: number, timeoutMs: number): Promise<boolean> {
    if (this.tip.position.seq >= seq) return Promise.resolve(true)
    return new Promise((resolve) => {
      const waiter = { seq, resolve: () => done(true), fail: () => done(false) }
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        done(false)
      }, timeoutMs)
      function done(reached: boolean) {
        clearTimeout(timer)
        resolve(reached)
      }
      this.#waiters.push(waiter)
    })
  }

  async #passGate(): Promise<void> {
    await this.#link.use(checkVersion)
    this.#phase = 'claiming'
    this.#timeline = await this.#gate.pass()
    // Redis has said that the data is this VectorCluster's: so is the volume now.
    await claimVolume(this.#pod.env.MAKSDB_DATA_DIR, this.#pod.config.uid, this.#shape()).catch((error: unknown) =>
      this.#pod.logger.warn({ error: String(error) }, 'the volume could not be marked as ours'),
    )
    this.#gateLost = false
  }

  async forgetPreviousRun(): Promise<void> {
    this.#pod.logger.error(
      { position: this.#previousRun?.position },
      'what this pod had applied is in no copy, and the loss was accepted',
    )
    this.#previousRun = undefined
    this.#mark.remove()
    await this.setAside.moveTo(join(this.#pod.env.MAKSDB_DATA_DIR, 'lost'))
  }

  async #follow(): Promise<void> {
    this.#phase = 'following'
    while (!this.#closed && !this.#gateLost) await this.#readSome(BLOCK_MS)
  }

  /** Reads and applies the next entries; returns their number. `fitting`: only those that continue the copy. */
  async #readSome(blockMs: number, which: 'all' | 'fitting' = 'all'): Promise<number> {
    const { config, log } = this.#pod
    const count = Math.max(1, Math.min(READ_ENTRIES_MAX, Math.floor(READ_BYTES / (4 * config.vectors[''].size + 256))))
    const entries = await this.#link.use((redis) => log.read(redis, this.tip.position, count, blockMs))
    const some = which === 'all' ? entries : entries.slice(0, countFitting(this.tip, entries))
    if (some.length > 0) await this.#apply(some)
    return some.length
  }

  async catchUp(): Promise<void> {
    // What was in the log when somebody began to wait may be there no more, and what takes its place is something else.
    for (const waiter of this.#waiters.splice(0)) waiter.fail()
    while ((await this.#readSome(0, 'fitting')) > 0);
  }

  async #apply(entries: LogEntry[]): Promise<void> {
    const [stats] = await Promise.all([
      this.#index(entries),
      this.#journal && this.#writeJournal(this.#journal, entries),
    ])
    if (this.#phase === 'following' && !this.previousRun) this.#writeMark(stats.tip)
    this.#advance(stats)
  }

  /** Nothing is called applied before the disk has it: a full or failing one holds the cell's writes up, not its reads. */
  async #writeJournal(journal: Journal, entries: readonly LogEntry[]): Promise<void> {
    while (!this.#closed) {
      try {
        return await journal.append(entries)
      } catch (error) {
        this.#pod.metrics.add('maksdb_journal_failures_total')
        this.#pod.logger.error({ error: String(error) }, 'the journal cannot be written; writes of this cell wait')
        await sleep(JOURNAL_RETRY_MS)
      }
    }
  }

  /** The oldest snapshot that is kept ends at `seq`. */
  async snapshotTaken(seq: number): Promise<void> {
    await this.#journal?.snapshotTaken(seq)
  }

  async #index(entries: readonly LogEntry[]): Promise<IndexStats> {
    const point = verifyChain(this.tip, entries)
    const { bytes, places } = concatRows(entries.map(({ row }) => row))
    const applied = entries.map(({ type, version, userVersion, key, flag, idempotency }, i) => {
      const { start, end } = places[i] as (typeof places)[number]
      return { type, version, userVersion, key, flag, idempotency, rowStart: start, rowEnd: end }
    })
    return await this.#pod.index.call('apply', { entries: applied, bytes, point }, [bytes.buffer])
  }

  /** A full volume does not stop the replay: what is lost is only the notice of a loss while this process is dead. */
  #writeMark(point: LogTip): void {
    try {
      this.#mark.write(point)
    } catch (error) {
      if (this.#markFailed) return
      this.#markFailed = true
      this.#pod.logger.error({ error: String(error) }, 'the high-water mark cannot be written')
    }
  }

  #advance(stats: IndexStats): void {
    const compactions = stats.compactions - (this.stats?.compactions ?? 0)
    if (compactions > 0) this.#pod.metrics.add('maksdb_compactions_total', compactions)
    this.stats = stats
    this.tip = stats.tip
    this.replicaCheck.note(formatPosition(stats.tip.position), stats.digest)
    const reached = this.#waiters.filter((waiter) => waiter.seq <= this.tip.position.seq)
    if (reached.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.seq > this.tip.position.seq)
    for (const waiter of reached) waiter.resolve()
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

  /** Puts what the log does not hold aside, where a person can find it, and goes back to an older snapshot. */
  async rollBack(why: string): Promise<void> {
    const { env, index, snapshotDir, logger } = this.#pod
    const aside = join(env.MAKSDB_DATA_DIR, 'lost', formatPosition(this.tip.position))
    this.#mark.remove()
    await this.setAside.moveTo(join(env.MAKSDB_DATA_DIR, 'lost'))
    logger.error({ why, aside }, 'this copy and the log differ; the copy is put aside')
    await mkdir(aside, { recursive: true })
    await index.call('snapshot', { dir: aside })
    for (const position of await listSnapshots(snapshotDir)) {
      if (position.seq >= this.tip.position.seq)
        await rename(snapshotPath(snapshotDir, position), join(aside, `old-${formatPosition(position)}`)).catch(
          () => undefined,
        )
    }
    await this.#journal?.reset()
    const { stats } = await index.call('load', { dir: snapshotDir, below: this.tip })
    this.#advance(stats)
  }

  async #skipGap(): Promise<void> {
    const { log } = this.#pod
    this.#phase = 'bootstrapping'
    const trim = await this.#link.use(async (redis) => (await redis.hget(log.cellMeta, 'trim')) ?? '0-0')
    // Someone took entries out: the next claim finds it.
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
    // Only now is there something better than what was written down here.
    await this.#journal?.reset()
    this.retentionPin = null
    logger.info({ position: formatPosition(this.tip.position), points: stats.points }, 'copied a snapshot from a peer')
  }
}

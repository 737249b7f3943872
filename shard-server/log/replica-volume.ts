/**
 * What the pod's volume holds of its replica state beside the snapshots: the high-water mark, the journal, and files that were
 * set aside. Together they prove how far the previous process of the pod had come.
 */
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { InvariantViolated } from '../../core/invariant.ts'
import { comparePositions, formatPosition } from '../../core/log/position.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { LogEntry, LogTip } from '../../store/log-entry.ts'
import type { CellShape } from '../index/cell-state.ts'
import { SetAside } from '../index/set-aside.ts'
import { listSnapshots, snapshotPath } from '../index/snapshot-manifest.ts'
import type { Pod } from '../pod/pod.ts'
import { HighWaterMark } from '../recovery/high-water-mark.ts'
import { checkVolume, claimVolume } from '../recovery/volume-identity.ts'
import { Journal } from './journal.ts'

const JOURNAL_RETRY_MS = 500

export class ReplicaVolume {
  readonly #pod: Pod
  readonly #mark: HighWaterMark
  readonly #journal: Journal | undefined
  readonly setAside: SetAside
  /** What the previous process of this pod had applied, until this process has applied as much. */
  #previousRun: LogTip | undefined
  #closed = false
  #markFailed = false

  constructor(pod: Pod) {
    const { config, env } = pod
    this.#pod = pod
    this.#mark = new HighWaterMark(env.MAKSDB_DATA_DIR)
    this.setAside = new SetAside(env.MAKSDB_DATA_DIR)
    if (config.durability === 'Journal') this.#journal = new Journal(env.MAKSDB_DATA_DIR)
  }

  /** Throws DATA_OF_ANOTHER_SHAPE if the volume is not this cell's; nothing on it is changed then. */
  async open(shape: CellShape): Promise<void> {
    await checkVolume(this.#pod.env.MAKSDB_DATA_DIR, this.#pod.snapshotDir, shape)
    await mkdir(this.#pod.snapshotDir, { recursive: true })
  }

  /** Redis has confirmed that the data is this VectorCluster's: the volume becomes its own, too. */
  async claim(shape: CellShape): Promise<void> {
    await claimVolume(this.#pod.env.MAKSDB_DATA_DIR, this.#pod.config.uid, shape).catch((error: unknown) =>
      this.#pod.logger.warn({ error: String(error) }, 'the volume could not be marked as ours'),
    )
  }

  /** The entries of the journal that continue the log after `tip`, a segment at a time; none at the other levels. */
  async *journaled(tip: LogTip): AsyncGenerator<LogEntry[]> {
    if (this.#journal) yield* this.#journal.read(tip)
  }

  /** Reads how far the previous process had come: a damaged snapshot proves it as well as a mark. */
  async readPreviousRun(): Promise<void> {
    const marks = [this.#mark.read(), await this.setAside.reaches()].filter((mark) => mark !== undefined)
    this.#previousRun = marks.sort((a, b) => comparePositions(b.position, a.position))[0]
  }

  /** What the previous process had applied beyond `tip`; undefined if this process has applied as much. */
  previousRunBeyond(tip: LogTip): LogTip | undefined {
    const previous = this.#previousRun
    return previous && comparePositions(previous.position, tip.position) > 0 ? previous : undefined
  }

  /** Is there a journal? Only then `append` needs the entries. */
  get keepsJournal(): boolean {
    return this.#journal !== undefined
  }

  /**
   * Returns when the journal has the entries, synced; at once at the other levels. A full or failing disk holds the writes of
   * the cell up, not its reads.
   */
  async append(entries: readonly LogEntry[]): Promise<void> {
    while (this.#journal && !this.#closed) {
      try {
        return await this.#journal.append(entries)
      } catch (error) {
        if (error instanceof InvariantViolated) throw error
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

  /** The replica state continues from a snapshot that the journal does not continue. */
  async resetJournal(): Promise<void> {
    await this.#journal?.reset()
  }

  /** A full volume does not stop the replay: only the notice of a loss while this process is dead is missing then. */
  writeMark(tip: LogTip): void {
    try {
      this.#mark.write(tip)
    } catch (error) {
      if (this.#markFailed) return
      this.#markFailed = true
      this.#pod.logger.error({ error: String(error) }, 'the high-water mark cannot be written')
    }
  }

  /** The loss of what the previous process had applied was accepted. */
  async forgetPreviousRun(): Promise<void> {
    this.#pod.logger.error(
      { position: this.#previousRun?.position },
      'what this pod had applied is in no copy, and the loss was accepted',
    )
    this.#previousRun = undefined
    await this.#disclaim()
  }

  /** Removes the mark, and moves what was set aside to the lost files: the log continues without both. */
  async #disclaim(): Promise<void> {
    this.#mark.remove()
    await this.setAside.moveTo(this.#lostDir)
  }

  /** The log continues without this replica state up to `tip`. Returns the folder, made, for what is to be kept of it. */
  async beginRollBack(tip: LogTip): Promise<string> {
    await this.#disclaim()
    const aside = join(this.#lostDir, formatPosition(tip.position))
    await mkdir(aside, { recursive: true })
    return aside
  }

  /** Moves the snapshots at or after `tip` to the folder of `beginRollBack`, and ends the journal. */
  async finishRollBack(tip: LogTip, aside: string): Promise<void> {
    const { snapshotDir } = this.#pod
    for (const position of await listSnapshots(snapshotDir)) {
      if (position.seq >= tip.position.seq)
        await rename(snapshotPath(snapshotDir, position), join(aside, `old-${formatPosition(position)}`)).catch(
          () => undefined,
        )
    }
    await this.resetJournal()
  }

  get #lostDir(): string {
    return join(this.#pod.env.MAKSDB_DATA_DIR, 'lost')
  }

  close(): void {
    this.#closed = true
    void this.#journal?.close()
  }
}

/**
 * When to take a snapshot, and, on the primary, how far the log may be cut. A pod counts as dead for trimming when its
 * heartbeat has stood still for ten minutes of this process's own monotonic clock.
 */
import { asMaksError } from '../../core/errors.ts'
import { comparePositions, formatPosition, type Position, parsePosition } from '../../core/log/position.ts'
import { DIRECTORY_BUCKETS } from '../../protocol/keys.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { SNAPSHOTS_KEPT, setAside } from '../index/snapshot-files.ts'
import {
  DamagedSnapshot,
  listSnapshots,
  snapshotPath,
  VerifiedFiles,
  verifySnapshot,
} from '../index/snapshot-manifest.ts'
import type { Election } from '../log/election.ts'
import type { HeartbeatLoop } from '../log/heartbeat.ts'
import type { Replica } from '../log/replica.ts'
import type { Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'

const TICK_MS = 500
const DEAD_AFTER_MS = 600_000
/** A snapshot is due after this share of the WAL budget: two are kept and a third is being written, which leaves room. */
const BUDGET_SHARE = 0.15
const REAP_BUCKETS_PER_TICK = 32

export class Snapshotter {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #election: Election
  readonly #heartbeat: HeartbeatLoop
  readonly #link: RedisLink
  readonly #beats = new Map<string, { beat: number; since: number }>()
  readonly #loop: PodLoop
  #wanted = false
  #takenAt = performance.now()
  #takenSeq = 0
  #reapFrom = DIRECTORY_BUCKETS

  constructor(pod: Pod, replica: Replica, election: Election, heartbeat: HeartbeatLoop) {
    this.#pod = pod
    this.#replica = replica
    this.#election = election
    this.#heartbeat = heartbeat
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#loop = new PodLoop(pod, {
      name: 'snapshots',
      level: 'warn',
      failed: 'the upkeep of snapshots and log stopped at an error, and retries',
      pauseMs: () => TICK_MS,
    })
  }

  /**
   * Announces the snapshots that a former process left; those that prove to be damaged are set aside.
   * @param loaded one whose files have all been read and verified
   */
  async announceExisting(loaded?: Position): Promise<void> {
    const { snapshotDir, logger } = this.#pod
    const good: string[] = []
    const known = new VerifiedFiles()
    for (const position of await listSnapshots(snapshotDir)) {
      if (good.length === SNAPSHOTS_KEPT) break
      const path = snapshotPath(snapshotDir, position)
      try {
        if (loaded && comparePositions(position, loaded) === 0) await known.addAll(path)
        else await verifySnapshot(path, known)
        good.push(formatPosition(position))
      } catch (error) {
        if (!(error instanceof DamagedSnapshot)) throw error
        logger.error(
          { what: error.message, aside: await setAside(path) },
          'a snapshot did not verify and was set aside',
        )
      }
    }
    this.#heartbeat.snapshots = good
    this.#takenSeq = good[0] === undefined ? 0 : parsePosition(good[0]).seq
  }

  /** A commit met the WAL budget: take a snapshot now. */
  want(): void {
    this.#wanted = true
  }

  run(): Promise<void> {
    return this.#loop.run(async () => {
      if (this.#due()) await this.take()
      if (this.#election.role !== 'primary') this.#replica.replicaCheck.retire()
      else if (this.#replica.phase === 'following') await this.#trim()
      const age = (performance.now() - this.#takenAt) / 1000
      this.#pod.metrics.set('maksdb_snapshot_age_seconds', this.#heartbeat.snapshots.length === 0 ? 0 : age)
    })
  }

  #due(): boolean {
    if (this.#replica.phase !== 'following') return false
    const { MAKSDB_SNAPSHOT_ENTRIES: entries, MAKSDB_SNAPSHOT_INTERVAL_MS: interval } = this.#pod.env
    const since = this.#replica.tip.position.seq - this.#takenSeq
    if (since <= 0) return false
    return (
      this.#wanted ||
      since >= entries ||
      this.#bytesSince(since) > BUDGET_SHARE * this.#pod.config.walBudgetBytes ||
      performance.now() - this.#takenAt > interval
    )
  }

  /** Bytes of the log since the last snapshot, from the mean size of the entries that are in it. */
  #bytesSince(entries: number): number {
    const progress = this.#heartbeat.progress
    if (!progress) return 0
    const kept = parsePosition(progress.head).seq - parsePosition(progress.trim).seq
    return (progress.walBytes / Math.max(1, kept)) * entries
  }

  /** Returns the position of the newest snapshot there is; undefined where this one failed. */
  async take(): Promise<string | undefined> {
    const { index, metrics, logger, snapshotDir } = this.#pod
    const started = performance.now()
    this.#wanted = false
    const seq = this.#replica.tip.position.seq
    try {
      const { kept } = await index.call('snapshot', { dir: snapshotDir })
      await this.#replica.snapshotTaken(parsePosition(kept.at(-1) ?? '0-0').seq)
      this.#heartbeat.snapshots = kept
      this.#takenSeq = kept[0] === undefined ? seq : parsePosition(kept[0]).seq
      this.#takenAt = performance.now()
      metrics.observe('maksdb_snapshot_seconds', (this.#takenAt - started) / 1000)
      logger.info({ position: kept[0], ms: Math.round(this.#takenAt - started) }, 'snapshot')
      if (kept.length === SNAPSHOTS_KEPT) await this.#releaseSetAside(kept.at(-1) as string)
      return kept[0]
    } catch (thrown) {
      metrics.add('maksdb_snapshot_failures_total')
      logger.error({ error: asMaksError(thrown).message }, 'the snapshot failed; the older ones stay')
      return undefined
    }
  }

  /** What was set aside is kept until this pod and a peer hold verified snapshots of all that is in it (rule S16). */
  async #releaseSetAside(own: string): Promise<void> {
    const { log, name, logger, env } = this.#pod
    if (this.#replica.phase !== 'following' || this.#replica.previousRun) return
    if ((await this.#replica.setAside.reaches()) === undefined) return
    const members = await this.#link.use((redis) => log.members(redis)).catch(() => [])
    const peers = members
      .filter(({ pod, cell }) => cell === env.MAKSDB_CELL && pod !== name)
      .flatMap(({ newestSnapshot }) => newestSnapshot ?? [])
    for (const what of await this.#replica.setAside.release(own, peers))
      logger.info({ what }, 'removed what had been set aside: a peer holds a verified copy')
  }

  async #trim(): Promise<void> {
    const { log, config, logger, env } = this.#pod
    const lead = this.#election.lead
    if (!lead) return
    try {
      const members = await this.#link.use((redis) => log.members(redis))
      this.#replica.replicaCheck.compare(members)
      const reply = await this.#link.use((redis) => log.trim(redis, lead, config.replicas, this.#dead(members)))
      if (reply[0] === 'OK') {
        logger.info({ floor: reply[1], removed: reply[2] }, 'trimmed the log')
        if (env.MAKSDB_CELL === 0) this.#reapFrom = 0
      }
      await this.#reap()
    } catch (thrown) {
      logger.warn({ error: asMaksError(thrown).message }, 'the log was not trimmed')
    }
  }

  #dead(members: readonly { pod: string; beat: number }[]): string[] {
    const now = performance.now()
    for (const { pod, beat } of members) {
      if (this.#beats.get(pod)?.beat !== beat) this.#beats.set(pod, { beat, since: now })
    }
    return [...this.#beats].filter(([, { since }]) => now - since > DEAD_AFTER_MS).map(([pod]) => pod)
  }

  async #reap(): Promise<void> {
    const end = Math.min(DIRECTORY_BUCKETS, this.#reapFrom + REAP_BUCKETS_PER_TICK)
    for (; this.#reapFrom < end; this.#reapFrom++) {
      const bucket = this.#reapFrom
      await this.#link.use((redis) => this.#pod.log.reap(redis, bucket))
    }
  }

  async close(): Promise<void> {
    this.#loop.close()
    if (this.#replica.tip.position.seq > this.#takenSeq) await this.take()
    this.#link.drop()
  }
}

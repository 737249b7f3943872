/** The heartbeat: what others need to know of this pod, and what this pod needs to know of its cell, in one script. */
import { formatPosition, parsePosition } from '../../core/log/position.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import type { HeartbeatReply } from '../../store/cell-log.ts'
import { checkDurability } from '../../store/connection.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { readSettings } from '../../store/settings.ts'
import { heartbeatOf, type Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'
import { MemoryGauge } from '../pod/pod-memory.ts'
import { PayloadIndexFollower } from './payload-index-follower.ts'
import type { Replica } from './replica.ts'

const BEAT_MS = 400
/** Before its first claim a pod is no member: whoever waits for a new collection waits for the first heartbeat after it. */
const FIRST_BEAT_MS = 50
const FIRST_BEATS = 60
const DURABILITY_CHECK_BEATS = 75

export class HeartbeatLoop {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #link: RedisLink
  readonly #ports: { port: number; adminPort: number }
  readonly #loop: PodLoop
  readonly memory: MemoryGauge
  #beat = Date.now()
  #count = 0
  /** Newest first; set by the snapshotter. */
  snapshots: string[] = []
  progress: HeartbeatReply | undefined
  readonly #indexes: PayloadIndexFollower

  constructor(pod: Pod, replica: Replica, ports: { port: number; adminPort: number }) {
    this.#pod = pod
    this.#replica = replica
    this.#ports = ports
    this.#link = new RedisLink(pod.config.redisUrl)
    this.memory = new MemoryGauge(pod)
    this.#loop = new PodLoop(pod, {
      name: 'heartbeat',
      level: 'debug',
      failed: 'no heartbeat',
      pauseMs: () => (this.#count < FIRST_BEATS && !this.progress?.gateOpen ? FIRST_BEAT_MS : BEAT_MS),
    })
    this.#indexes = new PayloadIndexFollower(pod, () => this.#link.use((redis) => readSettings(redis, pod.log.scope)))
  }

  run(): Promise<void> {
    return this.#loop.run(() =>
      this.send().catch((thrown: unknown) => {
        this.progress = undefined
        throw thrown
      }),
    )
  }

  async send(): Promise<void> {
    const { log, metrics, config } = this.#pod
    const { tip: point, stats, retentionPin: hold } = this.#replica
    const heartbeat: Heartbeat = {
      ...heartbeatOf(this.#pod),
      ...this.#ports,
      beat: ++this.#beat,
      ...(this.#indexes.state ? { payloadIndexes: this.#indexes.state } : {}),
      applied: formatPosition(point.position),
      points: stats?.points ?? 0,
      redundantRows: stats?.redundantRows ?? 0,
      digest: stats?.digest ?? '',
      oldestSnapshot: this.snapshots.at(-1) ?? null,
      newestSnapshot: this.snapshots[0] ?? null,
      retentionPin: hold,
      memory: this.memory.report(stats?.bytes),
    }
    const progress = await this.#link.use((redis) => log.heartbeat(redis, heartbeat))
    this.progress = progress
    this.#replica.sawTakeover(progress.taken)
    void this.#followIndexes(progress.settings, heartbeat.applied)
    if (!progress.gateOpen) this.#replica.gateLost()
    const head = parsePosition(progress.head).seq
    metrics.set('maksdb_appended_seq', head)
    metrics.set('maksdb_applied_seq', point.position.seq)
    metrics.set('maksdb_replay_lag_entries', Math.max(0, head - point.position.seq))
    metrics.set('maksdb_epoch', Number(progress.epoch))
    metrics.set('maksdb_points', stats?.points ?? 0)
    metrics.set('maksdb_redundant_rows', stats?.redundantRows ?? 0)
    metrics.set('maksdb_dead_rows', stats?.dead ?? 0)
    metrics.set('maksdb_wal_bytes', progress.walBytes)
    metrics.set('maksdb_wal_budget_bytes', config.walBudgetBytes)
    metrics.set('maksdb_wal_regressed', progress.regressed === '' ? 0 : 1)
    if (this.#count++ % DURABILITY_CHECK_BEATS === 0) {
      const durable = await this.#link.use((redis) => checkDurability(redis, config.durability))
      metrics.set('maksdb_redis_durable', durable === 'yes' ? 1 : durable === 'no' ? 0 : -1)
    }
  }

  async #followIndexes(settings: number, applied: string): Promise<void> {
    if (await this.#indexes.follow(settings, applied)) await this.send().catch(() => undefined)
  }

  close(): void {
    this.#loop.close()
    this.#link.drop()
  }
}

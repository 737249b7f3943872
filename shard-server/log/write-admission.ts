/**
 * Whether the pods of a cell have memory for a write. Replicas apply what the primary admits, so the primary looks at the pod
 * of its cell that has the least room, and, for rows that its writes put into other cells, at those of these cells. What was
 * admitted a moment ago is in no measurement yet, and counts beside it: for less time beside this pod's own, which is younger.
 */
import { MaksError } from '../../core/errors.ts'
import { entryBytes } from '../../core/limits.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import type { Operation } from '../../store/cell-log.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { readMembers } from '../../store/topology.ts'
import type { Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'
import type { MemoryGauge } from '../pod/pod-memory.ts'
import type { Election } from './election.ts'
import { RecentBytes } from './recent-bytes.ts'

const LOOK_MS = 1000
/** A heartbeat shows what was admitted before this time: it is 0.4 s old at most, and read once a second. */
const UNSEEN_MS = 3000
/** This pod's own measurement, a tenth of a second old at most, does so earlier: what waits for the log is in it as a body. */
const UNSEEN_HERE_MS = 500
/** A pod whose heartbeat stands still for so long is away: it reports its room when it is back. */
const SILENT_MS = 10_000

interface Seen {
  beat: number
  /** When it was seen first, by this pod's monotonic clock. */
  at: number
  cell: number
  /** Undefined for a pod without a limit. */
  room: number | undefined
}

export class WriteAdmission {
  readonly #pod: Pod
  readonly #election: Pick<Election, 'role'>
  readonly #memory: MemoryGauge
  readonly #link: RedisLink
  readonly #loop: PodLoop
  readonly #now: () => number
  readonly #pods = new Map<string, Seen>()
  readonly #unseen: RecentBytes
  readonly #unseenHere: RecentBytes

  constructor(pod: Pod, election: Pick<Election, 'role'>, memory: MemoryGauge, now = () => performance.now()) {
    this.#pod = pod
    this.#election = election
    this.#memory = memory
    this.#now = now
    this.#unseen = new RecentBytes(UNSEEN_MS, now)
    this.#unseenHere = new RecentBytes(UNSEEN_HERE_MS, now)
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#loop = new PodLoop(pod, {
      name: 'admission',
      level: 'debug',
      failed: 'the memory of the other pods cannot be read',
      pauseMs: () => LOOK_MS,
    })
  }

  run(): Promise<void> {
    return this.#loop.run(async () => {
      if (this.full()) await this.#memory.collect()
      if (this.#election.role !== 'primary') return
      const members = await this.#link.use((redis) => readMembers(redis, this.#pod.log.scope, this.#watched()))
      this.see(members)
    })
  }

  /** The pods whose room matters: of every cell if rows of this one may go there. */
  #watched(): string[] {
    const { config, env } = this.#pod
    const cells = Array.from({ length: config.clusters }, (_, cell) => cell)
    const ordinals = Array.from({ length: config.replicas }, (_, ordinal) => ordinal)
    return cells
      .filter((cell) => cell === env.MAKSDB_CELL || config.centroidSource === 'Dynamic' || config.redundantStorage > 1)
      .flatMap((cell) => ordinals.map((ordinal) => `${cell}/${ordinal}`))
  }

  /** Takes over what heartbeats report. */
  see(members: readonly Heartbeat[]): void {
    for (const { pod, cell, beat, memory } of members) {
      if (pod === this.#pod.name || this.#pods.get(pod)?.beat === beat) continue
      this.#pods.set(pod, { beat, at: this.#now(), cell, room: memory?.limited?.room })
    }
  }

  /** Whether this pod itself has no memory left for writes. */
  full(): boolean {
    return (this.#memory.limited()?.room ?? Number.POSITIVE_INFINITY) <= 0
  }

  /** Whether the pods of a cell have memory for more rows. Another cell's pods may have admitted what is not seen yet. */
  hasRoom(cell: number): boolean {
    return this.#leastRoom(cell).room > 0
  }

  /** Of the pod of a cell that has the least, with what it has to take of what was admitted. */
  #leastRoom(cell: number): { room: number; pod: string } {
    const limited = cell === this.#pod.env.MAKSDB_CELL ? this.#memory.limited() : undefined
    const here = limited ? limited.room - this.#unseenHere.sum : Number.POSITIVE_INFINITY
    let least = { room: here, pod: this.#pod.name }
    const unseen = this.#unseen.sum
    for (const [pod, { room, at, cell: of }] of this.#pods) {
      if (of !== cell || room === undefined || this.#now() - at > SILENT_MS) continue
      if (room - unseen < least.room) least = { room: room - unseen, pod }
    }
    return least
  }

  /**
   * Throws MEMORY_FULL if the pods of this cell have no memory for the rows of these operations. Deletes need none. An edit of a
   * payload is sent to the cell of its row; the redundant row, which is edited with it, is not looked at.
   */
  async admit(operations: readonly Operation[]): Promise<void> {
    const bytes = operations.reduce((sum, one) => sum + this.#bytesOf(one), 0)
    if (bytes === 0) return
    if (this.#lacks(bytes)) await this.#memory.collect()
    const lacking = this.#lacks(bytes)
    if (lacking) {
      this.#pod.metrics.add('maksdb_memory_refusals_total')
      throw new MaksError(
        'MEMORY_FULL',
        `pod ${lacking.pod} has memory for ${lacking.left} bytes of further rows, and the write has ${bytes}`,
        { details: { notExecuted: true } },
      )
    }
    this.#unseen.add(bytes)
    this.#unseenHere.add(bytes)
  }

  /** What the operation adds to the rows of a pod. An edit of a payload appends its row again, with the vector. */
  #bytesOf(operation: Operation): number {
    const vector = 4 * this.#pod.config.vectors[''].size
    if (operation.type === 'P') return entryBytes(operation.key, operation.payload.byteLength) + vector
    return 'row' in operation ? entryBytes(operation.key, operation.row.byteLength) : 0
  }

  /** The pod of this cell that has no memory for so many bytes, and for how many it has. */
  #lacks(bytes: number): { pod: string; left: number } | undefined {
    const { room, pod } = this.#leastRoom(this.#pod.env.MAKSDB_CELL)
    return room < bytes ? { pod, left: Math.max(0, Math.floor(room)) } : undefined
  }

  close(): void {
    this.#loop.close()
    this.#link.drop()
  }
}

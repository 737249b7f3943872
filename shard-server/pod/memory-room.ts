/**
 * How much memory writes may still take before a limit of this pod ends its process: of its cgroups, or the one that is
 * configured. A reserve stays free, for what goes on when writes are refused.
 */
import type { LimitedMemory } from '../../protocol/shard-rpc.ts'
import type { MemoryUse } from '../../runtime/cgroup-memory.ts'

const MiB = 1024 * 1024
/** Heaps, bodies and answers of requests, batches of the log, and a snapshot that is being written. */
const WORK_BYTES = 48 * MiB
/** What deletes add before they make room: evicted rows, which are kept for a while, and their tombstones (tombstones.ts). */
const DELETES_BYTES = 48 * MiB
/** Of a small limit the two together take this share at most. */
const WORK_SHARE = 1 / 4
/** Cleaning fills a new chunk with the live rows of the oldest one, and the next one may begin (kernel.ts). */
const CHUNKS = 2
const CHUNK_BYTES_MIN = 2 * MiB
const CHUNK_ROWS_MIN = 32
/** Less is none: a pod is full for small writes and for larger ones alike. */
const ROOM_MIN = MiB
/** A measurement is used for so long. */
const FRESH_MS = 100

export interface MemoryRoomParts {
  /** Every limit that this process has, with its use. */
  measure: () => readonly MemoryUse[]
  now: () => number
  /** Values of a vector. */
  dimension: number
}

/** Memory that stays free, bytes. `ids` is that of the ids: their table is made twice as large while the old one is there. */
export function reserveBytes(limit: number, ids: number, dimension: number): number {
  const chunk = Math.max(CHUNK_BYTES_MIN, CHUNK_ROWS_MIN * 4 * dimension)
  return Math.round(Math.min(WORK_BYTES + DELETES_BYTES, WORK_SHARE * limit)) + CHUNKS * chunk + ids
}

export class MemoryRoom {
  readonly #parts: MemoryRoomParts
  #uses: readonly MemoryUse[] = []
  #measuredAt = Number.NEGATIVE_INFINITY

  constructor(parts: MemoryRoomParts) {
    this.#parts = parts
  }

  /** The next reading is not of an earlier measurement. */
  measureAgain(): void {
    this.#measuredAt = Number.NEGATIVE_INFINITY
  }

  /**
   * Of the limit that leaves the least room, a tenth of a second old at most; undefined without a limit.
   * @param ids bytes of the ids of the rows
   */
  read(ids: number): LimitedMemory | undefined {
    const { measure, now, dimension } = this.#parts
    if (now() - this.#measuredAt >= FRESH_MS) {
      this.#uses = measure()
      this.#measuredAt = now()
    }
    let least: LimitedMemory | undefined
    for (const { used, limit } of this.#uses) {
      const left = limit - used - reserveBytes(limit, ids, dimension)
      const room = left < ROOM_MIN ? Math.min(left, 0) : left
      if (least === undefined || room < least.room) least = { used, limit, room }
    }
    return least
  }
}

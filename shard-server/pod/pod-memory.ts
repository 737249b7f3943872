/** The memory of this pod: by part its rows, the V8 heaps of its two threads, and all that is resident; and its room below a limit. */
import { getHeapStatistics, type HeapInfo } from 'node:v8'
import type { HeapBytes, LimitedMemory, PodMemory } from '../../protocol/shard-rpc.ts'
import { CgroupMemory } from '../../runtime/cgroup-memory.ts'
import { MemoryRoom } from './memory-room.ts'
import type { Pod } from './pod.ts'

const EVERY_MS = 5000
/** Between two collections, which take some tens of milliseconds each. */
const COLLECT_MS = 2000
/** After one that gave less than this, bytes. */
const COLLECT_RARELY_MS = 10_000
const COLLECTED_LITTLE = 4 * 1024 * 1024

export class MemoryGauge {
  readonly #pod: Pick<Pod, 'index' | 'metrics' | 'env' | 'config'>
  readonly #room: MemoryRoom
  #rows: PodMemory['rows'] = {}
  #heaps: PodMemory['heaps'] = { main: { used: 0, total: 0 }, index: { used: 0, total: 0 } }
  #resident = 0
  #measuredAt = Number.NEGATIVE_INFINITY
  #asked = false
  #collecting: Promise<void> | undefined
  #collectAfter = 0

  constructor(pod: Pick<Pod, 'index' | 'metrics' | 'env' | 'config'>) {
    this.#pod = pod
    const cgroups = new CgroupMemory()
    const limit = pod.env.MAKSDB_MEMORY_LIMIT_BYTES
    const configured = () => (limit === undefined ? [] : [{ used: process.memoryUsage.rss(), limit }])
    this.#room = new MemoryRoom({
      measure: () => [...cgroups.read(), ...configured()],
      now: () => performance.now(),
      dimension: pod.config.vectors[''].size,
    })
  }

  /** The memory below the limit that leaves the least room, a tenth of a second old at most; undefined without a limit. */
  limited(): LimitedMemory | undefined {
    return this.#room.read(this.#rows.ids ?? 0)
  }

  /**
   * Gives back what garbage holds, in both threads, before a write is refused for it. Calls at the same time share one
   * collection; soon after one, and for longer after one that gave little, there is none.
   */
  collect(): Promise<void> {
    if (this.#collecting === undefined && performance.now() < this.#collectAfter) return Promise.resolve()
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
    })
    return this.#collecting
  }

  async #collect(): Promise<void> {
    const before = process.memoryUsage.rss()
    globalThis.gc?.({ type: 'major', execution: 'sync' })
    await this.#pod.index.call('collect', null)
    const given = before - process.memoryUsage.rss()
    this.#collectAfter = performance.now() + (given < COLLECTED_LITTLE ? COLLECT_RARELY_MS : COLLECT_MS)
    this.#room.measureAgain()
  }

  /**
   * Sets the metrics. The heaps are at most some seconds old: the index thread may be busy, and no caller waits for it.
   * @param rows bytes of the rows by part, as the index counted them; empty before it has
   */
  report(rows: PodMemory['rows'] = {}): PodMemory {
    const now = performance.now()
    this.#rows = rows
    if (now - this.#measuredAt >= EVERY_MS) {
      this.#measuredAt = now
      this.#resident = process.memoryUsage.rss()
      this.#heaps = { ...this.#heaps, main: heapBytes(getHeapStatistics()) }
      void this.#askIndex()
    }
    const { metrics } = this.#pod
    for (const [part, bytes] of Object.entries(rows)) metrics.set('maksdb_row_bytes', bytes, { part })
    for (const [thread, { used, total }] of Object.entries(this.#heaps)) {
      metrics.set('maksdb_heap_bytes', used, { thread, state: 'used' })
      metrics.set('maksdb_heap_bytes', total, { thread, state: 'total' })
    }
    const limited = this.limited()
    metrics.set('maksdb_memory_used_bytes', limited?.used ?? this.#resident)
    metrics.set('maksdb_memory_room_bytes', limited?.room ?? Number.POSITIVE_INFINITY)
    return { resident: this.#resident, rows, heaps: this.#heaps, ...(limited ? { limited } : {}) }
  }

  async #askIndex(): Promise<void> {
    if (this.#asked) return
    this.#asked = true
    try {
      this.#heaps = { ...this.#heaps, index: heapBytes(await this.#pod.index.heap()) }
    } catch {
      // The thread has ended, and the process ends with it.
    } finally {
      this.#asked = false
    }
  }
}

function heapBytes({ used_heap_size, total_heap_size }: HeapInfo): HeapBytes {
  return { used: used_heap_size, total: total_heap_size }
}

/** The memory of this pod by part: its rows, the V8 heaps of its two threads, and all that is resident. */
import { getHeapStatistics, type HeapInfo } from 'node:v8'
import type { HeapBytes, PodMemory } from '../../protocol/shard-rpc.ts'
import type { Pod } from './pod.ts'

const EVERY_MS = 5000

export class MemoryGauge {
  readonly #pod: Pick<Pod, 'index' | 'metrics'>
  #heaps: PodMemory['heaps'] = { main: { used: 0, total: 0 }, index: { used: 0, total: 0 } }
  #resident = 0
  #measuredAt = Number.NEGATIVE_INFINITY
  #asked = false

  constructor(pod: Pick<Pod, 'index' | 'metrics'>) {
    this.#pod = pod
  }

  /**
   * Sets the metrics. The heaps are at most some seconds old: the index thread may be busy, and no caller waits for it.
   * @param rows bytes of the rows by part, as the index counted them; empty before it has
   */
  report(rows: PodMemory['rows'] = {}): PodMemory {
    const now = performance.now()
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
    return { resident: this.#resident, rows, heaps: this.#heaps }
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

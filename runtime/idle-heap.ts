/**
 * Gives back the heap of a thread that has little to do. V8 collects when objects are made, so that after a burst, or after the
 * start alone, a heap stays as large as it ever was. Node must have been started with --expose-gc (protocol/env/process-env.ts);
 * without it nothing happens. What buffers take counts as well: they lie outside of the heap, and go when it is collected.
 */
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** A collection takes some 0.2 s of a core, with the code that V8 throws away and compiles again: a process that has just started has other work. */
const LOOK_MS = 60_000
/** Share of the time between two looks in which an idle thread works at most. */
const IDLE_SHARE = 0.1
/** A heap that has grown by less since its last collection is left alone: an idle pod makes so much in some minutes. */
const GROWTH_BYTES = 8 * 1024 * 1024

export interface IdleHeapParts {
  /** Share of the time since the last call in which the thread worked, 0 to 1. */
  busy: () => number
  /** Bytes of objects and garbage, and bytes that the heap, and the buffers that belong to it, have from the system. */
  heap: () => { used: number; total: number }
  /** Of the whole heap, with all of its reserve given back. */
  collect: () => void
}

export class IdleHeap {
  readonly #parts: IdleHeapParts
  readonly #usedMax: number
  /** What the heap had after its last collection. */
  #total = 0

  /** @param usedMax bytes used beyond which the heap is left alone, because the pause would be long */
  constructor(parts: IdleHeapParts, usedMax: number) {
    this.#parts = parts
    this.#usedMax = usedMax
  }

  look(): void {
    const { busy, heap, collect } = this.#parts
    const { used, total } = heap()
    // Buffers may have gone without a collection here.
    this.#total = Math.min(this.#total, total)
    if (busy() > IDLE_SHARE || used > this.#usedMax || total < this.#total + GROWTH_BYTES) return
    collect()
    this.#total = heap().total
  }
}

/**
 * @param usedMax as of `IdleHeap`
 * @param trim has malloc give back what it holds free
 */
export function giveBackWhenIdle(usedMax = Number.POSITIVE_INFINITY, trim: () => void = () => undefined): void {
  const { gc } = globalThis
  if (gc === undefined) return
  let seen = performance.eventLoopUtilization()
  const busy = () => {
    const before = seen
    seen = performance.eventLoopUtilization()
    return performance.eventLoopUtilization(seen, before).utilization
  }
  const heap = () => {
    const { used_heap_size: used, total_heap_size: total, external_memory: external } = getHeapStatistics()
    return { used, total: total + external }
  }
  const collect = () => {
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    trim()
  }
  const idle = new IdleHeap({ busy, heap, collect }, usedMax)
  setInterval(() => idle.look(), LOOK_MS).unref()
}

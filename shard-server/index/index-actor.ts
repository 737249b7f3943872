/** The main thread's side of the index thread: a call is a message and a promise. The thread's death is the process's. */
import type { HeapInfo } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import { checkQueue } from '../../core/limits.ts'
import type { Call } from '../../runtime/call.ts'
import { withWorkEnd } from '../../runtime/work-end.ts'
import type { Answer, Argument, IndexCall, ScanCall } from './index-calls.ts'
import { ScanTurns } from './scan-turns.ts'

interface Pending {
  resolve: (value: never) => void
  reject: (error: Error) => void
}

export class IndexActor {
  readonly #worker = new Worker(new URL('./index-thread.ts', import.meta.url))
  readonly #pending = new Map<number, Pending>()
  #next = 0
  /** Calls of `ask` that wait for their answer. */
  #asked = 0
  readonly #scans = new ScanTurns()

  /** @param onDeath called where the thread ends by itself; the state of the cell is gone with it */
  constructor(onDeath: (error: Error) => void) {
    this.#worker.on(
      'message',
      (message: { id: number; value?: unknown; error?: { code: ErrorCode; message: string } }) => {
        const pending = this.#pending.get(message.id)
        this.#pending.delete(message.id)
        if (message.error) pending?.reject(new MaksError(message.error.code, message.error.message))
        else pending?.resolve(message.value as never)
      },
    )
    this.#worker.on('error', onDeath)
  }

  call<C extends IndexCall>(call: C, argument: Argument<C>, transfer: ArrayBuffer[] = []): Promise<Answer<C>> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, call, argument }, transfer)
    })
  }

  /** As `call`, for a request of a router or a peer. Throws OVERLOADED if too many of them wait. */
  ask<C extends IndexCall>(call: C, argument: Argument<C>): Promise<Answer<C>> {
    return this.#queued(() => this.call(call, argument))
  }

  /** As `ask`, for a read that may look at every row: then it waits for its turn. Throws TIMEOUT when `call` has ended. */
  scan<C extends ScanCall>(name: C, argument: Argument<C>, call: Call): Promise<Answer<C>> {
    const read = () => withWorkEnd(call, (end) => this.call(name, { ...argument, end }))
    const looksAtRows = name === 'facet' || name === 'orderedPage' || argument.filter !== undefined
    if (!looksAtRows) return this.#queued(read)
    const inTurn = () => this.#scans.run(call, read)
    if (!this.#scans.full || argument.filter === undefined) return this.#queued(inTurn)
    const filters = [{ filter: argument.filter, at: argument.at }]
    // A read that would wait for its turn, while the payload indexes show that its filter matches no row, looks at none.
    return this.#queued(async () => {
      const [none] = await this.call('matchNone', { filters })
      return none === true ? await read() : await inTurn()
    })
  }

  async #queued<T>(read: () => Promise<T>): Promise<T> {
    checkQueue('QUEUE_READS_MAX', this.#asked + 1)
    this.#asked++
    try {
      return await read()
    } finally {
      this.#asked--
    }
  }

  /** The V8 heap of the thread, which answers between two steps of its work. Throws if it has ended. */
  heap(): Promise<HeapInfo> {
    return this.#worker.getHeapStatistics()
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

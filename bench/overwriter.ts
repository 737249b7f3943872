/** Rows of a collection written again, id after id, at a given pace or as fast as they are taken. */
import { sleep } from '../runtime/lifecycle.ts'
import { COLLECTION } from './collection.ts'
import { type DataSet, rowOf } from './data/data-set.ts'
import type { Version } from './version.ts'

const BATCH = 100

export class Overwriter {
  readonly #version: Version
  readonly #set: DataSet
  /** Rows written so far. */
  written = 0

  constructor(version: Version, set: DataSet) {
    this.#version = version
    this.#set = set
  }

  /** As fast as they are taken. */
  async write(rows: number): Promise<void> {
    const through = this.written + rows
    while (this.written < through) await this.#batch(Math.min(BATCH, through - this.written))
  }

  /** @param perSecond rows; a batch that is late is sent at once, and the pace stays */
  async writeAt(perSecond: number, signal: AbortSignal): Promise<void> {
    const size = Math.min(BATCH, Math.ceil(perSecond / 10))
    const started = performance.now()
    for (let n = 0; !signal.aborted; n++) {
      const wait = started + (1000 * n * size) / perSecond - performance.now()
      if (wait > 0) await sleep(wait)
      if (!signal.aborted) await this.#batch(size)
    }
  }

  async #batch(size: number): Promise<void> {
    const points = Array.from({ length: size }, (_, i) => {
      const id = (this.written + i) % this.#set.rows
      return { id, vector: rowOf(this.#set, id) }
    })
    await this.#version.client.collection(COLLECTION).upsert(points, { wait: false })
    this.written += size
  }
}

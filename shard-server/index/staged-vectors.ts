/**
 * Vectors on their way to the kernel: a call of it for each row of the log would cost more than the copy here does. The rows
 * stand in the columns already; whoever searches, cleans or copies blocks flushes first (`RowStore.flush`).
 */
import type { Kernel } from './kernel.ts'

/** Two panels of the native rows. */
const ROWS_MAX = 32

export class StagedVectors {
  readonly #kernel: Kernel
  /** One after the other. */
  readonly #vectors: Float32Array
  #floats = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#vectors = new Float32Array(ROWS_MAX * kernel.dimension)
  }

  push(vector: Float32Array): void {
    if (this.#floats === this.#vectors.length) this.flush()
    this.#vectors.set(vector, this.#floats)
    this.#floats += vector.length
  }

  flush(): void {
    if (this.#floats > 0) this.#kernel.append(this.#vectors.subarray(0, this.#floats))
    this.#floats = 0
  }
}

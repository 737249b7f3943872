/** The versions at which rows were born, and which rows were born after a version. */
import { Column } from './column.ts'

/** Rows that one greatest version is kept of. Rows that cleaning moved are old among young, so the versions are in no order. */
const BLOCK_ROWS = 1024
const WORD = 2 ** 32

export class BornColumn {
  /** Versions are integers that a float64 holds. Rows that follow each other have the same high word, so that it takes nothing. */
  readonly #high = new Column<Uint32Array>((length) => new Uint32Array(length))
  readonly #low = new Column<Uint32Array>((length) => new Uint32Array(length))
  /** The highest version of each block of rows, the first one that of `#block`. */
  readonly #highest: number[] = []
  #block = 0

  get bytes(): number {
    return this.#high.bytes + this.#low.bytes
  }

  get(row: number): number {
    return this.#high.get(row) * WORD + this.#low.get(row)
  }

  push(version: number): void {
    const block = Math.floor(this.#low.end / BLOCK_ROWS) - this.#block
    this.#highest[block] = Math.max(this.#highest[block] ?? 0, version)
    this.#high.push(Math.floor(version / WORD))
    this.#low.push(version % WORD)
  }

  pushAll(versions: Float64Array): void {
    for (const version of versions) this.push(version)
  }

  /** A copy of the versions of rows `from` to `to` - 1. */
  slice(from: number, to: number): Float64Array {
    const high = this.#high.slice(from, to)
    return Float64Array.from(this.#low.slice(from, to), (low, n) => (high[n] as number) * WORD + low)
  }

  /** Drops the rows below `first`. */
  dropBefore(first: number): void {
    this.#high.dropBefore(first)
    this.#low.dropBefore(first)
    const blocks = Math.floor(first / BLOCK_ROWS) - this.#block
    this.#highest.splice(0, blocks)
    this.#block += blocks
  }

  /** The rows that were born after the version. */
  *after(version: number): Generator<number> {
    for (const [n, highest] of this.#highest.entries()) {
      if (highest <= version) continue
      const from = (this.#block + n) * BLOCK_ROWS
      const to = Math.min(from + BLOCK_ROWS, this.#low.end)
      for (let row = Math.max(from, this.#low.first); row < to; row++) if (this.get(row) > version) yield row
    }
  }
}

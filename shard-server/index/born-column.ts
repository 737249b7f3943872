/** The versions at which rows were born, and which rows were born after a version. */
import { Column } from './column.ts'

/** Rows that one greatest version is kept of. Rows that cleaning moved are old among young, so the versions are in no order. */
const BLOCK_ROWS = 1024

export class BornColumn {
  readonly #born = new Column<Float64Array>((length) => new Float64Array(length))
  /** The highest version of each block of rows, the first one that of `#block`. */
  readonly #highest: number[] = []
  #block = 0

  get bytes(): number {
    return this.#born.bytes
  }

  get(row: number): number {
    return this.#born.get(row)
  }

  push(version: number): void {
    const block = Math.floor(this.#born.end / BLOCK_ROWS) - this.#block
    this.#highest[block] = Math.max(this.#highest[block] ?? 0, version)
    this.#born.push(version)
  }

  pushAll(versions: Float64Array): void {
    for (const version of versions) this.push(version)
  }

  /** A copy of the versions of rows `from` to `to` - 1. */
  slice(from: number, to: number): Float64Array {
    return this.#born.slice(from, to)
  }

  /** Drops the rows below `first`. */
  dropBefore(first: number): void {
    this.#born.dropBefore(first)
    const blocks = Math.floor(first / BLOCK_ROWS) - this.#block
    this.#highest.splice(0, blocks)
    this.#block += blocks
  }

  /** The rows that were born after the version. */
  *after(version: number): Generator<number> {
    for (const [n, highest] of this.#highest.entries()) {
      if (highest <= version) continue
      const from = (this.#block + n) * BLOCK_ROWS
      const to = Math.min(from + BLOCK_ROWS, this.#born.end)
      for (let row = Math.max(from, this.#born.first); row < to; row++) if (this.#born.get(row) > version) yield row
    }
  }
}

/**
 * One value a row, in typed arrays of a fixed length: nothing is copied when rows are appended, and the arrays of the oldest
 * rows are given back when these are dropped.
 */
type Values = Float64Array | Uint32Array | Uint8Array

const CHUNK_BITS = 12
const CHUNK_ROWS = 2 ** CHUNK_BITS

export class Column<V extends Values> {
  readonly #make: (length: number) => V
  readonly #chunks: V[] = []
  /** Of the first value of the first array. */
  #base: number
  #first: number
  #end: number

  /**
   * @param make an array of a length
   * @param first the number of the first row
   */
  constructor(make: (length: number) => V, first = 0) {
    this.#make = make
    this.#base = first
    this.#first = first
    this.#end = first
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /** The number of the oldest row. */
  get first(): number {
    return this.#first
  }

  /** The number of the next row. */
  get end(): number {
    return this.#end
  }

  /** Throws if the row does not exist: a wrong row number must not become a value. */
  get(row: number): number {
    if (!(row >= this.#first && row < this.#end)) throw this.#noRow(row)
    const at = row - this.#base
    return (this.#chunks[at >>> CHUNK_BITS] as V)[at & (CHUNK_ROWS - 1)] as number
  }

  push(value: number): void {
    this.#last()[(this.#end - this.#base) & (CHUNK_ROWS - 1)] = value
    this.#end++
  }

  pushAll(values: V): void {
    for (let at = 0; at < values.length; ) {
      const inChunk = (this.#end - this.#base) & (CHUNK_ROWS - 1)
      const count = Math.min(CHUNK_ROWS - inChunk, values.length - at)
      this.#last().set(values.subarray(at, at + count), inChunk)
      this.#end += count
      at += count
    }
  }

  /** The array that the next value goes into. */
  #last(): V {
    const chunk = (this.#end - this.#base) >>> CHUNK_BITS
    if (chunk === this.#chunks.length) this.#chunks.push(this.#make(CHUNK_ROWS))
    return this.#chunks[chunk] as V
  }

  /** A copy of the values of rows `from` to `to` - 1. Throws if there are not so many. */
  slice(from: number, to: number): V {
    if (!(from >= this.#first && to <= this.#end)) throw this.#noRow(from)
    const values = this.#make(to - from)
    for (let row = from; row < to; ) {
      const at = row - this.#base
      const inChunk = at & (CHUNK_ROWS - 1)
      const count = Math.min(CHUNK_ROWS - inChunk, to - row)
      values.set((this.#chunks[at >>> CHUNK_BITS] as V).subarray(inChunk, inChunk + count), row - from)
      row += count
    }
    return values
  }

  /** Drops the rows below `first`. */
  dropBefore(first: number): void {
    if (!(first >= this.#first && first <= this.#end)) throw this.#noRow(first)
    this.#first = first
    const chunks = (first - this.#base) >>> CHUNK_BITS
    this.#chunks.splice(0, chunks)
    this.#base += chunks * CHUNK_ROWS
  }

  #noRow(row: number): RangeError {
    return new RangeError(`no row ${row} of ${this.#first} to ${this.#end}`)
  }
}

/**
 * One value a row, in typed arrays of a fixed length: nothing is copied when rows are appended, and the arrays of the oldest
 * rows are given back when these are dropped. Rows that all have the same value, as most have no version of their user's and
 * no payload, need no array: the value alone stands in its place.
 */
type Values = Float64Array | Uint32Array | Uint8Array

const CHUNK_BITS = 12
const CHUNK_ROWS = 2 ** CHUNK_BITS

export class Column<V extends Values> {
  readonly #make: (length: number) => V
  readonly #chunks: (V | number)[] = []
  #bytes = 0
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
    return this.#bytes
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
    const chunk = this.#chunks[at >>> CHUNK_BITS] as V | number
    return typeof chunk === 'number' ? chunk : (chunk[at & (CHUNK_ROWS - 1)] as number)
  }

  push(value: number): void {
    const inChunk = (this.#end - this.#base) & (CHUNK_ROWS - 1)
    const chunk = this.#last(value)
    if (chunk !== value) this.#array(chunk, inChunk)[inChunk] = value
    this.#end++
  }

  pushAll(values: V): void {
    for (let at = 0; at < values.length; ) {
      const inChunk = (this.#end - this.#base) & (CHUNK_ROWS - 1)
      const count = Math.min(CHUNK_ROWS - inChunk, values.length - at)
      const part = values.subarray(at, at + count)
      const chunk = this.#last(part[0] as number)
      if (typeof chunk !== 'number' || part.some((value: number) => value !== chunk))
        this.#array(chunk, inChunk).set(part, inChunk)
      this.#end += count
      at += count
    }
  }

  /** Where the next value goes, which is the first of an array or of none if there is nothing yet. */
  #last(value: number): V | number {
    const chunk = (this.#end - this.#base) >>> CHUNK_BITS
    if (chunk === this.#chunks.length) this.#chunks.push(value)
    return this.#chunks[chunk] as V | number
  }

  /** The array of the last chunk, which has had one value so often. */
  #array(chunk: V | number, times: number): V {
    if (typeof chunk !== 'number') return chunk
    const made = this.#make(CHUNK_ROWS)
    made.fill(chunk, 0, times)
    this.#bytes += made.byteLength
    this.#chunks[this.#chunks.length - 1] = made
    return made
  }

  /** A copy of the values of rows `from` to `to` - 1. Throws if there are not so many. */
  slice(from: number, to: number): V {
    if (!(from >= this.#first && to <= this.#end)) throw this.#noRow(from)
    const values = this.#make(to - from)
    for (let row = from; row < to; ) {
      const at = row - this.#base
      const inChunk = at & (CHUNK_ROWS - 1)
      const count = Math.min(CHUNK_ROWS - inChunk, to - row)
      const chunk = this.#chunks[at >>> CHUNK_BITS] as V | number
      if (typeof chunk === 'number') values.fill(chunk, row - from, row - from + count)
      else values.set(chunk.subarray(inChunk, inChunk + count), row - from)
      row += count
    }
    return values
  }

  /** Drops the rows below `first`. */
  dropBefore(first: number): void {
    if (!(first >= this.#first && first <= this.#end)) throw this.#noRow(first)
    this.#first = first
    const chunks = (first - this.#base) >>> CHUNK_BITS
    for (const chunk of this.#chunks.splice(0, chunks)) if (typeof chunk !== 'number') this.#bytes -= chunk.byteLength
    this.#base += chunks * CHUNK_ROWS
  }

  #noRow(row: number): RangeError {
    return new RangeError(`no row ${row} of ${this.#first} to ${this.#end}`)
  }
}

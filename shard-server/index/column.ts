/** One value a row, in a typed array that grows by a quarter when it is full. */
type Values = Float64Array | Uint32Array | Uint8Array

const LENGTH_MIN = 64
const GROWTH = 1.25

export class Column<V extends Values> {
  readonly #make: (length: number) => V
  #values: V
  #length = 0

  /** @param make an array of a length, all zero */
  constructor(make: (length: number) => V) {
    this.#make = make
    this.#values = make(LENGTH_MIN)
  }

  get bytes(): number {
    return this.#values.byteLength
  }

  get length(): number {
    return this.#length
  }

  /** Throws if the row does not exist: a wrong row number must not become a value. */
  get(row: number): number {
    if (!(row >= 0 && row < this.#length)) throw new RangeError(`no row ${row} of ${this.#length}`)
    return this.#values[row] as number
  }

  set(row: number, value: number): void {
    if (!(row >= 0 && row < this.#length)) throw new RangeError(`no row ${row} of ${this.#length}`)
    this.#values[row] = value
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = this.#make(Math.ceil(GROWTH * this.#length))
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.#length++] = value
  }
}

/** A set of row numbers as a bitmap: a bit for each row, so that a million rows take 122 KiB and are copied in microseconds. */
const BITS = 32
const WORDS_MIN = 32

export class RowMask {
  #words = new Uint32Array(WORDS_MIN)
  #count = 0

  /** The rows 0 to `rows` - 1. */
  static below(rows: number): RowMask {
    const mask = new RowMask()
    for (let row = 0; row < rows; row++) mask.add(row)
    return mask
  }

  /** How many rows are in the set. */
  get count(): number {
    return this.#count
  }

  /** The bitmap itself: row 0 is the lowest bit of the first word. It may be shorter or longer than the rows there are. */
  get words(): Uint32Array {
    return this.#words
  }

  has(row: number): boolean {
    return (((this.#words[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1
  }

  add(row: number): void {
    if (this.has(row)) return
    const word = row >>> 5
    if (word >= this.#words.length) this.#grow(word + 1)
    this.#words[word] = (this.#words[word] as number) | (1 << (row & 31))
    this.#count++
  }

  remove(row: number): void {
    if (!this.has(row)) return
    const word = row >>> 5
    this.#words[word] = (this.#words[word] as number) & ~(1 << (row & 31))
    this.#count--
  }

  /** A set of its own with the same rows. */
  copy(): RowMask {
    const copy = new RowMask()
    copy.#words = this.#words.slice()
    copy.#count = this.#count
    return copy
  }

  /** The same set if it has none of the rows, else a copy without them. */
  without(rows: readonly number[]): RowMask {
    const there = rows.filter((row) => this.has(row))
    if (there.length === 0) return this
    const copy = this.copy()
    for (const row of there) copy.remove(row)
    return copy
  }

  /** The lowest row of the set that is not below `from`; -1 if there is none. */
  next(from: number): number {
    let word = from >>> 5
    // Bits below `from` do not count in the first word.
    let bits = (this.#words[word] ?? 0) & (-1 << (from & 31))
    while (bits === 0) {
      word++
      if (word >= this.#words.length) return -1
      bits = this.#words[word] as number
    }
    return word * BITS + 31 - Math.clz32(bits & -bits)
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, 2 * this.#words.length))
    grown.set(this.#words)
    this.#words = grown
  }
}

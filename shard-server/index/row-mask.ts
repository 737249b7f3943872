/**
 * A set of row numbers as a bitmap: a bit for each row of a window, so that a million rows take 122 KiB and are copied in
 * microseconds.
 */
import { assertInvariant } from '../../core/invariant.ts'

const BITS = 32
const WORDS_MIN = 32

export class RowMask {
  #words: Uint32Array<ArrayBuffer>
  #first: number
  /** Negative if it must be counted again. */
  #count = 0

  /**
   * @param first the number of the first row, a multiple of 32
   * @param words its bitmap, without a row
   */
  constructor(first = 0, words = new Uint32Array(WORDS_MIN)) {
    this.#first = first
    this.#words = words
  }

  /** The rows 0 to `rows` - 1. */
  static below(rows: number): RowMask {
    const mask = new RowMask()
    for (let row = 0; row < rows; row++) mask.add(row)
    return mask
  }

  /** The rows that a bitmap has, the first bit that of row 0. */
  static of(words: Uint32Array<ArrayBuffer>): RowMask {
    const mask = new RowMask(0, words)
    for (const word of words) mask.#count += bitsOf(word)
    return mask
  }

  /** How many rows are in the set. */
  get count(): number {
    if (this.#count < 0) {
      this.#count = 0
      for (const word of this.#words) this.#count += bitsOf(word)
    }
    return this.#count
  }

  /** The number of the first row of its window. */
  get first(): number {
    return this.#first
  }

  /** The bitmap itself: row `first` is the lowest bit of the first word. It may be shorter or longer than the rows there are. */
  get words(): Uint32Array {
    return this.#words
  }

  has(row: number): boolean {
    const at = row - this.#first
    return at >= 0 && (((this.#words[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1
  }

  /** Throws if the row is below the window. */
  add(row: number): void {
    const at = row - this.#first
    if (at < 0) throw new RangeError(`row ${row} is below ${this.#first}`)
    if (this.has(row)) return
    const word = at >>> 5
    if (word >= this.#words.length) this.#grow(word + 1)
    this.#words[word] = (this.#words[word] as number) | (1 << (at & 31))
    if (this.#count >= 0) this.#count++
  }

  remove(row: number): void {
    if (!this.has(row)) return
    const at = row - this.#first
    const word = at >>> 5
    this.#words[word] = (this.#words[word] as number) & ~(1 << (at & 31))
    if (this.#count >= 0) this.#count--
  }

  /** A set of its own with the same rows. */
  copy(): RowMask {
    const copy = new RowMask(this.#first, this.#words.slice())
    copy.#count = this.#count
    return copy
  }

  /** A set of its own without rows, of the same window and length. */
  none(): RowMask {
    return new RowMask(this.#first, new Uint32Array(this.#words.length))
  }

  /** Keeps the rows that the other set has, too. Both begin at the same row. */
  keep(other: RowMask): void {
    const its = this.#wordsOf(other)
    const mine = this.#words
    for (let i = 0; i < mine.length; i++) mine[i] = (mine[i] as number) & (its[i] ?? 0)
  }

  /** Adds the rows of the other set. Both begin at the same row. */
  join(other: RowMask): void {
    const its = this.#wordsOf(other)
    if (its.length > this.#words.length) this.#grow(its.length)
    const mine = this.#words
    for (let i = 0; i < its.length; i++) mine[i] = (mine[i] as number) | (its[i] as number)
  }

  /** Removes the rows of the other set. Both begin at the same row. */
  subtract(other: RowMask): void {
    const its = this.#wordsOf(other)
    const mine = this.#words
    for (let i = 0; i < mine.length; i++) mine[i] = (mine[i] as number) & ~(its[i] ?? 0)
  }

  /** Of a set that changes this one. */
  #wordsOf(other: RowMask): Uint32Array {
    other.assertFirst(this.#first)
    this.#count = -1
    return other.#words
  }

  /** Removes the rows below `row`. */
  removeBefore(row: number): void {
    const at = Math.min(row - this.#first, this.#words.length * BITS)
    if (at <= 0) return
    this.#words.fill(0, 0, at >>> 5)
    if (at % BITS > 0) this.#words[at >>> 5] = (this.#words[at >>> 5] as number) & (-1 << (at & 31))
    this.#count = -1
  }

  /** Removes the rows from `row` on. */
  removeFrom(row: number): void {
    const at = Math.max(0, row - this.#first)
    if (at >= this.#words.length * BITS) return
    if (at % BITS > 0) this.#words[at >>> 5] = (this.#words[at >>> 5] as number) & ~(-1 << (at & 31))
    this.#words.fill(0, Math.ceil(at / BITS))
    this.#count = -1
  }

  /**
   * Adds the rows `base` + each of the places from the `from`-th to that before the `to`-th. Those outside of the window, or
   * beyond its length, are left out.
   */
  addPlaces(base: number, places: Uint16Array, from = 0, to = places.length): void {
    const words = this.#words
    const shift = base - this.#first
    const end = words.length * BITS
    for (let i = from; i < to; i++) {
      const at = shift + (places[i] as number)
      if (at >= 0 && at < end) words[at >>> 5] = (words[at >>> 5] as number) | (1 << (at & 31))
    }
    this.#count = -1
  }

  /** Adds a row, if it is in the window and within its length. */
  addWithin(row: number): void {
    const at = row - this.#first
    if (at < 0 || at >= this.#words.length * BITS) return
    this.#words[at >>> 5] = (this.#words[at >>> 5] as number) | (1 << (at & 31))
    this.#count = -1
  }

  /** Adds the rows whose bits are set, the first bit that of row `base`, a multiple of 32; the others as `addPlaces`. */
  addWords(base: number, bits: Uint32Array): void {
    const shift = (base - this.#first) / BITS
    const end = Math.min(bits.length, this.#words.length - shift)
    for (let i = Math.max(0, -shift); i < end; i++)
      this.#words[shift + i] = (this.#words[shift + i] as number) | (bits[i] as number)
    this.#count = -1
  }

  /** How many of the rows `base` + each of the first `count` places it has. */
  countPlaces(base: number, places: Uint16Array, count: number): number {
    let found = 0
    for (let i = 0; i < count; i++) if (this.has(base + (places[i] as number))) found++
    return found
  }

  /** How many of the rows it has whose bits are set, the first bit that of row `base`, a multiple of 32. */
  countWords(base: number, bits: Uint32Array): number {
    const shift = (base - this.#first) / BITS
    const end = Math.min(bits.length, this.#words.length - shift)
    let found = 0
    for (let i = Math.max(0, -shift); i < end; i++)
      found += bitsOf((this.#words[shift + i] as number) & (bits[i] as number))
    return found
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
    const at = Math.max(0, from - this.#first)
    let word = at >>> 5
    // Bits below `from` do not count in the first word.
    let bits = (this.#words[word] ?? 0) & (-1 << (at & 31))
    while (bits === 0) {
      word++
      if (word >= this.#words.length) return -1
      bits = this.#words[word] as number
    }
    return this.#first + word * BITS + 31 - Math.clz32(bits & -bits)
  }

  /** The window begins at `first`, a multiple of 32, from now on. No row of the set may be below it. */
  dropBefore(first: number): void {
    if (first === this.#first) return
    const words = (first - this.#first) / BITS
    const below = this.next(0)
    assertInvariant(below < 0 || below >= first, () => `row ${below} is in use, and rows below ${first} are dropped`)
    const kept = this.#words.subarray(Math.min(words, this.#words.length))
    const grown = new Uint32Array(Math.max(WORDS_MIN, kept.length))
    grown.set(kept)
    this.#words = grown
    this.#first = first
  }

  /** Asserts that the window begins at `first`: whoever counts the bits takes the first for that row's. */
  assertFirst(first: number): void {
    assertInvariant(this.#first === first, () => `the row mask begins at ${this.#first}, and the rows at ${first}`)
  }

  /** A copy of the bits of rows `from` to `to` - 1. `from` is a multiple of 32 in the window. */
  slice(from: number, to: number): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil((to - from) / BITS))
    const at = (from - this.#first) / BITS
    words.set(this.#words.subarray(at, at + words.length))
    const inLast = (to - from) % BITS
    if (inLast > 0) words[words.length - 1] = (words.at(-1) as number) & ((1 << inLast) - 1)
    return words
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, 2 * this.#words.length))
    grown.set(this.#words)
    this.#words = grown
  }
}

/** Counts bits in parallel (Warren, Hacker's Delight, 2nd edition, figure 5-2). */
export function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

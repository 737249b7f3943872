/**
 * A set of places in a block of rows: a sorted list of 16-bit numbers while it is small, a bitmap when that takes less, as the
 * containers of roaring bitmaps are (Lemire et al., Roaring Bitmaps: Implementation of an Optimized Software Library, 2018).
 */
import type { RowMask } from './row-mask.ts'

/** Rows of a block: as many as 16 bits can name. */
export const BLOCK_ROWS = 65_536
/** A list of so many places takes the bits of this many rows. */
const PLACE_BITS = 16
const FIRST_LENGTH = 4

export class PlaceSet {
  readonly #blockRows: number
  #list = new Uint16Array(FIRST_LENGTH)
  #bits: Uint32Array | undefined
  #count = 0
  /** The greatest of the set; -1 if it is empty. */
  #last = -1

  /** @param blockRows rows of the block, a multiple of 32 */
  constructor(blockRows = BLOCK_ROWS) {
    this.#blockRows = blockRows
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bits?.byteLength ?? this.#list.byteLength
  }

  /** Adds a place that is not below one of the set, and does nothing if it is there. */
  add(place: number): void {
    if (place === this.#last) return
    this.#last = place
    if (!this.#bits && this.#count === this.#blockRows / PLACE_BITS) {
      this.#bits = bitsOf(this.#list.subarray(0, this.#count), this.#blockRows)
      this.#list = new Uint16Array(0)
    }
    if (this.#bits) this.#bits[place >>> 5] = (this.#bits[place >>> 5] as number) | (1 << (place & 31))
    else {
      if (this.#count === this.#list.length) this.#resize(2 * this.#count)
      this.#list[this.#count] = place
    }
    this.#count++
  }

  /** Gives back what a list has for more. */
  trim(): void {
    if (!this.#bits && this.#list.length > this.#count) this.#resize(this.#count)
  }

  /** Adds the rows `base` + each place to a mask. */
  addTo(mask: RowMask, base: number): void {
    if (this.#bits) mask.addWords(base, this.#bits)
    else mask.addPlaces(base, this.#list, 0, this.#count)
  }

  /** How many of the rows `base` + each place a mask has. */
  countIn(mask: RowMask, base: number): number {
    return this.#bits ? mask.countWords(base, this.#bits) : mask.countPlaces(base, this.#list, this.#count)
  }

  #resize(length: number): void {
    const list = new Uint16Array(length)
    list.set(this.#list.subarray(0, this.#count))
    this.#list = list
  }
}

function bitsOf(places: Uint16Array, blockRows: number): Uint32Array {
  const bits = new Uint32Array(blockRows / 32)
  for (const place of places) bits[place >>> 5] = (bits[place >>> 5] as number) | (1 << (place & 31))
  return bits
}

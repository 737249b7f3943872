/**
 * The ids of rows. An integer takes two 32-bit columns, which is less than a sixth of its key as a string and is
 * compared without making one; UUIDs and other texts are kept as strings.
 */
import { randomInt } from 'node:crypto'
import { compareKeys, type IdKey } from '../../core/ids.ts'
import { Column } from './column.ts'
import { RowMask } from './row-mask.ts'

const uint32 = (length: number) => new Uint32Array(length)
const WORD = 2 ** 32
/** Of an integer's key: the letter, and as many digits as a float64 surely holds. */
const SAFE_LENGTH = 16
/** Of this process: a client cannot choose ids that all meet in one place of a table. */
const SEED = randomInt(WORD)
/** High words below it belong to integers that a float64 holds. */
const SAFE_HIGH = 2 ** 21

/** Of a string beside its text, and of the pointer to it. */
export const STRING_BYTES = 24

/** A key as the columns hold it: the two words of an integer, or a text. */
export interface KeyParts {
  high: number
  low: number
  text: IdKey | undefined
}

export class KeyColumn {
  readonly #high: Column<Uint32Array>
  /** Of a text its number among all texts that there have been, modulo 2^32. */
  readonly #low: Column<Uint32Array>
  readonly #isText: RowMask
  readonly #texts: IdKey[] = []
  /** The number of the first text that is there. */
  #firstText = 0
  #textBytes = 0

  /** @param first the number of the first row, a multiple of 32 */
  constructor(first = 0) {
    this.#high = new Column(uint32, first)
    this.#low = new Column(uint32, first)
    this.#isText = new RowMask(first)
  }

  get first(): number {
    return this.#low.first
  }

  /** The number of the next row. */
  get end(): number {
    return this.#low.end
  }

  /** Of texts an estimate: a byte a unit, and what a string takes beside. */
  get bytes(): number {
    return this.#high.bytes + this.#low.bytes + this.#isText.words.byteLength + this.#textBytes
  }

  push(key: IdKey): void {
    this.pushParts(partsOf(key))
  }

  pushParts({ high, low, text }: KeyParts): void {
    if (text === undefined) {
      this.#high.push(high)
      this.#low.push(low)
      return
    }
    this.#isText.add(this.end)
    this.#textBytes += STRING_BYTES + text.length
    this.#high.push(0)
    this.#low.push((this.#firstText + this.#texts.push(text) - 1) % WORD)
  }

  /** Drops the rows below `first`, a multiple of 32. */
  dropBefore(first: number): void {
    const kept = this.#isText.next(first)
    const texts = kept < 0 ? this.#texts.length : (this.#low.get(kept) - this.#firstText + WORD) % WORD
    for (const text of this.#texts.splice(0, texts)) this.#textBytes -= STRING_BYTES + text.length
    this.#firstText = (this.#firstText + texts) % WORD
    for (let row = this.#isText.next(this.first); row >= 0 && row < first; row = this.#isText.next(row))
      this.#isText.remove(row)
    this.#isText.dropBefore(first)
    this.#high.dropBefore(first)
    this.#low.dropBefore(first)
  }

  /** Throws if the row does not exist. */
  get(row: number): IdKey {
    const { high, low, text } = this.parts(row)
    if (text !== undefined) return text
    if (high < SAFE_HIGH) return `i${high * WORD + low}` as IdKey
    return `i${(BigInt(high) << 32n) | BigInt(low)}` as IdKey
  }

  /** Throws if the row does not exist. */
  parts(row: number): KeyParts {
    const [high, low] = [this.#high.get(row), this.#low.get(row)]
    return { high, low, text: this.#isText.has(row) ? this.#text(low) : undefined }
  }

  #text(number: number): IdKey {
    return this.#texts[(number - this.#firstText + WORD) % WORD] as IdKey
  }

  /** Has the row this key? */
  is(row: number, { high, low, text }: KeyParts): boolean {
    if (this.#isText.has(row)) return text !== undefined && this.#text(this.#low.get(row)) === text
    return text === undefined && this.#low.get(row) === low && this.#high.get(row) === high
  }

  /** Have two rows the same key? */
  same(a: number, b: number): boolean {
    if (this.#isText.has(a) || this.#isText.has(b)) return this.is(a, this.parts(b))
    return this.#low.get(a) === this.#low.get(b) && this.#high.get(a) === this.#high.get(b)
  }

  /** The order of `compareKeys`, of two rows. */
  compare(a: number, b: number): number {
    if (this.#isText.has(a) || this.#isText.has(b)) return compareKeys(this.get(a), this.get(b))
    return this.#high.get(a) - this.#high.get(b) || this.#low.get(a) - this.#low.get(b)
  }

  /** What `hashOf` gives for the key of the row. */
  hash(row: number): number {
    const low = this.#low.get(row)
    return this.#isText.has(row) ? hashOfText(this.#text(low)) : hashOfWords(this.#high.get(row), low)
  }
}

export function partsOf(key: IdKey): KeyParts {
  if (!key.startsWith('i')) return { high: 0, low: 0, text: key }
  if (key.length <= SAFE_LENGTH) {
    const value = Number(key.slice(1))
    return { high: Math.floor(value / WORD), low: value >>> 0, text: undefined }
  }
  const value = BigInt(key.slice(1))
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn), text: undefined }
}

/** 32 bits. */
export function hashOf({ high, low, text }: KeyParts): number {
  return text === undefined ? hashOfWords(high, low) : hashOfText(text)
}

/** The finaliser of MurmurHash3 (public domain, Austin Appleby): ids that count up are spread over all places. */
function hashOfWords(high: number, low: number): number {
  let hash = low ^ SEED ^ Math.imul(high, 0x9e37_79b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** FNV-1a over the units of the text. */
function hashOfText(text: string): number {
  let hash = 0x811c_9dc5 ^ SEED
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  return hash >>> 0
}

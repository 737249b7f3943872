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
interface Parts {
  high: number
  low: number
  text: IdKey | undefined
}

export class KeyColumn {
  readonly #high = new Column(uint32)
  /** Of a text its place in `#texts`. */
  readonly #low = new Column(uint32)
  readonly #isText = new RowMask()
  readonly #texts: IdKey[] = []
  #textBytes = 0

  get length(): number {
    return this.#low.length
  }

  /** Of texts an estimate: a byte a unit, and what a string takes beside. */
  get bytes(): number {
    return this.#high.bytes + this.#low.bytes + this.#isText.words.byteLength + this.#textBytes
  }

  push(key: IdKey): void {
    const { high, low, text } = partsOf(key)
    if (text !== undefined) {
      this.#isText.add(this.length)
      this.#textBytes += STRING_BYTES + text.length
      this.#high.push(0)
      this.#low.push(this.#texts.push(text) - 1)
      return
    }
    this.#high.push(high)
    this.#low.push(low)
  }

  /** Throws if the row does not exist. */
  get(row: number): IdKey {
    const [high, low] = [this.#high.get(row), this.#low.get(row)]
    if (this.#isText.has(row)) return this.#texts[low] as IdKey
    if (high < SAFE_HIGH) return `i${high * WORD + low}` as IdKey
    return `i${(BigInt(high) << 32n) | BigInt(low)}` as IdKey
  }

  /** Has the row this key? */
  is(row: number, { high, low, text }: Parts): boolean {
    if (this.#isText.has(row)) return text !== undefined && this.#texts[this.#low.get(row)] === text
    return text === undefined && this.#low.get(row) === low && this.#high.get(row) === high
  }

  /** The order of `compareKeys`, of two rows. */
  compare(a: number, b: number): number {
    if (this.#isText.has(a) || this.#isText.has(b)) return compareKeys(this.get(a), this.get(b))
    return this.#high.get(a) - this.#high.get(b) || this.#low.get(a) - this.#low.get(b)
  }

  /** What `hashOf` gives for the key of the row. */
  hash(row: number): number {
    const low = this.#low.get(row)
    return this.#isText.has(row) ? hashOfText(this.#texts[low] as IdKey) : hashOfWords(this.#high.get(row), low)
  }
}

export function partsOf(key: IdKey): Parts {
  if (!key.startsWith('i')) return { high: 0, low: 0, text: key }
  if (key.length <= SAFE_LENGTH) {
    const value = Number(key.slice(1))
    return { high: Math.floor(value / WORD), low: value >>> 0, text: undefined }
  }
  const value = BigInt(key.slice(1))
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn), text: undefined }
}

/** 32 bits. */
export function hashOf({ high, low, text }: Parts): number {
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

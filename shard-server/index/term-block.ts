/** Indexes of values that are equal or not: the places of the rows of each value, and of each word of texts. */
import { type FacetValue, facetValueOf } from '../../core/filter/facet-value.ts'
import type { FieldTest } from '../../core/filter/filter.ts'
import { type TextOptions, wordsOf } from '../../core/filter/text-words.ts'
import { type Found, foundByAny, type IndexBlock, NOTHING } from './index-block.ts'
import { PlaceSet } from './place-set.ts'
import type { RowMask } from './row-mask.ts'

/** A place of a map, and the head of a text. An estimate. */
const TERM_BYTES = 64
const SET_BYTES = 80

class Terms {
  /** Most values of ids are of one row: then it is the place itself. */
  readonly #sets = new Map<string, PlaceSet | number>()
  readonly #blockRows: number
  #textBytes = 0
  #setBytes = 0

  constructor(blockRows: number) {
    this.#blockRows = blockRows
  }

  get bytes(): number {
    return this.#textBytes + this.#setBytes
  }

  add(term: string, place: number): void {
    const known = this.#sets.get(term)
    if (known === undefined) {
      this.#sets.set(term, place)
      this.#textBytes += TERM_BYTES + term.length
    } else if (typeof known !== 'number') this.#measure(known, () => known.add(place))
    else if (known !== place) {
      const set = new PlaceSet(this.#blockRows)
      set.add(known)
      set.add(place)
      this.#setBytes += SET_BYTES + set.bytes
      this.#sets.set(term, set)
    }
  }

  close(): void {
    for (const set of this.#sets.values()) if (typeof set !== 'number') this.#measure(set, () => set.trim())
  }

  #measure(set: PlaceSet, change: () => void): void {
    const before = set.bytes
    change()
    this.#setBytes += set.bytes - before
  }

  get size(): number {
    return this.#sets.size
  }

  /** Of each term, how many rows of a mask have it. */
  *counts(mask: RowMask, base: number): Generator<[term: string, rows: number], void, void> {
    for (const [term, set] of this.#sets)
      if (typeof set === 'number') yield [term, mask.has(base + set) ? 1 : 0]
      else yield [term, set.countIn(mask, base)]
  }

  of(term: string, base: number): Found {
    const set = this.#sets.get(term)
    if (set === undefined) return NOTHING
    if (typeof set !== 'number') return { count: set.count, exact: true, addTo: (mask) => set.addTo(mask, base) }
    return { count: 1, exact: true, addTo: (mask) => mask.addWithin(base + set) }
  }
}

/** Of texts (`keyword`, `uuid`), or of true and false. */
export class ValueBlock implements IndexBlock {
  readonly #type: 'string' | 'boolean'
  readonly #terms: Terms

  constructor(type: 'string' | 'boolean', blockRows: number) {
    this.#type = type
    this.#terms = new Terms(blockRows)
  }

  get bytes(): number {
    return this.#terms.bytes
  }

  add(place: number, value: unknown): boolean {
    if (typeof value !== this.#type) return false
    this.#terms.add(String(value), place)
    return true
  }

  close(): void {
    this.#terms.close()
  }

  get values(): number {
    return this.#terms.size
  }

  misses(value: unknown): boolean {
    const counted = facetValueOf(value)
    return counted !== undefined && (counted !== value || typeof value !== this.#type)
  }

  *counts(mask: RowMask, base: number): Generator<[value: FacetValue, rows: number], void, void> {
    for (const [term, rows] of this.#terms.counts(mask, base))
      yield [this.#type === 'string' ? term : term === 'true', rows]
  }

  find(test: FieldTest, base: number): Found | undefined {
    if (test.is !== 'any' || test.values.some((value) => typeof value !== this.#type)) return undefined
    return foundByAny(test.values.map((value) => this.#terms.of(String(value), base)))
  }
}

/** Of longer words their beginning is looked up, and the texts are looked at. */
const PREFIX_CHARS_MAX = 32

/** Of the words of texts; with the tokenizer `prefix`, of their beginnings. */
export class TextBlock implements IndexBlock {
  readonly #options: TextOptions
  readonly #terms: Terms
  /** Has a row two texts? Then its words need not be those of one of them. */
  #several = false
  #lastPlace = -1

  constructor(options: TextOptions, blockRows: number) {
    this.#options = options
    this.#terms = new Terms(blockRows)
  }

  get bytes(): number {
    return this.#terms.bytes
  }

  add(place: number, value: unknown): boolean {
    if (typeof value !== 'string') return false
    if (place === this.#lastPlace) this.#several = true
    this.#lastPlace = place
    for (const word of wordsOf(value, this.#options))
      if (this.#options.tokenizer !== 'prefix') this.#terms.add(word, place)
      else
        for (let end = 1; end <= Math.min(word.length, PREFIX_CHARS_MAX); end++)
          this.#terms.add(word.slice(0, end), place)
    return true
  }

  close(): void {
    this.#terms.close()
  }

  find(test: FieldTest, base: number): Found | undefined {
    if (test.is !== 'text' && test.is !== 'textAny' && test.is !== 'phrase') return undefined
    const asked = wordsOf(test.text, this.#options)
    const words = [...new Set(asked)]
    if (words.length === 0) return NOTHING
    const isCut = (word: string) => this.#options.tokenizer === 'prefix' && word.length > PREFIX_CHARS_MAX
    const each = words.map((word) => this.#terms.of(isCut(word) ? word.slice(0, PREFIX_CHARS_MAX) : word, base))
    const exact = !words.some(isCut)
    if (test.is === 'textAny') return { ...foundByAny(each), exact }
    return {
      ...foundByAll(each),
      exact: exact && (asked.length === 1 || (test.is === 'text' && (words.length === 1 || !this.#several))),
    }
  }
}

/** The rows that all of them name. */
function foundByAll(parts: readonly Found[]): Omit<Found, 'exact'> {
  const [rarest, ...others] = parts.toSorted((a, b) => a.count - b.count)
  if (!rarest || others.length === 0 || rarest.count === 0) return rarest ?? NOTHING
  return {
    count: rarest.count,
    addTo: (mask: RowMask) => {
      const all = mask.none()
      rarest.addTo(all)
      for (const { addTo } of others) {
        const one = mask.none()
        addTo(one)
        all.keep(one)
      }
      mask.join(all)
    },
  }
}

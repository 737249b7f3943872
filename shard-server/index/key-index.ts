/**
 * From ids to rows: a hash table with open addressing and linear probing (Knuth, The Art of Computer Programming, vol. 3,
 * 6.4, algorithm R for deletion). It holds row numbers alone, 4 bytes a place, and finds the ids in their column.
 */
import type { IdKey } from '../../core/ids.ts'
import { hashOf, type KeyColumn, type KeyParts, partsOf } from './key-column.ts'

const PLACES_MIN = 16
/** Row numbers are kept modulo this: all rows that are there differ in it. */
const MODULUS = 2 ** 32 - 1
/** Beyond this share of places taken, the table is made twice as large. */
const FULL = 0.75

export class KeyIndex {
  readonly #keys: KeyColumn
  /** Row numbers modulo `MODULUS`, plus one; 0 is an empty place. The length is a power of two. */
  #places = new Uint32Array(PLACES_MIN)
  #size = 0

  /** @param keys the ids of the rows that are set */
  constructor(keys: KeyColumn) {
    this.#keys = keys
  }

  get bytes(): number {
    return this.#places.byteLength
  }

  get size(): number {
    return this.#size
  }

  get(key: IdKey): number | undefined {
    const found = this.#places[this.#placeOf(partsOf(key))] as number
    return found === 0 ? undefined : this.#rowOf(found)
  }

  /** Sets the row of its id, in the place of one that was set before. */
  set(key: IdKey, row: number): void {
    this.#setAt(this.#placeOf(partsOf(key)), row)
  }

  /** Sets a row if its id has none; false if it has one. */
  add(row: number): boolean {
    const keys = this.#keys
    const last = this.#places.length - 1
    let place = keys.hash(row) & last
    for (let found = this.#places[place]; found; found = this.#places[place]) {
      if (keys.same(this.#rowOf(found), row)) return false
      place = (place + 1) & last
    }
    this.#setAt(place, row)
    return true
  }

  #setAt(place: number, row: number): void {
    if (this.#places[place] === 0) this.#size++
    this.#places[place] = (row % MODULUS) + 1
    if (this.#size > FULL * this.#places.length) this.#grow()
  }

  /** The id of `row`, which is set, has another row from now on. */
  move(row: number, to: number): void {
    this.#places[this.#placeOf(this.#keys.parts(row))] = (to % MODULUS) + 1
  }

  /** Makes room for so many ids, before they come one by one. */
  reserve(size: number): void {
    while (size > FULL * this.#places.length) this.#grow()
  }

  delete(key: IdKey): void {
    let hole = this.#placeOf(partsOf(key))
    if (this.#places[hole] === 0) return
    this.#size--
    const last = this.#places.length - 1
    // Rows behind the hole that would not be found across it move into it.
    for (let place = (hole + 1) & last; this.#places[place] !== 0; place = (place + 1) & last) {
      const home = this.#keys.hash(this.#rowOf(this.#places[place] as number)) & last
      if (((place - home) & last) < ((place - hole) & last)) continue
      this.#places[hole] = this.#places[place] as number
      hole = place
    }
    this.#places[hole] = 0
  }

  #rowOf(found: number): number {
    const { first } = this.#keys
    return first + ((found - 1 - (first % MODULUS) + MODULUS) % MODULUS)
  }

  /** Of the id, or the empty place where it would be. */
  #placeOf(parts: KeyParts): number {
    const last = this.#places.length - 1
    let place = hashOf(parts) & last
    for (;;) {
      const found = this.#places[place] as number
      if (found === 0 || this.#keys.is(this.#rowOf(found), parts)) return place
      place = (place + 1) & last
    }
  }

  #grow(): void {
    const old = this.#places
    this.#places = new Uint32Array(2 * old.length)
    const last = this.#places.length - 1
    for (const found of old) {
      if (found === 0) continue
      let place = this.#keys.hash(this.#rowOf(found)) & last
      while (this.#places[place] !== 0) place = (place + 1) & last
      this.#places[place] = found
    }
  }
}

/**
 * Rows in the order of their ids, each id once: made when it is asked for, from what it was before and the rows that have come
 * since. A row stands for all rows of its id, whichever of them lives; it is the youngest, which is dropped last.
 */
import { compareKeys, type IdKey } from '../../core/ids.ts'
import type { KeyColumn } from './key-column.ts'

export class SortedIds {
  readonly #keys: KeyColumn
  /** Row numbers less `#first`. */
  #rows = new Uint32Array(0)
  /** The oldest row when they were sorted, and the row after the youngest. */
  #first = 0
  #end = 0

  constructor(keys: KeyColumn) {
    this.#keys = keys
  }

  get bytes(): number {
    return this.#rows.byteLength
  }

  /** Ids in their order, from `from` on. Rows must not be dropped meanwhile. */
  *from(from: IdKey | null): Generator<IdKey> {
    this.#sort()
    for (let i = from === null ? 0 : this.#lowerBound(from); i < this.#rows.length; i++) yield this.#key(i)
  }

  #key(i: number): IdKey {
    return this.#keys.get(this.#first + (this.#rows[i] as number))
  }

  #sort(): void {
    const { first, end } = this.#keys
    if (this.#first === first && this.#end === end) return
    const compare = (a: number, b: number) => this.#keys.compare(first + a, first + b)
    const old = this.#kept(first - this.#first)
    const from = Math.max(this.#end, first) - first
    const fresh = Uint32Array.from({ length: end - first - from }, (_, i) => from + i)
    fresh.sort((a, b) => compare(a, b) || a - b)
    this.#rows = merged(old, fresh, compare)
    this.#first = first
    this.#end = end
  }

  /** Without the rows that were dropped since, counted from the first that is there now. */
  #kept(dropped: number): Uint32Array<ArrayBuffer> {
    if (dropped === 0) return this.#rows
    return this.#rows.filter((row) => row >= dropped).map((row) => row - dropped)
  }

  #lowerBound(key: IdKey): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#key(middle), key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Of equal ones the last, and those of `fresh` come after those of `old`. */
function merged(
  old: Uint32Array,
  fresh: Uint32Array,
  compare: (a: number, b: number) => number,
): Uint32Array<ArrayBuffer> {
  const rows = new Uint32Array(old.length + fresh.length)
  let length = 0
  const take = (row: number) => {
    if (length > 0 && compare(rows[length - 1] as number, row) === 0) length--
    rows[length++] = row
  }
  let i = 0
  for (const row of fresh) {
    while (i < old.length && compare(old[i] as number, row) <= 0) take(old[i++] as number)
    take(row)
  }
  while (i < old.length) take(old[i++] as number)
  return length === rows.length ? rows : rows.slice(0, length)
}

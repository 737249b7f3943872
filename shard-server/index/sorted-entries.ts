/**
 * Numbers of the rows of a block in their order, with a second number beside each if wanted. Those that came last are apart, in
 * the order in which they came, and are merged when there are many.
 */
import type { RowMask } from './row-mask.ts'

const LATEST_SHARE = 1 / 64
/** Of a block: so long are the runs of the sorted ones that may have a bitmap of their places, so that it takes a byte for each of them. */
const RUNS = 8
const WORD_BITS = 32

interface Entries {
  keys: Float64Array
  /** As many as keys, or none. */
  others: Float64Array
  places: Uint16Array
}

const NONE: Entries = { keys: new Float64Array(0), others: new Float64Array(0), places: new Uint16Array(0) }

export class SortedEntries {
  readonly #pairs: boolean
  readonly #latestMax: number
  readonly #blockRows: number
  #sorted = NONE
  /** The places of each run of the sorted ones, of those that were asked for whole. */
  #runs: (Uint32Array | undefined)[] = []
  #keys: number[] = []
  #others: number[] = []
  #places: number[] = []

  /**
   * @param pairs is there a second number?
   * @param blockRows of which a share comes before those are merged that came last
   */
  constructor(pairs: boolean, blockRows: number) {
    this.#pairs = pairs
    this.#blockRows = blockRows
    this.#latestMax = Math.ceil(LATEST_SHARE * blockRows)
  }

  get bytes(): number {
    const { keys, others, places } = this.#sorted
    const runs = this.#runs.reduce((sum, words) => sum + (words?.byteLength ?? 0), 0)
    return keys.byteLength + others.byteLength + places.byteLength + runs + 24 * this.#keys.length
  }

  add(key: number, place: number, other = 0): void {
    this.#keys.push(key)
    this.#places.push(place)
    if (this.#pairs) this.#others.push(other)
    if (this.#keys.length === this.#latestMax) this.merge()
  }

  /** Merges those that came last. */
  merge(): void {
    const [keys, others, places] = [this.#keys, this.#others, this.#places]
    if (keys.length === 0) return
    const order = [...keys.keys()].sort((a, b) => compare(keys[a] as number, keys[b] as number))
    const before = this.#sorted
    const length = before.keys.length + keys.length
    const made: Entries = {
      keys: new Float64Array(length),
      others: new Float64Array(this.#pairs ? length : 0),
      places: new Uint16Array(length),
    }
    // From the end, so that whole runs of the sorted ones are copied at once.
    let from = before.keys.length
    let to = length
    for (let n = order.length - 1; n >= 0; n--) {
      const latest = order[n] as number
      const at = this.#upper(keys[latest] as number, from)
      to -= from - at
      copyRun(before, at, from, made, to)
      from = at
      to--
      made.keys[to] = keys[latest] as number
      made.places[to] = places[latest] as number
      if (this.#pairs) made.others[to] = others[latest] as number
    }
    copyRun(before, 0, from, made, 0)
    this.#sorted = made
    this.#runs = []
    this.#keys = []
    this.#others = []
    this.#places = []
  }

  /** The sorted ones, and the places of those that came last. */
  get whole(): { keys: Float64Array; places: Uint16Array; latest: readonly number[] } {
    const { keys, places } = this.#sorted
    return { keys, places, latest: [...this.#places] }
  }

  /** The range of the sorted ones from `low` to `high`, both included. */
  sortedBetween(low: number, high: number): { from: number; to: number } {
    const { keys } = this.#sorted
    const from = this.#lower(low, keys.length)
    return { from, to: Math.max(from, this.#upper(high, keys.length)) }
  }

  /**
   * Adds the rows `base` + the place of each of the sorted ones of a range to a mask. Neighbours in their order lie anywhere in the
   * mask, so that runs within the range are added by the words of a bitmap that is made once.
   */
  addSorted(mask: RowMask, base: number, from: number, to: number): void {
    const { places } = this.#sorted
    const run = Math.ceil(this.#blockRows / RUNS)
    const firstWhole = Math.ceil(from / run)
    const endWhole = to === places.length ? Math.ceil(to / run) : Math.floor(to / run)
    if (firstWhole >= endWhole) return mask.addPlaces(base, places, from, to)
    mask.addPlaces(base, places, from, firstWhole * run)
    for (let n = firstWhole; n < endWhole; n++) mask.addWords(base, this.#runOf(n, run))
    mask.addPlaces(base, places, endWhole * run, to)
  }

  #runOf(n: number, length: number): Uint32Array {
    const known = this.#runs[n]
    if (known !== undefined) return known
    const words = new Uint32Array(Math.ceil(this.#blockRows / WORD_BITS))
    for (const place of this.#sorted.places.subarray(n * length, (n + 1) * length))
      words[place >>> 5] = (words[place >>> 5] as number) | (1 << (place & 31))
    this.#runs[n] = words
    return words
  }

  /** How many lie from `low` to `high`. */
  countBetween(low: number, high: number): number {
    const { from, to } = this.sortedBetween(low, high)
    let count = to - from
    for (const key of this.#keys) if (key >= low && key <= high) count++
    return count
  }

  /** Calls `visit` with each from `low` to `high`. */
  between(low: number, high: number, visit: (key: number, place: number, other: number) => void): void {
    const { keys, others, places } = this.#sorted
    const { from, to } = this.sortedBetween(low, high)
    for (let i = from; i < to; i++) visit(keys[i] as number, places[i] as number, others[i] ?? 0)
    this.latestBetween(low, high, visit)
  }

  /** The same of those that came last. */
  latestBetween(low: number, high: number, visit: (key: number, place: number, other: number) => void): void {
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i] as number
      if (key >= low && key <= high) visit(key, this.#places[i] as number, this.#others[i] ?? 0)
    }
  }

  /** The first sorted one that is not below `key`. */
  #lower(key: number, end: number): number {
    const { keys } = this.#sorted
    let [low, high] = [0, end]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] as number) < key) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first sorted one that is above `key`. */
  #upper(key: number, end: number): number {
    const { keys } = this.#sorted
    let [low, high] = [0, end]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] as number) <= key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Infinite ones are equal to themselves. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function copyRun(source: Entries, from: number, end: number, target: Entries, to: number): void {
  target.keys.set(source.keys.subarray(from, end), to)
  target.places.set(source.places.subarray(from, end), to)
  if (source.others.length > 0) target.others.set(source.others.subarray(from, end), to)
}

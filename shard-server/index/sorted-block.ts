/** Indexes of values that have an order: numbers, times, and places on the earth by their latitude. */
import { parseDatetime } from '../../core/filter/datetime.ts'
import { type AreaTest, areaTest, geoPointOf, within } from '../../core/filter/field-tests.ts'
import type { Bounds, FieldTest } from '../../core/filter/filter.ts'
import { degreesNorth } from '../../core/filter/geo.ts'
import { orderValueOf } from '../../core/filter/order-value.ts'
import { type Found, foundByAny, type IndexBlock, type SortedValues } from './index-block.ts'
import { SortedEntries } from './sorted-entries.ts'

const NANOS_PER_MS = 1_000_000n

/** Numbers (`integer`, `float`) as float64, or times as milliseconds since 1970. */
export class NumberBlock implements IndexBlock {
  readonly #times: boolean
  readonly #entries: SortedEntries
  /** Is a value not exactly what the index has of it? Then those at a bound are looked at. */
  #rounded = false

  constructor(kind: 'numbers' | 'times', blockRows: number) {
    this.#times = kind === 'times'
    this.#entries = new SortedEntries(false, blockRows)
  }

  get bytes(): number {
    return this.#entries.bytes
  }

  add(place: number, value: unknown): boolean {
    const given = this.#times ? (typeof value === 'string' ? parseDatetime(value) : undefined) : value
    if (typeof given !== 'number' && typeof given !== 'bigint') return false
    const { key, exact } = this.#keyOf(given)
    if (!exact) this.#rounded = true
    this.#entries.add(key, place)
    return true
  }

  close(): void {
    this.#entries.merge()
  }

  find(test: FieldTest, base: number): Found | undefined {
    if (test.is === (this.#times ? 'datetime' : 'range')) return this.#inRange(test.bounds, base)
    if (this.#times || test.is !== 'any') return undefined
    const numbers = test.values.filter((value) => typeof value === 'number' || typeof value === 'bigint')
    if (numbers.length < test.values.length) return undefined
    return foundByAny(numbers.map((value) => this.#inRange({ gte: value, lte: value }, base)))
  }

  sorted(): SortedValues {
    // A time is ordered by its microseconds, and rounded to milliseconds, before 1970 the other way.
    return { ...this.#entries.whole, perKey: this.#times ? 1000 : 1, slack: this.#times ? 2 : 0 }
  }

  misses(value: unknown): boolean {
    return orderValueOf(value) !== undefined && (typeof value === 'string') !== this.#times
  }

  /** Times are given in nanoseconds. */
  #keyOf(value: number | bigint): { key: number; exact: boolean } {
    if (!this.#times) return { key: Number(value), exact: typeof value === 'number' || BigInt(Number(value)) === value }
    const nanos = BigInt(value)
    return { key: Number(nanos / NANOS_PER_MS), exact: nanos % NANOS_PER_MS === 0n }
  }

  #inRange(bounds: Bounds, base: number): Found {
    const keys: { [name in keyof Bounds]: number } = {}
    let exact = !this.#rounded
    for (const [name, bound] of Object.entries(bounds) as [keyof Bounds, number | bigint][]) {
      const { key, exact: same } = this.#keyOf(bound)
      keys[name] = key
      exact &&= same
    }
    // What was rounded may be on the other side of a bound.
    const low = Math.max(keys.gt ?? Number.NEGATIVE_INFINITY, keys.gte ?? Number.NEGATIVE_INFINITY)
    const high = Math.min(keys.lt ?? Number.POSITIVE_INFINITY, keys.lte ?? Number.POSITIVE_INFINITY)
    const holds = exact ? within(keys) : () => true
    const entries = this.#entries
    return {
      count: entries.countBetween(low, high),
      exact,
      addTo: (mask) => {
        const { from, to } = exact ? strictly(entries, keys, low, high) : entries.sortedBetween(low, high)
        entries.addSorted(mask, base, from, to)
        entries.latestBetween(low, high, (key, place) => {
          if (holds(key)) mask.addWithin(base + place)
        })
      },
    }
  }
}

/** The sorted entries between two bounds, without those that are equal to a bound that is not included. */
function strictly(entries: SortedEntries, { gt, lt }: Bounds, low: number, high: number) {
  const found = entries.sortedBetween(low, high)
  const from = gt === low ? entries.sortedBetween(low, low).to : found.from
  const to = lt === high ? entries.sortedBetween(high, high).from : found.to
  return { from, to: Math.max(from, to) }
}

const POLE = 90
/**
 * Corners of polygons times places that are looked at for a block without a pause: some ten milliseconds. With more, the index names the
 * places between the outermost corners, and the payloads decide, after each of which others have a turn.
 */
const CORNERS_AT_ONCE = 4_194_304

/** Places on the earth. Of those whose latitude is right, the place itself is looked at. */
export class GeoBlock implements IndexBlock {
  readonly #entries: SortedEntries
  /** Has a place a latitude beyond a pole? */
  #beyond = false

  constructor(blockRows: number) {
    this.#entries = new SortedEntries(true, blockRows)
  }

  get bytes(): number {
    return this.#entries.bytes
  }

  add(place: number, value: unknown): boolean {
    const point = geoPointOf(value)
    if (point === undefined) return false
    if (Math.abs(point.lat) > POLE) this.#beyond = true
    this.#entries.add(point.lat, place, point.lon)
    return true
  }

  close(): void {
    this.#entries.merge()
  }

  find(test: FieldTest, base: number): Found | undefined {
    if (test.is !== 'radius' && test.is !== 'box' && test.is !== 'polygon') return undefined
    const [low, high] = this.#latitudesOf(test)
    const count = this.#entries.countBetween(low, high)
    const exact = test.is !== 'polygon' || count * cornersOf(test) <= CORNERS_AT_ONCE
    return {
      count,
      exact,
      addTo: (mask) => {
        const holds = test.is === 'polygon' && !exact ? betweenCorners(test) : areaTest(test)
        this.#entries.between(low, high, (lat, place, lon) => {
          if (holds({ lon, lat })) mask.addWithin(base + place)
        })
      },
    }
  }

  /** Between which the area lies. */
  #latitudesOf(test: AreaTest): [low: number, high: number] {
    if (test.is === 'box') return [test.bottomRight.lat, test.topLeft.lat]
    if (test.is === 'polygon') return outermost(test.exterior.map(({ lat }) => lat))
    // Over a pole, a place that is near may be called by any latitude.
    if (this.#beyond) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    const degrees = degreesNorth(test.meters)
    return [test.center.lat - degrees, test.center.lat + degrees]
  }
}

type Polygon = Extract<AreaTest, { is: 'polygon' }>

function cornersOf({ exterior, interiors }: Polygon): number {
  return interiors.reduce((sum, ring) => sum + ring.length, exterior.length)
}

/** Holds for all places within, and for others. */
function betweenCorners({ exterior }: Polygon): (point: { lon: number }) => boolean {
  const [west, east] = outermost(exterior.map(({ lon }) => lon))
  return ({ lon }) => lon >= west && lon <= east
}

function outermost(degrees: readonly number[]): [low: number, high: number] {
  return [degrees.reduce((a, b) => Math.min(a, b)), degrees.reduce((a, b) => Math.max(a, b))]
}

/** Compiles what a filter asks of the values of a field. */
import { parseDatetime } from './datetime.ts'
import type { Bounds, FieldTest, GeoPoint } from './filter.ts'
import { distanceMeters, inBox, inPolygon } from './geo.ts'
import { TEXT_DEFAULTS, type TextOptions, wordTest } from './text-words.ts'
import type { FieldRule } from './values.ts'

type ValueTest = FieldRule['passes']

/** The tests of single values. A field without values passes none, but one that asks for 0 values. */
export type ValuesTest = Exclude<FieldTest, { is: 'isEmpty' | 'isNull' }>

/** @param words of the field, if a text index says what they are; else as a text index without options has them */
export function ruleOf(test: ValuesTest, words = TEXT_DEFAULTS): FieldRule {
  switch (test.is) {
    case 'count': {
      const holds = within(test.bounds)
      return { absent: holds(0), passes: (value) => holds(countOf(value)) }
    }
    default: {
      const passes = compileValueTest(test, words)
      return { absent: false, passes: (value) => (Array.isArray(value) ? value.some(passes) : passes(value)) }
    }
  }
}

function compileValueTest(test: Exclude<ValuesTest, { is: 'count' }>, words: TextOptions): ValueTest {
  switch (test.is) {
    case 'any': {
      const values = new Set(test.values.map(comparable))
      const [only] = values
      if (values.size === 1) return (value) => comparable(value) === only
      return (value) => values.has(comparable(value))
    }
    case 'except': {
      const values = new Set(test.values.map(comparable))
      return (value) => value !== null && !values.has(comparable(value))
    }
    case 'text':
    case 'textAny':
    case 'phrase': {
      const has = wordTest(test.is, test.text, words)
      return (value) => typeof value === 'string' && has(value)
    }
    case 'range': {
      const holds = within(test.bounds)
      return (value) => (typeof value === 'number' || typeof value === 'bigint') && holds(value)
    }
    case 'datetime': {
      const holds = within(test.bounds)
      return (value) => {
        const time = typeof value === 'string' ? parseDatetime(value) : undefined
        return time !== undefined && holds(time)
      }
    }
    default:
      return atPoint(areaTest(test))
  }
}

export type AreaTest = Extract<FieldTest, { is: 'radius' | 'box' | 'polygon' }>

/** Is a place within the area? */
export function areaTest(test: AreaTest): (point: GeoPoint) => boolean {
  if (test.is === 'radius') return (point) => distanceMeters(test.center, point) < test.meters
  if (test.is === 'box') return (point) => inBox(point, test.topLeft, test.bottomRight)
  return (point) => inPolygon(point, test.exterior, test.interiors)
}

/** The same value for equal scalars: an integer that a float64 holds only by chance is a bigint. */
function comparable(value: unknown): unknown {
  const rounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return rounded ? BigInt(value) : value
}

/** JavaScript compares numbers with bigints exactly. */
export function within({ gt, gte, lt, lte }: Bounds): (value: number | bigint) => boolean {
  return (value) =>
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
}

function atPoint(test: (point: GeoPoint) => boolean): ValueTest {
  return (value) => {
    const point = geoPointOf(value)
    return point !== undefined && test(point)
  }
}

/** The place that a value of a payload is; undefined if it is none. */
export function geoPointOf(value: unknown): GeoPoint | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { lon, lat } = value as Record<string, unknown>
  return typeof lon === 'number' && typeof lat === 'number' ? { lon, lat } : undefined
}

function countOf(value: unknown): number {
  if (Array.isArray(value)) return value.length
  return value === null ? 0 : 1
}

export function isEmptyValue(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}

/** A null, or a list that has one: so the server has it since qdrant/qdrant#10101. */
export function holdsNull(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.includes(null))
}

/** Compiles what a filter asks of the values of a field. */
import { parseDatetime } from './datetime.ts'
import type { Bounds, FieldTest, GeoPoint } from './filter.ts'
import { distanceMeters, inBox, inPolygon } from './geo.ts'
import type { FieldRule } from './values.ts'
import { hasAllWords, hasAnyWord, hasPhrase, wordsOf } from './words.ts'

type ValueTest = FieldRule['passes']

/** The tests of single values. A field without values passes none, but one that asks for 0 values. */
export type ValuesTest = Exclude<FieldTest, { is: 'isEmpty' | 'isNull' }>

export function ruleOf(test: ValuesTest): FieldRule {
  switch (test.is) {
    case 'count': {
      const holds = within(test.bounds)
      return { absent: holds(0), passes: (value) => holds(countOf(value)) }
    }
    default: {
      const passes = compileValueTest(test)
      return { absent: false, passes: (value) => (Array.isArray(value) ? value.some(passes) : passes(value)) }
    }
  }
}

function compileValueTest(test: Exclude<ValuesTest, { is: 'count' }>): ValueTest {
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
    case 'text': {
      const words = wordsOf(test.text)
      return (value) => typeof value === 'string' && hasAllWords(words, value)
    }
    case 'phrase': {
      const words = wordsOf(test.text)
      return (value) => typeof value === 'string' && hasPhrase(words, value)
    }
    case 'textAny': {
      const words = new Set(wordsOf(test.text))
      return (value) => typeof value === 'string' && hasAnyWord(words, value)
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
    case 'radius':
      return atPoint((point) => distanceMeters(test.center, point) < test.meters)
    case 'box':
      return atPoint((point) => inBox(point, test.topLeft, test.bottomRight))
    default:
      return atPoint((point) => inPolygon(point, test.exterior, test.interiors))
  }
}

/** The same value for equal scalars: an integer that a float64 holds only by chance is a bigint. */
function comparable(value: unknown): unknown {
  const rounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return rounded ? BigInt(value) : value
}

/** JavaScript compares numbers with bigints exactly. */
function within({ gt, gte, lt, lte }: Bounds): (value: number | bigint) => boolean {
  return (value) =>
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
}

function atPoint(test: (point: GeoPoint) => boolean): ValueTest {
  return (value) => {
    if (typeof value !== 'object' || value === null) return false
    const { lon, lat } = value as Record<string, unknown>
    return typeof lon === 'number' && typeof lat === 'number' && test({ lon, lat })
  }
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

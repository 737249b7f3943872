/** Parses what a filter asks of the values of a field: the condition with a `key`, without its path. */
import { badRequest } from '../errors.ts'
import { parseDatetime } from './datetime.ts'
import type { Bounds, FieldTest, GeoPoint, Scalar } from './filter.ts'
import { boundsAt, flagAt, geoPointAt, membersOf, numberAt, onlyMember, textAt } from './filter-fields.ts'

export const FIELD_TESTS = [
  'match',
  'range',
  'geo_radius',
  'geo_bounding_box',
  'geo_polygon',
  'values_count',
  'is_empty',
  'is_null',
] as const
const MATCHES = ['value', 'any', 'except', 'text', 'text_any', 'phrase'] as const
/** A closed ring has a first corner, two more, and the first again. */
const RING_POINTS_MIN = 4

/** Checks that it is a list, and counts its values. */
type ReadList = (value: unknown, at: string) => unknown[]

/** @param condition the whole of it, which has a `key` */
export function parseFieldTest(condition: unknown, at: string, list: ReadList): FieldTest {
  const members = membersOf(condition, at, ['key', ...FIELD_TESTS])
  members.delete('key')
  const [kind, value] = onlyMember(members as Map<(typeof FIELD_TESTS)[number], unknown>, at, FIELD_TESTS)
  const place = `${at}.${kind}`
  switch (kind) {
    case 'match':
      return parseMatch(value, place, list)
    case 'range':
      return parseRange(value, place)
    case 'geo_radius': {
      const area = membersOf(value, place, ['center', 'radius'])
      const meters = Number(numberAt(area.get('radius'), `${place}.radius`, 0))
      return { is: 'radius', center: geoPointAt(area.get('center'), `${place}.center`), meters }
    }
    case 'geo_bounding_box': {
      const area = membersOf(value, place, ['top_left', 'bottom_right'])
      const corner = (name: 'top_left' | 'bottom_right') => geoPointAt(area.get(name), `${place}.${name}`)
      return { is: 'box', topLeft: corner('top_left'), bottomRight: corner('bottom_right') }
    }
    case 'geo_polygon':
      return parsePolygon(value, place, list)
    case 'values_count':
      return { is: 'count', bounds: boundsAt(value, place, (bound, boundAt) => numberAt(bound, boundAt, 0)) }
    case 'is_empty':
      return { is: 'isEmpty', wanted: flagAt(value, place) }
    default:
      return { is: 'isNull', wanted: flagAt(value, place) }
  }
}

function parseMatch(value: unknown, at: string, list: ReadList): FieldTest {
  const [kind, given] = onlyMember(membersOf(value, at, MATCHES), at, MATCHES)
  const place = `${at}.${kind}`
  switch (kind) {
    case 'value':
      return { is: 'any', values: [scalarAt(given, place)] }
    case 'any':
    case 'except':
      return { is: kind, values: list(given, place).map((one, i) => scalarAt(one, `${place}[${i}]`)) }
    case 'text':
    case 'phrase':
      return { is: kind, text: textAt(given, place) }
    default:
      return { is: 'textAny', text: textAt(given, place) }
  }
}

function scalarAt(value: unknown, at: string): Scalar {
  if (typeof value === 'number' && !Number.isInteger(value))
    throw badRequest(`${at} is not a whole number: match such numbers with a "range"`)
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint')
    return value
  throw badRequest(`${at} must be a text, a whole number, true or false`)
}

function parseRange(value: unknown, at: string): FieldTest {
  let times = 0
  const bounds: Bounds = boundsAt(value, at, (bound, place) => {
    if (typeof bound !== 'string') return numberAt(bound, place)
    const time = parseDatetime(bound)
    if (time === undefined) throw badRequest(`${place} is not a time; times are as 2026-01-31T12:00:00Z or 2026-01-31`)
    times++
    return time
  })
  if (times !== 0 && times !== Object.keys(bounds).length)
    throw badRequest(`${at} must have either numbers or times, not both`)
  return { is: times === 0 ? 'range' : 'datetime', bounds }
}

function parsePolygon(value: unknown, at: string, list: ReadList): FieldTest {
  const rings = membersOf(value, at, ['exterior', 'interiors'])
  const ring = (given: unknown, place: string): GeoPoint[] => {
    const pointsAt = `${place}.points`
    const points = list(membersOf(given, place, ['points']).get('points'), pointsAt).map((point, i) =>
      geoPointAt(point, `${pointsAt}[${i}]`),
    )
    const [first, last] = [points[0], points.at(-1)]
    if (points.length < RING_POINTS_MIN || first?.lon !== last?.lon || first?.lat !== last?.lat)
      throw badRequest(`${pointsAt} must be at least ${RING_POINTS_MIN} points, of which the last is the first again`)
    return points
  }
  const interiors = list(rings.get('interiors') ?? [], `${at}.interiors`)
  return {
    is: 'polygon',
    exterior: ring(rings.get('exterior'), `${at}.exterior`),
    interiors: interiors.map((given, i) => ring(given, `${at}.interiors[${i}]`)),
  }
}

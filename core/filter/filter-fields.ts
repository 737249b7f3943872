/** Reads the JSON of a filter: what is wrong is named with its place, as in `filter.must[0].range.gt`. */
import { badRequest, MaksError } from '../errors.ts'
import { type JsonPath, parseJsonPath } from '../json/json-path.ts'
import { checkLimit } from '../limits.ts'
import type { Bounds, GeoPoint } from './filter.ts'

/** Of a name that is answered back, so many characters. */
const SHOWN = 100

/**
 * The members of an object that are not null. Throws BAD_REQUEST unless it is an object, and UNSUPPORTED that names the first
 * member that is none of `known`.
 */
export function membersOf<K extends string>(value: unknown, at: string, known: readonly K[]): Map<K, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`${at} must be a JSON object`)
  const members = new Map<K, unknown>()
  for (const [name, member] of Object.entries(value)) {
    if (!known.includes(name as K))
      throw new MaksError('UNSUPPORTED', `${at}: "${name.slice(0, SHOWN)}" is not supported`)
    if (member !== null) members.set(name as K, member)
  }
  return members
}

/** The one member that is there. Throws BAD_REQUEST that names all of them if there is none, or another. */
export function onlyMember<K extends string>(members: Map<K, unknown>, at: string, known: readonly K[]): [K, unknown] {
  const [only, another] = members
  if (only === undefined || another !== undefined)
    throw badRequest(`${at} must have ${only ? 'only ' : ''}one of ${known.map((name) => `"${name}"`).join(', ')}`)
  return only
}

export function textAt(value: unknown, at: string): string {
  if (typeof value !== 'string') throw badRequest(`${at} must be a text`)
  return value
}

export function flagAt(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw badRequest(`${at} must be true or false`)
  return value
}

export function listAt(value: unknown, at: string): unknown[] {
  if (!Array.isArray(value)) throw badRequest(`${at} must be a list`)
  return value as unknown[]
}

/** Throws BAD_REQUEST unless it is a number from `min` to `max`; absent, they are those of a float64. */
export function numberAt(value: unknown, at: string, min = -Number.MAX_VALUE, max = Number.MAX_VALUE): number | bigint {
  if ((typeof value !== 'number' && typeof value !== 'bigint') || !(value >= min && value <= max)) {
    const range = max < Number.MAX_VALUE ? ` from ${min} to ${max}` : min > -Number.MAX_VALUE ? ` from ${min}` : ''
    throw badRequest(`${at} must be a number${range}`)
  }
  return value
}

/** Throws BAD_REQUEST unless it is a path, which a filter calls "key". */
export function pathAt(value: unknown, at: string): JsonPath {
  if (value === undefined) throw badRequest(`${at} is missing`)
  if (typeof value === 'string') checkLimit('PAYLOAD_PATH_CHARS_MAX', at, value.length)
  return parseJsonPath(value, at)
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const

/** @param read makes a bound of a member */
export function boundsAt(value: unknown, at: string, read: (bound: unknown, at: string) => number | bigint): Bounds {
  const bounds: Bounds = {}
  for (const [name, bound] of membersOf(value, at, BOUNDS)) bounds[name] = read(bound, `${at}.${name}`)
  return bounds
}

const LON_MAX = 180
const LAT_MAX = 90

export function geoPointAt(value: unknown, at: string): GeoPoint {
  const members = membersOf(value, at, ['lon', 'lat'])
  return {
    lon: Number(numberAt(members.get('lon'), `${at}.lon`, -LON_MAX, LON_MAX)),
    lat: Number(numberAt(members.get('lat'), `${at}.lat`, -LAT_MAX, LAT_MAX)),
  }
}

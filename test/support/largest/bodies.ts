/** What large requests are made of. */
import { LIMITS } from '../../../core/limits.ts'

/** The limit of the router that these requests are made for: its default. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024
/** More points than any collection has. */
export const ALL = 999_999_999
/** Cells of each collection. */
export const CELLS = 2
/** Of the collection of many small points, and of the one of few large ones. */
export const SMALL_DIMENSION = 8
export const WIDE_DIMENSION = 4096
export const WIDE_POINTS = 900
/** Points whose payloads an edit makes as long as they may be. */
export const EDITED_LARGE = 8

export interface LargeRequest {
  what: string
  method: string
  path: string
  /** JSON text. */
  body?: () => string
  status: number
}

export const SMALL = '/collections/small'
export const WIDE = '/collections/wide'
const {
  BODY_VALUES_MAX,
  TEXT_BYTES_MAX,
  WRITE_POINTS_MAX,
  SEARCHES_MAX,
  CANDIDATES_MAX,
  PAYLOAD_BYTES_MAX,
  ALIASES_MAX,
  ALIAS_ACTIONS_MAX,
  FILTER_CONDITIONS_MAX,
  FILTER_VALUES_MAX,
  EXAMPLES_MAX,
  SETTINGS_MAX,
  SETTING_BYTES_MAX,
} = LIMITS

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
export const list = (count: number, item: (i: number) => string) => numbers(count).map(item).join(',')
/** Cheap, and the same each time. */
export const floats = (seed: number, count: number) =>
  list(count, (i) => (Math.abs(Math.sin(seed * 31 + i)) + 0.0001).toFixed(5))
export const uuid = (i: number) => `"00000000-0000-4000-8000-${String(i).padStart(12, '0')}"`

/** The largest payload, of many members, each of another name. */
export function largestPayload(): string {
  const members: string[] = []
  for (let bytes = 2, i = 0; ; i++) {
    const member = `"${i.toString(36)}":${i}`
    bytes += member.length + 1
    if (bytes > PAYLOAD_BYTES_MAX.value) return `{${members.join(',')}}`
    members.push(member)
  }
}

/** As many as a collection may have, each as large as it may be. */
export function largestSettings(): string {
  const name = (i: number) => String(i).padStart(4, '0')
  const text = 'x'.repeat(SETTING_BYTES_MAX.value - 'metadata.0000""'.length)
  return list(SETTINGS_MAX.value, (i) => `"${name(i)}":"${text}"`)
}

/** As many aliases as a collection may have, each named as long as a name may be, moved as often as a request may. */
export function largestAliases(): string {
  const name = (i: number) => String(i % ALIASES_MAX.value).padStart(255, 'a')
  const action = (i: number) => `{"create_alias":{"collection_name":"small","alias_name":"${name(i)}"}}`
  return `{"actions":[${list(ALIAS_ACTIONS_MAX.value, action)}]}`
}

export function smallPoints(id: (i: number) => string): string {
  const point = (i: number) =>
    `{"id":${id(i)},"vector":[${floats(i, SMALL_DIMENSION)}],"payload":{"name":"point ${i}","n":${i}}}`
  return `{"points":[${list(WRITE_POINTS_MAX.value, point)}]}`
}

export function searches(field: string, limit: number): string {
  const more = `"limit":${limit},"with_payload":["name","n"],"params":{"exact":true}`
  return `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"${field}":[${floats(i, SMALL_DIMENSION)}],${more}}`)}]}`
}

/** Of as many conditions and values as there may be; no point matches. */
export function largestFilter(): string {
  const conditions = list(FILTER_CONDITIONS_MAX.value - 1, (i) => `{"key":"n","match":{"value":-${i + 1}}}`)
  const names = list(FILTER_VALUES_MAX.value, (i) => `"nothing ${i}"`)
  return `"filter":{"should":[${conditions},{"key":"name","match":{"any":[${names}]}}]}`
}

/** Points with many places each, and the polygon of most corners, which none of them is in: each is compared with each. */
const PLACES = 100
export function pointsWithPlaces(): string {
  const places = list(PLACES, (i) => `{"lon":${i / PLACES},"lat":${i / PLACES}}`)
  return `{"points":[${list(50, (i) => `{"id":${i},"vector":[${floats(i, SMALL_DIMENSION)}],"payload":{"places":[${places}]}}`)}]}`
}

export function costliestFilter(): string {
  const corners = FILTER_VALUES_MAX.value - 2
  const turn = (i: number) => (2 * Math.PI * i) / corners
  const corner = (i: number) =>
    `{"lon":${(5 * Math.cos(turn(i)) + 10).toFixed(9)},"lat":${(5 * Math.sin(turn(i))).toFixed(9)}}`
  const ring = `${list(corners, corner)},${corner(0)}`
  return `"filter":{"must":[{"key":"places","geo_polygon":{"exterior":{"points":[${ring}]}}}]}`
}

/** As many different filters as a request may have queries. */
export function filteredSearches(): string {
  const filter = (i: number) => `{"must":[{"key":"n","range":{"gte":${10 * i}}}]}`
  return `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"query":[${floats(i, SMALL_DIMENSION)}],"filter":${filter(i)}}`)}]}`
}

/** As many ids as a request may have examples. */
export const examples = () => list(EXAMPLES_MAX.value, String)
/** All of them are compared, with vectors that count as 64 values. */
export const MMR_CANDIDATES = Math.floor(Math.sqrt(LIMITS.MMR_VALUES_MAX.value / 64))
export const BATCH_LIMIT = Math.floor(CANDIDATES_MAX.value / SEARCHES_MAX.value / CELLS)
export const filled = (before: string, part: string, after: string) =>
  before + part.repeat(Math.floor((BODY_BYTES_MAX - before.length - after.length) / part.length)) + after
/** A list that is as long as a body may be. */
export const longList = (part: string) =>
  filled('[', `${part},`, `${part}]`.slice(0, part.length + 1)).slice(0, BODY_BYTES_MAX)
/** As long as a body may be, and of as many values. */
export const wholeBody = (before = '{', after = '}') => {
  const values = '{},'.repeat(BODY_VALUES_MAX.value / 4 - 10)
  const lists = `[${values}{}],[${values}{}],[${values}{}]`
  const rest = Math.floor(
    (BODY_BYTES_MAX - before.length - after.length - lists.length - 100) / (TEXT_BYTES_MAX.value + 3),
  )
  const text = `"${'x'.repeat(TEXT_BYTES_MAX.value)}"`
  return `${before}"metadata":[${[lists, ...numbers(rest).map(() => text)].join(',')}]${after}`
}

export const query = (extra: string, dimension: number) => `{"query":[${floats(5, dimension)}],${extra}}`
export const search = (extra: string, dimension: number) => `{"vector":[${floats(5, dimension)}],${extra}}`
export const everything = '"with_payload":true,"with_vector":true,"params":{"exact":true}'

export function get(path: string, status = 200): LargeRequest[] {
  return [{ what: '', method: 'GET', path, status }]
}

export function later(method: string, path: string): LargeRequest[] {
  return [{ what: 'a whole body', method, path, body: () => wholeBody(), status: 400 }]
}

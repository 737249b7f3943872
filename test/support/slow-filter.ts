/**
 * Filters a second time, from Qdrant's documentation and slowly: straight from the JSON of a request, without a parser. Tests
 * hold the product's filters against it. It takes valid filters alone, and numbers that a float64 holds.
 */
type Json = Record<string, unknown>

const listOf = (value: unknown): Json[] =>
  value === undefined || value === null ? [] : ((Array.isArray(value) ? value : [value]) as Json[])

/** Does a point match? Its id is as in JSON. */
export function slowMatches(filter: Json, id: unknown, payload: Json): boolean {
  const holds = (condition: Json) => conditionHolds(condition, id, payload)
  const should = listOf(filter.should)
  const least = filter.min_should as { conditions: unknown; min_count: number } | undefined
  if (should.length > 0 && should.filter(holds).length === 0) return false
  if (least && listOf(least.conditions).filter(holds).length < least.min_count) return false
  return listOf(filter.must).filter(holds).length === listOf(filter.must).length && !listOf(filter.must_not).some(holds)
}

function conditionHolds(condition: Json, id: unknown, payload: Json): boolean {
  if ('key' in condition) return fieldHolds(condition, slowValues(payload, condition.key as string))
  if ('has_id' in condition) return listOf(condition.has_id).some((one) => (one as unknown) === id)
  if ('has_vector' in condition) return condition.has_vector === ''
  if ('is_empty' in condition) return allVoid(slowValues(payload, (condition.is_empty as { key: string }).key))
  if ('is_null' in condition) return someNull(slowValues(payload, (condition.is_null as { key: string }).key))
  if ('nested' in condition) {
    const { key, filter } = condition.nested as { key: string; filter: Json }
    const objects = slowValues(payload, key.endsWith('[]') ? key : `${key}[]`)
    return objects.some(
      (one) => Object.prototype.toString.call(one) === '[object Object]' && slowMatches(filter, undefined, one as Json),
    )
  }
  return slowMatches(condition, id, payload)
}

const allVoid = (values: unknown[]) => values.every((value) => value === null || JSON.stringify(value) === '[]')
const someNull = (values: unknown[]) => values.some((value) => [value].flat().some((one) => one === null))

/** Paths of plain keys, `[]` and `[n]`. */
function slowValues(payload: unknown, path: string): unknown[] {
  const [, first, rest = ''] = /^(\[\d*\]|[^.[]+)\.?(.*)$/.exec(path) as unknown as [string, string, string?]
  let found: unknown[] = []
  if (first === '[]') found = Array.isArray(payload) ? payload : []
  else if (first.startsWith('['))
    found = Array.isArray(payload) ? payload.slice(Number(first.slice(1, -1))).slice(0, 1) : []
  else if (typeof payload === 'object' && payload !== null && !Array.isArray(payload))
    found = Object.entries(payload).flatMap(([key, value]) => (key === first ? [value as unknown] : []))
  return rest === '' ? found : found.flatMap((value) => slowValues(value, rest))
}

function fieldHolds(condition: Json, values: unknown[]): boolean {
  if (condition.is_empty !== undefined) return allVoid(values) === condition.is_empty
  if (condition.is_null !== undefined) return someNull(values) === condition.is_null
  if (condition.values_count !== undefined)
    return (values.length === 0 ? [null] : values).some((value) =>
      inRange(value === null ? 0 : [value].flat().length, condition.values_count as Json),
    )
  return values
    .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .some((value) => valueHolds(condition, value))
}

function valueHolds(condition: Json, value: unknown): boolean {
  if (condition.match !== undefined) return matchHolds(condition.match as Json, value)
  if (condition.range !== undefined) {
    const range = condition.range as Json
    const ofTimes = Object.values(range).some((bound) => typeof bound === 'string')
    if (!ofTimes) return typeof value === 'number' && inRange(value, range)
    const times = Object.fromEntries(
      Object.entries(range).map(([name, bound]) => [name, Date.parse(`${String(bound)}Z`)]),
    )
    return typeof value === 'string' && inRange(Date.parse(`${value}Z`), times)
  }
  if (typeof value !== 'object' || value === null) return false
  const { lon, lat } = value as { lon?: unknown; lat?: unknown }
  if (typeof lon !== 'number' || typeof lat !== 'number') return false
  const box = condition.geo_bounding_box as Record<'top_left' | 'bottom_right', { lon: number; lat: number }>
  return lon > box.top_left.lon && lon < box.bottom_right.lon && lat < box.top_left.lat && lat > box.bottom_right.lat
}

function matchHolds(match: Json, value: unknown): boolean {
  if ('value' in match) return match.value === value
  if ('any' in match) return (match.any as unknown[]).some((one) => one === value)
  if ('except' in match) return value !== null && (match.except as unknown[]).every((one) => one !== value)
  if (typeof value !== 'string') return false
  const held = slowWords(value)
  const wanted = slowWords(String(match.text ?? match.text_any ?? match.phrase))
  if ('text_any' in match) return wanted.some((word) => held.includes(word))
  if ('phrase' in match) return wanted.length > 0 && ` ${held.join(' ')} `.includes(` ${wanted.join(' ')} `)
  return wanted.length > 0 && wanted.every((word) => held.includes(word))
}

/** Of ASCII texts. */
function slowWords(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

function inRange(value: number, range: Json): boolean {
  const holds = {
    gt: (bound: number) => value > bound,
    gte: (bound: number) => value >= bound,
    lt: (bound: number) => value < bound,
    lte: (bound: number) => value <= bound,
  }
  return Object.entries(holds).every(([name, test]) => range[name] === undefined || test(range[name] as number))
}

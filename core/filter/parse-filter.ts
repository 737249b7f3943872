/**
 * Parses filters from JSON, in Qdrant's language. Null, an empty clause and an empty object are absent; an empty list of ids or
 * values is not, and matches nothing. A clause may be one condition instead of a list.
 */
import { asMaksError, badRequest } from '../errors.ts'
import { idKey } from '../ids.ts'
import { checkLimit } from '../limits.ts'
import type { Condition, Filter } from './filter.ts'
import { listAt, membersOf, numberAt, pathAt, textAt } from './filter-fields.ts'
import { FIELD_TESTS, parseFieldTest } from './parse-field.ts'

const CLAUSES = ['must', 'must_not', 'should', 'min_should'] as const
const KINDS = ['key', 'has_id', 'has_vector', 'nested', 'is_empty', 'is_null'] as const

/** What a filter has used of its limits, and where: an object of a `nested` has no id and no vector. */
interface Parsing {
  conditions: number
  values: number
}

/**
 * @param at the place of the filter in the request, for errors
 * @param vectorName of the default vector, which has the empty name too
 * Throws BAD_REQUEST, UNSUPPORTED or PAYLOAD_TOO_LARGE, which name the place of what is wrong.
 */
export function parseFilter(value: unknown, at: string, vectorName = ''): Filter {
  return new FilterParser(vectorName).filter(value, at, 1, false)
}

class FilterParser {
  readonly #used: Parsing = { conditions: 0, values: 0 }
  readonly #vectorName: string

  constructor(vectorName: string) {
    this.#vectorName = vectorName
  }

  /** @param nested is it about objects within a payload? */
  filter(value: unknown, at: string, depth: number, nested: boolean): Filter {
    checkLimit('FILTER_DEPTH_MAX', at, depth)
    const members = membersOf(value, at, CLAUSES)
    const clause = (name: 'must' | 'must_not' | 'should') =>
      this.#conditions(members.get(name) ?? [], `${at}.${name}`, depth, nested)
    const filter: Filter = { must: clause('must'), mustNot: clause('must_not'), should: clause('should') }
    const given = members.get('min_should')
    if (given === undefined) return filter
    const place = `${at}.min_should`
    const least = membersOf(given, place, ['conditions', 'min_count'])
    if (least.size === 0) return filter
    const conditions = this.#conditions(least.get('conditions') ?? [], `${place}.conditions`, depth, nested)
    return { ...filter, minShould: { conditions, minCount: countAt(least.get('min_count'), `${place}.min_count`) } }
  }

  #conditions(value: unknown, at: string, depth: number, nested: boolean): Condition[] {
    const one = typeof value === 'object' && !Array.isArray(value)
    const given = one ? [value] : listAt(value, at)
    this.#used.conditions += given.length
    checkLimit('FILTER_CONDITIONS_MAX', at, this.#used.conditions)
    return given.map((condition, i) => this.#condition(condition, one ? at : `${at}[${i}]`, depth, nested))
  }

  #condition(value: unknown, at: string, depth: number, nested: boolean): Condition {
    const members = membersOf(value, at, [...KINDS, ...FIELD_TESTS, ...CLAUSES])
    const kinds = KINDS.filter((kind) => members.has(kind))
    const isFilter = CLAUSES.some((clause) => members.has(clause))
    // A field condition has "is_empty" and "is_null" too.
    const [kind = isFilter || members.size === 0 ? 'filter' : 'key'] = kinds
    if (kind === 'filter') return { is: 'filter', filter: this.filter(value, at, depth + 1, nested) }
    const field = kind === 'key'
    if (isFilter || (!field && members.size > 1)) throw badRequest(`${at}: "${kind}" must be a condition of its own`)
    const place = `${at}.${kind}`
    const given = members.get(kind)
    if (nested && (kind === 'has_id' || kind === 'has_vector'))
      throw badRequest(`${place}: an object within a payload has neither an id nor a vector`)
    switch (kind) {
      case 'has_id':
        return { is: 'hasId', keys: this.#list(given, place).map((id, i) => keyAt(id, `${place}[${i}]`)) }
      case 'has_vector':
        return { is: 'hasVector', name: this.#vector(textAt(given, place)) }
      case 'nested':
        return this.#nested(given, place, depth)
      case 'is_empty':
        return { is: 'empty', path: fieldAt(given, place) }
      case 'is_null':
        return { is: 'null', path: fieldAt(given, place) }
      default:
        return {
          is: 'field',
          path: pathAt(given, place),
          test: parseFieldTest(value, at, (list, listPlace) => this.#list(list, listPlace)),
        }
    }
  }

  #vector(name: string): string {
    return name === this.#vectorName ? '' : name
  }

  #nested(value: unknown, at: string, depth: number): Condition {
    const members = membersOf(value, at, ['key', 'filter'])
    const path = pathAt(members.get('key'), `${at}.key`)
    const whole = path.at(-1)?.kind === 'every' ? path : [...path, { kind: 'every' as const }]
    return { is: 'nested', path: whole, filter: this.filter(members.get('filter'), `${at}.filter`, depth + 1, true) }
  }

  /** A list of values, counted. */
  #list(value: unknown, at: string): unknown[] {
    const list = listAt(value, at)
    this.#used.values += list.length
    checkLimit('FILTER_VALUES_MAX', at, this.#used.values)
    return list
  }
}

/** The path of `{"is_empty": {"key": ...}}`. */
function fieldAt(value: unknown, at: string) {
  return pathAt(membersOf(value, at, ['key']).get('key'), `${at}.key`)
}

function keyAt(id: unknown, at: string) {
  try {
    return idKey(id)
  } catch (thrown) {
    throw badRequest(`${at}: ${asMaksError(thrown).message}`)
  }
}

function countAt(value: unknown, at: string): number {
  const count = Number(numberAt(value, at, 0))
  if (!Number.isInteger(count)) throw badRequest(`${at} must be a whole number`)
  return count
}

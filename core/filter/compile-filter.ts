/** Compiles filters to functions: once for a filter, not once for a row. */
import type { IdKey } from '../ids.ts'
import { exactParse } from '../json/exact-json.ts'
import type { JsonPath } from '../json/json-path.ts'
import { holdsNull, isEmptyValue, ruleOf } from './field-tests.ts'
import type { Condition, Filter } from './filter.ts'
import { type IndexDefinition, pathText } from './index-schema.ts'
import type { TextOptions } from './text-words.ts'
import { compileField } from './values.ts'

/** Shorter integers are exact as numbers; of a payload, this look at the text is cheaper than one at its values. */
const LONG_DIGITS = /\d{16}/

/** What a filter sees of a point. */
export interface FilterRow {
  readonly key: IdKey
  /** The payload, as `exactParse` reads it; an object without members if there is none. */
  readonly payload: unknown
}

/** A point whose payload is parsed when it is first read, and then once however many filters read it. */
export class StoredRow implements FilterRow {
  readonly key: IdKey
  readonly #text: () => string
  #payload: unknown

  /** @param text the payload's JSON text, '' for none; called at most once */
  constructor(key: IdKey, text: () => string) {
    this.key = key
    this.#text = text
  }

  get payload(): unknown {
    if (this.#payload === undefined) {
      const text = this.#text()
      this.#payload = text === '' ? {} : LONG_DIGITS.test(text) ? exactParse(text) : (JSON.parse(text) as unknown)
    }
    return this.#payload
  }
}

export type RowTest = (row: FilterRow) => boolean

/** The options of text indexes, by the `pathText` of their fields: full-text conditions on these compare words. */
export type TextFields = ReadonlyMap<string, TextOptions>

const NO_TEXTS: TextFields = new Map()

export function textFieldsOf(definitions: readonly IndexDefinition[]): TextFields {
  return new Map(definitions.flatMap(({ path, schema }) => (schema.text ? [[pathText(path), schema.text]] : [])))
}

/** @param within the path to the objects that the filter is about, if these are objects of payloads */
export function compileFilter(filter: Filter, texts: TextFields = NO_TEXTS, within: JsonPath = []): RowTest {
  const { must, mustNot, should, minShould } = filter
  const compiled = (condition: Condition) => compileCondition(condition, texts, within)
  const all = must.map(compiled)
  const none = mustNot.map(compiled)
  const any = should.map(compiled)
  const some = (minShould?.conditions ?? []).map(compiled)
  const least = minShould?.minCount ?? 0
  return (row) =>
    holdsAll(all, row) &&
    !holdsOne(none, row) &&
    (any.length === 0 || holdsOne(any, row)) &&
    (least === 0 || holdsSoMany(some, least, row))
}

function holdsAll(tests: readonly RowTest[], row: FilterRow): boolean {
  for (const test of tests) if (!test(row)) return false
  return true
}

function holdsOne(tests: readonly RowTest[], row: FilterRow): boolean {
  for (const test of tests) if (test(row)) return true
  return false
}

function holdsSoMany(tests: readonly RowTest[], least: number, row: FilterRow): boolean {
  let holding = 0
  for (const test of tests) {
    if (holding >= least) break
    if (test(row)) holding++
  }
  return holding >= least
}

function compileCondition(condition: Condition, texts: TextFields, within: JsonPath): RowTest {
  switch (condition.is) {
    case 'filter':
      return compileFilter(condition.filter, texts, within)
    case 'hasId': {
      const keys = new Set(condition.keys)
      return ({ key }) => keys.has(key)
    }
    case 'hasVector': {
      // Every point has the default vector, and there is no other.
      const has = condition.name === ''
      return () => has
    }
    case 'nested': {
      const test = compileFilter(condition.filter, texts, [...within, ...condition.path])
      // The objects have no id, and no condition within asks for it.
      const passes = (value: unknown) => isObject(value) && test({ key: '' as IdKey, payload: value })
      return ofPayload(compileField(condition.path, { absent: false, passes }))
    }
    case 'empty': {
      const holds = compileField(condition.path, { absent: false, passes: (value) => !isEmptyValue(value) })
      return ({ payload }) => !holds(payload)
    }
    case 'null':
      return ofPayload(compileField(condition.path, { absent: false, passes: holdsNull }))
    default:
      return compileFieldTest(condition, texts, within)
  }
}

/** That a field is empty, or null, is asked of all its values; its opposite holds of every other field. */
function compileFieldTest(
  { path, test }: Extract<Condition, { is: 'field' }>,
  texts: TextFields,
  within: JsonPath,
): RowTest {
  if (test.is !== 'isEmpty' && test.is !== 'isNull')
    return ofPayload(compileField(path, ruleOf(test, wordsAt(path, texts, within))))
  const holds = compileCondition({ is: test.is === 'isEmpty' ? 'empty' : 'null', path }, texts, within)
  return test.wanted ? holds : (row) => !holds(row)
}

function wordsAt(path: JsonPath, texts: TextFields, within: JsonPath): TextOptions | undefined {
  return texts.size === 0 ? undefined : texts.get(pathText([...within, ...path]))
}

function ofPayload(test: (payload: unknown) => boolean): RowTest {
  return ({ payload }) => test(payload)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Compiles filters to functions: once for a filter, not once for a row. */
import type { IdKey } from '../ids.ts'
import { exactParse } from '../json/exact-json.ts'
import { compileFieldTest, isEmptyValue } from './field-tests.ts'
import type { Condition, Filter } from './filter.ts'
import { valuesAt } from './values.ts'

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
      this.#payload = text === '' ? {} : exactParse(text)
    }
    return this.#payload
  }
}

export type RowTest = (row: FilterRow) => boolean

export function compileFilter({ must, mustNot, should, minShould }: Filter): RowTest {
  const all = must.map(compileCondition)
  const none = mustNot.map(compileCondition)
  const any = should.map(compileCondition)
  const some = (minShould?.conditions ?? []).map(compileCondition)
  const least = minShould?.minCount ?? 0
  return (row) =>
    all.every((test) => test(row)) &&
    !none.some((test) => test(row)) &&
    (any.length === 0 || any.some((test) => test(row))) &&
    holdsSoMany(some, least, row)
}

function holdsSoMany(tests: readonly RowTest[], least: number, row: FilterRow): boolean {
  let holding = 0
  for (const test of tests) {
    if (holding >= least) break
    if (test(row)) holding++
  }
  return holding >= least
}

function compileCondition(condition: Condition): RowTest {
  switch (condition.is) {
    case 'filter':
      return compileFilter(condition.filter)
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
      const { path } = condition
      const test = compileFilter(condition.filter)
      return ({ key, payload }) =>
        valuesAt(payload, path).some((value) => isObject(value) && test({ key, payload: value }))
    }
    case 'empty': {
      const { path } = condition
      return ({ payload }) => valuesAt(payload, path).every(isEmptyValue)
    }
    case 'null': {
      const { path } = condition
      return ({ payload }) => valuesAt(payload, path).includes(null)
    }
    default: {
      const { path } = condition
      const test = compileFieldTest(condition.test)
      return ({ payload }) => test(valuesAt(payload, path))
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Plans of filters: which rows match, and which may, as the payload indexes say. Every condition becomes two sets of rows, those
 * that are `sure` to match and those that `may`, and the clauses combine them: so a filter has an exact answer whatever part of it
 * has an index, and payloads are read of the rows alone that may match and are not sure to. A condition that names many more rows
 * than the others leave is not looked up: reading the payloads that are left is cheaper.
 */
import type { Condition, Filter } from '../../core/filter/filter.ts'
import { pathText } from '../../core/filter/index-schema.ts'
import type { IdKey } from '../../core/ids.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import type { Found } from './index-block.ts'
import type { PayloadIndexes } from './payload-indexes.ts'
import type { RowMask } from './row-mask.ts'

/** How many rows an index adds to a mask while the payload of one is read and parsed, about. */
const ROWS_PER_PAYLOAD = 256
/** Of `min_should`, conditions times the number of them that must hold; beyond, the payloads are looked at instead. */
const LEVELS_MAX = 1024

export interface FilterPlan {
  /** Rows that match. */
  sure: RowMask
  /** Those, and the rows that may match. */
  may: RowMask
  /** The fields whose indexes were used. */
  used: ReadonlySet<string>
}

export type PlanIndexes = Pick<PayloadIndexes, 'of'>

/** No set of a bracket is changed: two may be the same, or the mask of all rows. */
interface Bracket {
  sure: RowMask
  may: RowMask
}

/** Rows that came to the index later are not below `next`, whether or not it names them. */
interface Looked {
  name: string
  found: Found
  next: number
}

/** A state of the rows, as it was when its mask was made. */
export interface PlannedState {
  mask: RowMask
  relocations: number
}

export interface PlannedRows {
  /** The rows, of any version, that an id has. */
  rowsOf: (key: IdKey) => readonly number[]
  /** As `RowStore.relocations`. */
  relocations: number
}

/**
 * Plans a filter over the rows of a mask, which must not change meanwhile. Yields after each condition.
 * @param state the mask, and `relocations` of the rows when it was made
 */
export function* planFilter(
  filter: Filter,
  state: PlannedState,
  rows: PlannedRows,
  indexes: PlanIndexes,
): Generator<void, FilterPlan, void> {
  const planner = new Planner(state, rows, indexes)
  const { sure, may } = yield* planner.filter(filter, [])
  return { sure, may, used: planner.used }
}

class Planner {
  readonly #all: RowMask
  readonly #none: RowMask
  readonly #rows: PlannedRows
  readonly #relocations: number
  readonly #indexes: PlanIndexes
  /** Each condition is estimated once, however deep it lies. */
  readonly #estimates = new Map<Condition, number>()
  readonly #looked = new Map<Condition, Looked>()
  readonly used = new Set<string>()

  constructor({ mask, relocations }: PlannedState, rows: PlannedRows, indexes: PlanIndexes) {
    this.#all = mask
    this.#none = mask.none()
    this.#relocations = relocations
    this.#rows = rows
    this.#indexes = indexes
  }

  /** @param within path of the objects of payloads that the filter is about; of those, no row is ever sure to match */
  *filter({ must, mustNot, should, minShould }: Filter, within: JsonPath): Generator<void, Bracket, void> {
    let bracket: Bracket = { sure: this.#all, may: this.#all }
    const clauses: [estimate: number, () => Generator<void, Bracket, void>][] = [
      ...must.map((one): (typeof clauses)[number] => [this.#estimate(one, within), () => this.#condition(one, within)]),
      ...mustNot.map((one): (typeof clauses)[number] => [
        this.#estimate(one, within),
        () => this.#not(this.#condition(one, within)),
      ]),
    ]
    if (should.length > 0) clauses.push([this.#estimateAny(should, within), () => this.#atLeast(should, 1, within)])
    if (minShould && minShould.minCount > 0)
      clauses.push([
        this.#estimateAny(minShould.conditions, within),
        () => this.#atLeast(minShould.conditions, minShould.minCount, within),
      ])
    for (const [estimate, plan] of clauses.sort(([a], [b]) => a - b)) {
      const left = bracket.may.count
      if (left === 0) break
      const part = estimate > ROWS_PER_PAYLOAD * left ? this.#unknown() : yield* plan()
      bracket = this.#both(bracket, part)
    }
    return within.length === 0 ? bracket : { sure: this.#none, may: bracket.may }
  }

  #unknown(): Bracket {
    return { sure: this.#none, may: this.#all }
  }

  *#not(plan: Generator<void, Bracket, void>): Generator<void, Bracket, void> {
    const { sure, may } = yield* plan
    return { sure: this.#without(may), may: this.#without(sure) }
  }

  #without(rows: RowMask): RowMask {
    if (rows === this.#all) return this.#none
    if (rows === this.#none) return this.#all
    const left = this.#all.copy()
    left.subtract(rows)
    return left
  }

  /** The rows of which so many conditions hold: `levels[n]` has those of which n + 1 of the conditions so far do. */
  *#atLeast(conditions: readonly Condition[], least: number, within: JsonPath): Generator<void, Bracket, void> {
    if (conditions.length < least) return { sure: this.#none, may: this.#none }
    if (conditions.length * least > LEVELS_MAX) return this.#unknown()
    const levels: Bracket[] = Array.from({ length: least }, () => ({ sure: this.#none, may: this.#none }))
    for (const condition of conditions) {
      const part = yield* this.#condition(condition, within)
      for (let n = least - 1; n >= 0; n--) {
        const more = n === 0 ? part : this.#both(levels[n - 1] as Bracket, part)
        const level = levels[n] as Bracket
        levels[n] = { sure: this.#union(level.sure, more.sure), may: this.#union(level.may, more.may) }
        yield
      }
    }
    return levels.at(-1) as Bracket
  }

  #both(a: Bracket, b: Bracket): Bracket {
    const may = this.#meet(a.may, b.may)
    return { sure: a.sure === a.may && b.sure === b.may ? may : this.#meet(a.sure, b.sure), may }
  }

  #meet(a: RowMask, b: RowMask): RowMask {
    if (a === b || b === this.#all || a === this.#none) return a
    if (a === this.#all || b === this.#none) return b
    const both = a.copy()
    both.keep(b)
    return both
  }

  #union(a: RowMask, b: RowMask): RowMask {
    if (a === b || b === this.#none || a === this.#all) return a
    if (a === this.#none || b === this.#all) return b
    const both = a.copy()
    both.join(b)
    return both
  }

  *#condition(condition: Condition, within: JsonPath): Generator<void, Bracket, void> {
    yield
    switch (condition.is) {
      case 'filter':
        return yield* this.filter(condition.filter, within)
      case 'nested':
        return yield* this.filter(condition.filter, [...within, ...condition.path])
      case 'hasId':
        // The mask has a row that was moved meanwhile by the number that it had: it is found by looking at the ids of all.
        if (this.#rows.relocations !== this.#relocations) return this.#unknown()
        return this.#exactly((mask) => {
          for (const key of condition.keys) for (const row of this.#rows.rowsOf(key)) mask.addWithin(row)
        })
      case 'hasVector':
        return condition.name === '' ? { sure: this.#all, may: this.#all } : { sure: this.#none, may: this.#none }
      case 'field':
        return this.#field(condition, within)
      default:
        return this.#unknown()
    }
  }

  #exactly(addTo: Found['addTo']): Bracket {
    const rows = this.#all.none()
    addTo(rows)
    rows.keep(this.#all)
    return { sure: rows, may: rows }
  }

  #field(condition: Extract<Condition, { is: 'field' }>, within: JsonPath): Bracket {
    const looked = this.#look(condition, within)
    if (!looked) return this.#unknown()
    const { name, found, next } = looked
    this.used.add(name)
    const named = this.#exactly(found.addTo).may
    const unseen = this.#from(next)
    const may = this.#union(named, unseen)
    if (!found.exact || within.length > 0) return { sure: this.#none, may }
    if (unseen === this.#none) return { sure: named, may }
    const sure = named.copy()
    sure.subtract(unseen)
    return { sure, may }
  }

  /** The rows from a number on. */
  #from(row: number): RowMask {
    if (this.#all.next(row) < 0) return this.#none
    const rows = this.#all.copy()
    rows.removeBefore(row)
    return rows
  }

  /** What an index names for a condition, and how far the index had come then; undefined if none can say. Once for each condition. */
  #look(condition: Extract<Condition, { is: 'field' }>, within: JsonPath): Looked | undefined {
    const known = this.#looked.get(condition)
    if (known !== undefined) return known
    const index = this.#indexes.of(pathText([...within, ...condition.path]))
    const found = index?.find(condition.test)
    if (!index || !found) return undefined
    const looked = { name: index.definition.name, found, next: index.next }
    this.#looked.set(condition, looked)
    return looked
  }

  /** Rows that a condition names at most, before it is looked up. */
  #estimate(condition: Condition, within: JsonPath): number {
    const known = this.#estimates.get(condition)
    if (known !== undefined) return known
    const estimate = this.#estimateAnew(condition, within)
    this.#estimates.set(condition, estimate)
    return estimate
  }

  #estimateAnew(condition: Condition, within: JsonPath): number {
    switch (condition.is) {
      case 'field':
        return this.#look(condition, within)?.found.count ?? this.#all.count
      case 'hasId':
        return condition.keys.length
      case 'filter':
        return this.#estimateFilter(condition.filter, within)
      case 'nested':
        return this.#estimateFilter(condition.filter, [...within, ...condition.path])
      default:
        return this.#all.count
    }
  }

  #estimateFilter({ must, should }: Filter, within: JsonPath): number {
    const parts = must.map((one) => this.#estimate(one, within))
    if (should.length > 0) parts.push(this.#estimateAny(should, within))
    return Math.min(this.#all.count, ...parts)
  }

  #estimateAny(conditions: readonly Condition[], within: JsonPath): number {
    return conditions.reduce((sum, one) => sum + this.#estimate(one, within), 0)
  }
}

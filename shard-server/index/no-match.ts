/**
 * Filters that surely match no row of a cell, as the payload indexes say: no mask is made, no payload is read, and nothing waits.
 * Most cells of a collection hold no point of a tenant, and are asked nevertheless (router/DESIGN.md).
 */
import { type Condition, decodeFilter, type Filter, type FilterText } from '../../core/filter/filter.ts'
import { pathText } from '../../core/filter/index-schema.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import type { CellPlan } from '../../protocol/shard-rpc.ts'
import type { PlanIndexes } from './filter-plan.ts'
import type { RowStore } from './row-store.ts'

/** How the rows of such a filter are found. */
export const NO_MATCH: CellPlan = { plan: 'none', indexes: [], candidates: 0, checked: 0, matched: 0 }

/** A longer filter may name so many values that to look up each takes as long as a search. */
const CHARS_MAX = 16_384

export type PresentRows = Pick<RowStore, 'rowsOf' | 'end'>

/** True only if no row that is here now matches, of whatever version; false also if the indexes cannot say. */
export function matchesNone(text: FilterText, rows: PresentRows, indexes: PlanIndexes): boolean {
  return text.length <= CHARS_MAX && !mayMatch(decodeFilter(text), [], rows, indexes)
}

/** @param within path of the objects of payloads that the filter is about */
function mayMatch(
  { must, should, minShould }: Filter,
  within: JsonPath,
  rows: PresentRows,
  indexes: PlanIndexes,
): boolean {
  const may = (condition: Condition) => mayHold(condition, within, rows, indexes)
  if (!must.every(may) || (should.length > 0 && !should.some(may))) return false
  const { conditions, minCount } = minShould ?? { conditions: [], minCount: 0 }
  return minCount <= 0 || conditions.filter(may).length >= minCount
}

function mayHold(condition: Condition, within: JsonPath, rows: PresentRows, indexes: PlanIndexes): boolean {
  switch (condition.is) {
    case 'filter':
      return mayMatch(condition.filter, within, rows, indexes)
    case 'nested':
      return mayMatch(condition.filter, [...within, ...condition.path], rows, indexes)
    case 'hasId':
      return condition.keys.some((key) => rows.rowsOf(key).length > 0)
    case 'field': {
      const index = indexes.of(pathText([...within, ...condition.path]))
      // A row that the index has not come to may have any value.
      if (!index || index.next < rows.end) return true
      return (index.find(condition.test)?.count ?? 1) > 0
    }
    default:
      return true
  }
}

/** The report of a read: the `maksdb` object of the response. The reports of the parts of a request become one. */
import type { CellPlan } from '../../protocol/shard-rpc.ts'
import { laterToken, parseToken, tokenText } from '../cluster/session-token.ts'

export interface ReadReport {
  consistency: 'primary' | 'eventual' | 'bounded' | 'session' | 'strong'
  /** The state that was read, for later requests of a session; absent if the read was not at one state of all cells. */
  token?: string
  probed?: number
  cells?: number
  scanned?: number
  exact?: boolean
  missing?: number[]
  /** Of each query that asks for it, how each cell found its rows. */
  explain?: QueryPlan[]
}

/** `query` is the number of the query in its batch. */
export type QueryPlan = { query: number; cell: number } & CellPlan

/** The weakest first. */
const LEVELS: ReadReport['consistency'][] = ['eventual', 'bounded', 'session', 'primary', 'strong']

/** By query, and then by cell. */
export function orderedPlans(plans: readonly QueryPlan[]): QueryPlan[] {
  return plans.toSorted((a, b) => a.query - b.query || a.cell - b.cell)
}

/**
 * One report of several reads. It has the weakest consistency; it is exact if all are; `probed` and `cells` are the
 * largest, `scanned` is the sum; `missing` has the missing cells of all, and `explain` the plans of all; `token` is the latest. A report without a field
 * does not count for that field.
 */
export function combined(reports: readonly ReadReport[]): ReadReport {
  const [first, ...rest] = reports
  if (!first || rest.length === 0) return first ?? { consistency: 'primary' }
  const given = <F extends Exclude<keyof ReadReport, 'missing' | 'explain'>>(field: F): NonNullable<ReadReport[F]>[] =>
    reports.map((report) => report[field]).filter((value) => value !== undefined)
  const missing = [...new Set(reports.flatMap((report) => report.missing ?? []))].sort((a, b) => a - b)
  const explain = orderedPlans(reports.flatMap((report) => report.explain ?? []))
  const tokens = given('token').map(parseToken)
  return {
    consistency: LEVELS.find((level) => reports.some((report) => report.consistency === level)) ?? first.consistency,
    ...(tokens.length > 0 ? { token: tokenText(tokens.reduce(laterToken)) } : {}),
    ...numbers('probed', given('probed'), (all) => Math.max(...all)),
    ...numbers('cells', given('cells'), (all) => Math.max(...all)),
    ...numbers('scanned', given('scanned'), (all) => all.reduce((sum, one) => sum + one)),
    ...(given('exact').length > 0 ? { exact: given('exact').every(Boolean) } : {}),
    ...(missing.length > 0 ? { missing } : {}),
    ...(explain.length > 0 ? { explain } : {}),
  }
}

function numbers(
  field: 'probed' | 'cells' | 'scanned',
  all: readonly number[],
  merge: (all: readonly number[]) => number,
): Partial<ReadReport> {
  return all.length > 0 ? { [field]: merge(all) } : {}
}

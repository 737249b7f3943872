/** How a read was answered: the `maksdb` object of the response, and how the reports of a request's parts become one. */
import { laterToken, parseToken, tokenText } from '../cluster/session-token.ts'

export interface ReadReport {
  consistency: 'primary' | 'eventual' | 'bounded' | 'session' | 'strong'
  /** What has been seen, to be sent back by a session; absent where no one state was read. */
  token?: string
  probed?: number
  cells?: number
  scanned?: number
  exact?: boolean
  missing?: number[]
}

/** The least promise first. */
const LEVELS: ReadReport['consistency'][] = ['eventual', 'bounded', 'session', 'primary', 'strong']

/**
 * One report of several reads: as consistent, and as exact, as the least of them; it probed as many cells as the one that
 * probed most, scanned what all did together, lacks every cell that any of them lacks, and has seen what any has seen.
 * A part that does not speak of a field does not count for it.
 */
export function combined(reports: readonly ReadReport[]): ReadReport {
  const [first, ...rest] = reports
  if (!first || rest.length === 0) return first ?? { consistency: 'primary' }
  const given = <F extends Exclude<keyof ReadReport, 'missing'>>(field: F): NonNullable<ReadReport[F]>[] =>
    reports.map((report) => report[field]).filter((value) => value !== undefined)
  const missing = [...new Set(reports.flatMap((report) => report.missing ?? []))].sort((a, b) => a - b)
  const tokens = given('token').map(parseToken)
  return {
    consistency: LEVELS.find((level) => reports.some((report) => report.consistency === level)) ?? first.consistency,
    ...(tokens.length > 0 ? { token: tokenText(tokens.reduce(laterToken)) } : {}),
    ...numbers('probed', given('probed'), (all) => Math.max(...all)),
    ...numbers('cells', given('cells'), (all) => Math.max(...all)),
    ...numbers('scanned', given('scanned'), (all) => all.reduce((sum, one) => sum + one)),
    ...(given('exact').length > 0 ? { exact: given('exact').every(Boolean) } : {}),
    ...(missing.length > 0 ? { missing } : {}),
  }
}

function numbers(
  field: 'probed' | 'cells' | 'scanned',
  all: readonly number[],
  merge: (all: readonly number[]) => number,
): Partial<ReadReport> {
  return all.length > 0 ? { [field]: merge(all) } : {}
}

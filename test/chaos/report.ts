/** What a chaos run says at its end. */
import { spread } from '../../bench/spread.ts'
import type { Fault } from './checker.ts'
import type { ChaosReport } from './scenario.ts'

const SHOWN = 20

export function sound({
  violations,
  porcupine,
  disagreements,
}: Pick<ChaosReport, 'violations' | 'porcupine' | 'disagreements'>): boolean {
  const illegal = typeof porcupine === 'string' ? 0 : porcupine.illegal.length
  return violations.length === 0 && illegal === 0 && disagreements.length === 0
}

export function reportText(report: ChaosReport): string {
  const { violations, porcupine, disagreements, tally, recoveries, faults } = report
  const made = [...faults.values()].reduce((sum, times) => sum + times, 0)
  const count = (...kinds: Fault[]) => violations.filter(({ fault }) => kinds.includes(fault)).length
  const twice = disagreements.filter((text) => text.includes('twice')).length
  const flow = spread(recoveries)
  const judged =
    typeof porcupine === 'string'
      ? porcupine
      : `${porcupine.operations} operations on ${porcupine.ids} ids, ${porcupine.illegal.length} illegal, ${porcupine.undecided.length} undecided`
  return [
    `seed ${report.seed}, ${report.minutes} minutes, ${made} faults of ${faults.size} kinds:`,
    ...[...faults].sort(([, a], [, b]) => b - a).map(([name, times]) => `  ${String(times).padStart(4)}  ${name}`),
    `writes acknowledged ${tally.acknowledged}, not acknowledged ${JSON.stringify(Object.fromEntries(tally.refused))}`,
    `sent again under their idempotency keys: ${tally.resolved} writes of unknown outcome, until they were acknowledged; ${tally.again} acknowledged ones`,
    `reads answered ${tally.reads}, searches ${tally.searches}`,
    `writes flow again after p50 ${flow.p50} ms, p99 ${flow.p99} ms, max ${flow.max} ms`,
    `longest time of all clients without an acknowledged write ${Math.round(tally.writeGapMs)} ms, without an answered read ${Math.round(tally.readGapMs)} ms`,
    `lost ${count('lost')}, resurrected ${count('resurrected')}, duplicated ${twice + count('repeated')}, stale ${count('stale')}, other ${count('invented', 'misordered', 'refused but done')}`,
    `Porcupine: ${judged}`,
    `copies at the end: ${disagreements.length === 0 ? 'equal' : disagreements.join('; ')}`,
    ...violations.slice(0, SHOWN).map(({ fault, id, what }) => `  point ${id} ${fault}: ${what}`),
    `history: ${report.folder}`,
  ].join('\n')
}

/** The one way of log entries into the index: each is checked against the one before it (rules S1, S3). */
import { assertApplied } from '../../core/log/log-invariants.ts'
import { concatRows } from '../../core/row-codec.ts'
import { type LogEntry, type LogTip, verifyChain } from '../../store/log-entry.ts'
import type { IndexActor } from '../index/index-actor.ts'
import type { IndexStats } from '../index/index-calls.ts'

/**
 * Applies entries that continue the log after `tip`. If one does not, LogMismatch is thrown at once, not as a rejection, so that
 * neither the index nor the journal beside it gets any of them.
 */
export function indexEntries(index: IndexActor, tip: LogTip, entries: readonly LogEntry[]): Promise<IndexStats> {
  const point = verifyChain(tip, entries)
  const { bytes, places } = concatRows(entries.map(({ row }) => row))
  const applied = entries.map(({ type, version, userVersion, key, flag, idempotency }, i) => {
    const { start, end } = places[i] as (typeof places)[number]
    return { type, version, userVersion, key, flag, idempotency, rowStart: start, rowEnd: end }
  })
  return index.call('apply', { entries: applied, bytes, point }, [bytes.buffer]).then((stats) => {
    assertApplied(tip, entries.length, point, stats.tip)
    return stats
  })
}

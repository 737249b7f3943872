/** The one way of log entries into the index: each is checked against the one before it (rules S1, S3). */
import { concatRows } from '../../core/row-codec.ts'
import { type LogEntry, type LogTip, verifyChain } from '../../store/log-entry.ts'
import type { IndexActor } from '../index/index-actor.ts'
import type { IndexStats } from '../index/index-calls.ts'

/** Applies entries that continue the log after `tip`. Throws LogMismatch, before anything is applied, if one does not. */
export async function indexEntries(index: IndexActor, tip: LogTip, entries: readonly LogEntry[]): Promise<IndexStats> {
  const point = verifyChain(tip, entries)
  const { bytes, places } = concatRows(entries.map(({ row }) => row))
  const applied = entries.map(({ type, version, userVersion, key, flag, idempotency }, i) => {
    const { start, end } = places[i] as (typeof places)[number]
    return { type, version, userVersion, key, flag, idempotency, rowStart: start, rowEnd: end }
  })
  return await index.call('apply', { entries: applied, bytes, point }, [bytes.buffer])
}

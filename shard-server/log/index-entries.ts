/** The one way of log entries into the index: each is checked against the one before it (rules S1, S3). */
import { assertApplied } from '../../core/log/log-invariants.ts'
import { concatRows } from '../../core/row-codec.ts'
import { type LogEntry, type LogTip, verifyChain } from '../../store/log-entry.ts'
import type { AppliedEntry } from '../index/cell-state.ts'
import type { IndexActor } from '../index/index-actor.ts'
import type { IndexStats } from '../index/index-calls.ts'

/** Entries that continue the log after `tip`, as the index takes them. */
export interface LogBlock {
  tip: LogTip
  entries: readonly LogEntry[]
  /** The end of the log after them. */
  point: LogTip
  applied: AppliedEntry[]
  /** Their rows, one after the other. They move to the index thread: a block is applied once. */
  bytes: Uint8Array<ArrayBuffer>
}

/** Throws LogMismatch if one of the entries does not continue the log: neither the index nor the journal gets any of them. */
export function blockOf(tip: LogTip, entries: readonly LogEntry[]): LogBlock {
  const point = verifyChain(tip, entries)
  const { bytes, places } = concatRows(entries.map(({ row }) => row))
  const applied = entries.map(({ type, version, userVersion, key, flag, idempotency }, i) => {
    const { start, end } = places[i] as (typeof places)[number]
    return { type, version, userVersion, key, flag, idempotency, rowStart: start, rowEnd: end }
  })
  return { tip, entries, point, applied, bytes }
}

export async function indexBlock(
  index: IndexActor,
  { tip, entries, point, applied, bytes }: LogBlock,
): Promise<IndexStats> {
  const stats = await index.call('apply', { entries: applied, bytes, point }, [bytes.buffer])
  assertApplied(tip, entries.length, point, stats.tip)
  return stats
}

/** Both at once. LogMismatch is thrown, not a rejection. */
export function indexEntries(index: IndexActor, tip: LogTip, entries: readonly LogEntry[]): Promise<IndexStats> {
  return indexBlock(index, blockOf(tip, entries))
}

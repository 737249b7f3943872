/** The one way of log entries into the index: each is checked against the one before it (rules S1, S3). */
import { assertApplied } from '../../core/log/log-invariants.ts'
import { type BlockMemory, type EntryBlock, entryBlock, verifyBlock } from '../../store/entry-block.ts'
import type { LogEntry, LogTip } from '../../store/log-entry.ts'
import type { IndexActor } from '../index/index-actor.ts'
import type { IndexStats } from '../index/index-calls.ts'

/** Entries that were found to continue the log after their `tip`. */
export type LogBlock = EntryBlock & { readonly verified: true }

/** Throws LogMismatch if one of the entries does not continue the log: neither the index nor the journal gets any of them. */
export function verified(block: EntryBlock): LogBlock {
  verifyBlock(block)
  return { ...block, verified: true }
}

export function blockOf(tip: LogTip, entries: readonly LogEntry[]): LogBlock {
  return verified(entryBlock(tip, entries))
}

/**
 * The bytes of the block move to the index thread: it is applied once.
 * @param giveBack gets its memory afterwards
 */
export async function indexBlock(
  index: IndexActor,
  { tip, point, count, bytes, places }: LogBlock,
  giveBack?: (memory: BlockMemory) => void,
): Promise<IndexStats> {
  const applied = await index.call('apply', { count, bytes, places, point }, [bytes.buffer, places.buffer])
  const { stats, memory } = applied
  giveBack?.(memory)
  assertApplied(tip, count, point, stats.tip)
  return stats
}

/** Both at once. LogMismatch is thrown, not a rejection. */
export function indexEntries(index: IndexActor, tip: LogTip, entries: readonly LogEntry[]): Promise<IndexStats> {
  return indexBlock(index, blockOf(tip, entries))
}

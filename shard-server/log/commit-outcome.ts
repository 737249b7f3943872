/** What the operations of a request have come to, over all the batches that they were in. */
import { MaksError } from '../../core/errors.ts'
import type { OperationResult } from '../../protocol/shard-rpc.ts'
import type { CommitOutcome } from '../../store/cell-log.ts'
import { wasNotExecuted } from '../../store/redis-link.ts'

export interface Committed {
  results: OperationResult[]
  heads: Record<string, number>
  centroidVersion: number
  timeline: number
}

interface Done {
  result: OperationResult
  batch: CommitOutcome
}
/** Of one operation. */
export type Outcome = Done | MaksError

/**
 * One outcome of all. Throws the refusal if nothing was executed, and UNKNOWN_OUTCOME if that cannot be known of some; operations
 * that were refused after others were applied have the refusal as their result.
 */
export function combine(outcomes: Outcome[]): Committed {
  const failed = outcomes.filter((outcome) => outcome instanceof MaksError)
  const done = outcomes.filter((outcome): outcome is Done => !(outcome instanceof MaksError))
  const unknown = failed.find((error) => !wasNotExecuted(error))
  if (unknown) {
    const message = `${done.length} of ${outcomes.length} operations are known to be applied: ${unknown.message}`
    throw new MaksError('UNKNOWN_OUTCOME', message, { cause: unknown, details: { applied: done.length } })
  }
  if (failed[0] && done.length === 0) throw failed[0]
  const heads: Record<string, number> = {}
  const batches = [...new Set(done.map(({ batch }) => batch))]
  for (const batch of batches)
    for (const [cell, seq] of Object.entries(batch.heads)) heads[cell] = Math.max(heads[cell] ?? 0, seq)
  return {
    results: outcomes.map((outcome) =>
      outcome instanceof MaksError
        ? { outcome: 'refused', code: outcome.code, message: outcome.message }
        : outcome.result,
    ),
    heads,
    centroidVersion: Math.max(0, ...batches.map((batch) => batch.centroidVersion)),
    // Of several, the first: the log may have lost the entries of that timeline, and no later one proves that it has not.
    timeline: Math.min(...batches.map((batch) => batch.timeline)),
  }
}

/** Properties of the log that are asserted where a batch is appended and again where its entries are applied. */
import { assertInvariant } from '../invariant.ts'
import { formatPosition, type Position } from './position.ts'

/** A position and the hash of the entry at it. */
interface Tip {
  position: Position
  hash: string
}

/** At the commit: the log has answered each operation of the batch. Without it, results would belong to other operations. */
export function assertAnswered(operations: number, results: number): void {
  assertInvariant(results === operations, () => `a batch of ${operations} operations has ${results} results`)
}

/**
 * At the commit: the head of the primary's own log after a batch is not below an entry that the primary has seen in it.
 * @param seen number of the last entry that the primary has seen
 * @param head number that the reply gives; undefined if the batch did not touch the log
 */
export function assertHeadNotBelow(seen: number, head: number | undefined): void {
  assertInvariant(head === undefined || head >= seen, () => `the log ends at entry ${head} after it had entry ${seen}`)
}

/** At the replay: the index has applied exactly the verified entries, and its tip is theirs. */
export function assertApplied(before: Tip, entries: number, verified: Tip, applied: Tip): void {
  const { position, hash } = applied
  assertInvariant(
    position.seq === verified.position.seq && position.epoch === verified.position.epoch && hash === verified.hash,
    () => `the index is at ${formatPosition(position)} after entries up to ${formatPosition(verified.position)}`,
  )
  // A log that was lost with all its traces begins again above everything that was in it.
  assertInvariant(
    before.position.seq === 0 || position.seq === before.position.seq + entries,
    () => `${entries} entries brought the index from ${formatPosition(before.position)} to ${formatPosition(position)}`,
  )
}

/** At the journal: a batch continues the one that was appended before; the journal's reader checks the hashes again. */
export function assertContinues(last: number | undefined, first: number): void {
  assertInvariant(
    last === undefined || first === last + 1,
    () => `entry ${first} was to follow entry ${last} in the journal`,
  )
}

/**
 * Which operations a copy of a cell has heard of. The entries of a log are in the order of their versions, so a copy knows
 * all operations on its cell up to its newest entry, but for what was lost before a repair: the entry R with which a repair
 * begins carries the version up to which a log lacks for good what it does not have.
 */

/** Versions in (after, upTo] that the copy's log has lost, if there were any. */
export type Gap = [after: number, upTo: number]

export interface Heard {
  /** Ordering version of the newest entry. */
  version: number
  /** Oldest first. */
  gaps: readonly Gap[]
}

/** Older ones are forgotten: what may return of that time was let go so long ago that nobody remembers it. */
const GAPS_MAX = 64

/** A copy applies an entry of its log. */
export function hear(copy: Heard, { type, version }: { type: string; version: number }): void {
  if (type === 'R') copy.gaps = withGap(copy.gaps, [copy.version, version])
  copy.version = Math.max(copy.version, version)
}

function withGap(gaps: readonly Gap[], gap: Gap): readonly Gap[] {
  const [after, upTo] = gap
  if (upTo <= after) return gaps
  const last = gaps.at(-1)
  // A repair that was begun anew: nothing was heard between the two.
  if (last?.[1] === after) return [...gaps.slice(0, -1), [last[0], upTo]]
  return [...gaps, gap].slice(-GAPS_MAX)
}

/** Has the copy of a cell heard of an operation, if it was one on the cell? `copies`: one of each cell. */
export function heardBy(copies: readonly Heard[]): (cell: number, version: number) => boolean {
  return (cell, version) => {
    const copy = copies[cell]
    return (
      copy !== undefined &&
      version <= copy.version &&
      copy.gaps.every(([after, upTo]) => version <= after || version > upTo)
    )
  }
}

/**
 * Which operations a copy of a cell has heard of. The entries of a log are in the order of their versions, so a copy knows
 * all operations on its cell up to its newest entry, but for what was lost before a repair: the entry R with which a repair
 * begins carries the version up to which a log lacks for good what it does not have.
 */

/** Versions in (after, upTo] that the copy's log has lost, if there were any. */
export type Hole = [after: number, upTo: number]

export interface LogCoverage {
  /** Ordering version of the newest entry. */
  version: number
  /** Oldest first. */
  holes: readonly Hole[]
}

/** Older ones are forgotten: what may return of that time was let go so long ago that nobody remembers it. */
const HOLES_MAX = 64

/** A copy applies an entry of its log. */
export function coverEntry(copy: LogCoverage, { type, version }: { type: string; version: number }): void {
  if (type === 'R') copy.holes = withHole(copy.holes, [copy.version, version])
  copy.version = Math.max(copy.version, version)
}

function withHole(holes: readonly Hole[], hole: Hole): readonly Hole[] {
  const [after, upTo] = hole
  if (upTo <= after) return holes
  const last = holes.at(-1)
  // A repair that was begun anew: nothing was heard between the two.
  if (last?.[1] === after) return [...holes.slice(0, -1), [last[0], upTo]]
  return [...holes, hole].slice(-HOLES_MAX)
}

/** Has the copy of a cell heard of an operation, if it was one on the cell? `copies`: one of each cell. */
export function coveredBy(copies: readonly LogCoverage[]): (cell: number, version: number) => boolean {
  return (cell, version) => {
    const copy = copies[cell]
    return (
      copy !== undefined &&
      version <= copy.version &&
      copy.holes.every(([after, upTo]) => version <= after || version > upTo)
    )
  }
}

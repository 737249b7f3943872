/**
 * What becomes of an id after Redis has lost part of the logs: decided from what the chosen copy of each cell knows of it.
 * The copies may have stopped in the middle of an operation that touched several cells: one holds the new row or has let
 * the old one go, another has not heard of it. The state that is chosen is the newest of which a row is left.
 */
import type { IdKey } from '../ids.ts'

/** A live row of the id in a cell. */
export interface RowFact {
  cell: number
  flag: 'o' | 'c' | 'l'
  /** Ordering version. */
  version: number
  userVersion: number
}

/** A cell let the id go. */
export interface Tombstone {
  cell: number
  version: number
  /** Where the id lives on: a cell; null after a delete. */
  target: number | null
  /** Version of the operation that put the row into the target. */
  since: number
  /** The row that was let go, where it is still remembered. */
  evicted: { version: number; userVersion: number } | undefined
}

export interface DirectoryEntry {
  owner: number
  spill: number | null
  source: number | null
  userVersion: number
  version: number
}

/** An entry that makes the copies agree. U: the id's row becomes the owner's, in this cell. T: the cell lets the id go. */
export interface Fix {
  key: IdKey
  cell: number
  type: 'U' | 'T'
  flag: 'o' | '' | '-'
  userVersion: number | undefined
  /** U: the row is one that the cell has let go. */
  evicted: boolean
}

export interface Resolution {
  /** Undefined where the id does not exist. Its version is that of the fix of type U, where there is one. */
  value: DirectoryEntry | undefined
  fixes: Fix[]
  /** The id was moved on, the target's copy never heard of it, and nobody remembers the row. */
  lost: boolean
}

/** `heard(cell, version)`: has the chosen copy of the cell heard of that operation, if it was one on the cell? (`coverage.ts`) */
export function resolveId(
  key: IdKey,
  rows: readonly RowFact[],
  tombstones: readonly Tombstone[],
  isCovered: (cell: number, version: number) => boolean,
): Resolution {
  const uncovered = tombstones.filter(({ target, since }) => target !== null && !isCovered(target, since))
  const returning = uncovered.flatMap(({ cell, evicted: row }) => (row ? [{ cell, ...row }] : []))
  const newest = Math.max(0, ...rows.map(({ version }) => version), ...returning.map(({ version }) => version))
  const deleted = Math.max(0, ...tombstones.filter(({ target }) => target === null).map(({ version }) => version))
  const evict = (fact: RowFact, flag: '' | '-'): Fix => {
    return { key, cell: fact.cell, type: 'T', flag, userVersion: undefined, evicted: false }
  }
  if (newest === 0 || deleted > newest) {
    const lost = newest === 0 && deleted === 0 && uncovered.length > 0
    return { value: undefined, fixes: rows.map((fact) => evict(fact, '')), lost }
  }
  const current = rows.filter(({ version }) => version === newest)
  const owner = current.find(({ flag }) => flag === 'o')
  if (owner) {
    const copy = current.find(({ flag }) => flag === 'c')
    const source = current.find(({ flag }) => flag === 'l')
    const kept: (RowFact | undefined)[] = [owner, copy, source]
    return {
      value: {
        owner: owner.cell,
        spill: copy?.cell ?? null,
        source: source?.cell ?? null,
        userVersion: owner.userVersion,
        version: newest,
      },
      fixes: rows.filter((fact) => !kept.includes(fact)).map((fact) => evict(fact, '-')),
      lost: false,
    }
  }
  const promoted = current[0] ?? returning.find(({ version }) => version === newest)
  if (!promoted) throw new Error(`no row of ${key} has version ${newest}`)
  const { cell, userVersion } = promoted
  return {
    value: { owner: cell, spill: null, source: null, userVersion, version: newest },
    fixes: [
      { key, cell, type: 'U', flag: 'o', userVersion, evicted: current.length === 0 },
      ...rows.filter((fact) => fact.cell !== cell).map((fact) => evict(fact, '-')),
    ],
    lost: false,
  }
}

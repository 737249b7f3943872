/**
 * What becomes of an id after Redis has lost part of the logs: decided from what the chosen copy of each cell knows of it.
 * The copies may have stopped in the middle of an operation that touched several cells: one holds the new row or has let
 * the old one go, another has not heard of it. The state that is chosen is the newest of which a row is left.
 */
import type { IdKey } from './ids.ts'

/** A live row of the id in a cell. */
export interface RowFact {
  cell: number
  flag: 'o' | 'c' | 'l'
  /** Ordering version. */
  version: number
  userVersion: number
}

/** A cell let the id go. */
export interface Departure {
  cell: number
  version: number
  /** Where the id lives on: a cell; null after a delete. */
  target: number | null
  /** Version of the operation that put the row into the target. */
  since: number
  /** The row that was let go, where it is still remembered. */
  row: { version: number; userVersion: number } | undefined
}

export interface DirectoryValue {
  owner: number
  copy: number | null
  linger: number | null
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
  departed: boolean
}

export interface Verdict {
  /** Undefined where the id does not exist. Its version is that of the fix of type U, where there is one. */
  value: DirectoryValue | undefined
  fixes: Fix[]
  /** The id was moved on, the target's copy never heard of it, and nobody remembers the row. */
  lost: boolean
}

/** `heard(cell, version)`: has the chosen copy of the cell heard of that operation, if it was one on the cell? (`heard.ts`) */
export function judge(
  key: IdKey,
  rows: readonly RowFact[],
  departures: readonly Departure[],
  heard: (cell: number, version: number) => boolean,
): Verdict {
  const unheard = departures.filter(({ target, since }) => target !== null && !heard(target, since))
  const returning = unheard.flatMap(({ cell, row }) => (row ? [{ cell, ...row }] : []))
  const newest = Math.max(0, ...rows.map(({ version }) => version), ...returning.map(({ version }) => version))
  const deleted = Math.max(0, ...departures.filter(({ target }) => target === null).map(({ version }) => version))
  const letGo = (fact: RowFact, flag: '' | '-'): Fix => {
    return { key, cell: fact.cell, type: 'T', flag, userVersion: undefined, departed: false }
  }
  if (newest === 0 || deleted > newest) {
    const lost = newest === 0 && deleted === 0 && unheard.length > 0
    return { value: undefined, fixes: rows.map((fact) => letGo(fact, '')), lost }
  }
  const present = rows.filter(({ version }) => version === newest)
  const owner = present.find(({ flag }) => flag === 'o')
  if (owner) {
    const copy = present.find(({ flag }) => flag === 'c')
    const linger = present.find(({ flag }) => flag === 'l')
    const kept: (RowFact | undefined)[] = [owner, copy, linger]
    return {
      value: {
        owner: owner.cell,
        copy: copy?.cell ?? null,
        linger: linger?.cell ?? null,
        userVersion: owner.userVersion,
        version: newest,
      },
      fixes: rows.filter((fact) => !kept.includes(fact)).map((fact) => letGo(fact, '-')),
      lost: false,
    }
  }
  const heir = present[0] ?? returning.find(({ version }) => version === newest)
  if (!heir) throw new Error(`no row of ${key} has version ${newest}`)
  const { cell, userVersion } = heir
  return {
    value: { owner: cell, copy: null, linger: null, userVersion, version: newest },
    fixes: [
      { key, cell, type: 'U', flag: 'o', userVersion, departed: present.length === 0 },
      ...rows.filter((fact) => fact.cell !== cell).map((fact) => letGo(fact, '-')),
    ],
    lost: false,
  }
}

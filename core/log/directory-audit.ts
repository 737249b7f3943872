/**
 * What the directory says of an id, against the rows that the cells hold of it. The directory is an index over the cells:
 * where the two differ, the rows are right.
 */
import type { IdKey } from '../ids.ts'
import { type DirectoryEntry, type RowFact, resolveId } from './repair.ts'

/** The directory's value of an id that exists, or of one that was deleted at a version. */
export type DirectoryRecord = DirectoryEntry | { deleted: number }

/** @param text as kept in Redis: `owner|copy|source|user version|ordering version`, owner `-` for a deleted id; '' for none */
export function parseDirectoryRecord(text: string): DirectoryRecord | undefined {
  const [owner = '', copy = '', source = '', userVersion = '', version = ''] = text.split('|')
  if (version === '') return undefined
  if (owner === '-') return { deleted: Number(version) }
  const cellOf = (part: string) => (part === '' ? null : Number(part))
  return {
    owner: Number(owner),
    spill: cellOf(copy),
    source: cellOf(source),
    userVersion: Number(userVersion),
    version: Number(version),
  }
}

export function directoryText({ owner, spill: copy, source, userVersion, version }: DirectoryEntry): string {
  return [owner, copy ?? '', source ?? '', userVersion, version].join('|')
}

function flagIn(listing: DirectoryRecord | undefined, cell: number): RowFact['flag'] | undefined {
  if (listing === undefined || 'deleted' in listing) return undefined
  return listing.owner === cell ? 'o' : listing.spill === cell ? 'c' : listing.source === cell ? 'l' : undefined
}

/** Does the directory say of this cell what the cell's row, if it has one, says? */
export function agrees(listing: DirectoryRecord | undefined, cell: number, row: RowFact | undefined): boolean {
  const role = flagIn(listing, cell)
  if (role === undefined || row === undefined) return role === row?.flag
  const { version, userVersion } = listing as DirectoryEntry
  return row.flag === role && row.version === version && row.userVersion === userVersion
}

export type Correction =
  /** `value` for the directory, undefined where it stays; cells whose row is an older one, and is to go. */
  | { outcome: 'correct'; value: DirectoryEntry | undefined; stale: number[] }
  /** No cell holds the row that the directory tells of, or none holds it as its owner: the directory cannot help. */
  | { outcome: 'missing' }

/**
 * What is to be done where the directory and the rows of all cells, at one instant, differ; undefined where they agree.
 * @param rows one at most for each cell
 */
export function correctionOf(
  key: IdKey,
  listing: DirectoryRecord | undefined,
  rows: readonly RowFact[],
  cells: number,
): Correction | undefined {
  const inCell = (cell: number) => rows.find((row) => row.cell === cell)
  if (Array.from({ length: cells }, (_, cell) => agrees(listing, cell, inCell(cell))).every(Boolean)) return undefined
  const newest = Math.max(0, ...rows.map(({ version }) => version))
  if (listing && 'deleted' in listing && listing.deleted > newest)
    return { outcome: 'correct', value: undefined, stale: rows.map(({ cell }) => cell) }
  if (listing && !('deleted' in listing) && listing.version > newest) return { outcome: 'missing' }
  const { value, fixes } = resolveId(key, rows, [], () => true)
  if (!value || fixes.some(({ type }) => type === 'U')) return { outcome: 'missing' }
  return { outcome: 'correct', value, stale: fixes.map(({ cell }) => cell) }
}

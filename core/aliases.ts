/**
 * Aliases: further names of collections. Each collection keeps a table of its own aliases; if several tables have one name, as
 * between the two steps of a move, the record of the highest revision counts.
 */
import { MaksError } from './errors.ts'

/** The aliases that one collection keeps. */
export interface AliasTable {
  /** Of its last change; of all tables that one router serves, each change has a higher one. */
  revision: number
  /** From a name to the revision that gave it to this collection. */
  names: ReadonlyMap<string, number>
}

/** By collection. */
export type AliasTables = ReadonlyMap<string, AliasTable>

/** From an alias to its collection. */
export type Aliases = ReadonlyMap<string, string>

export const NO_ALIASES: AliasTable = { revision: 0, names: new Map() }

export type AliasAction =
  | { type: 'create'; alias: string; collection: string }
  | { type: 'delete'; alias: string }
  | { type: 'rename'; alias: string; to: string }

/** A change of the table of one collection. */
export interface TableChange {
  collection: string
  set: string[]
  remove: string[]
}

/** In the order of their names. */
export function aliasesOf(tables: AliasTables): Map<string, string> {
  const newest = new Map<string, { collection: string; revision: number }>()
  for (const [collection, { names }] of tables) {
    for (const [alias, revision] of names) {
      const known = newest.get(alias)
      if (known === undefined || known.revision < revision) newest.set(alias, { collection, revision })
    }
  }
  const sorted = [...newest].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(sorted.map(([alias, { collection }]) => [alias, collection]))
}

/**
 * The aliases after the actions, one after the other, with Qdrant's rules: an alias that exists is moved by `create` and by
 * `rename` to its name, and deleting one that does not exist changes nothing. Throws what Qdrant answers: NOT_FOUND for a
 * collection or an alias that does not exist, ALREADY_EXISTS for an alias with the name of a collection.
 */
export function afterActions(
  before: Aliases,
  actions: readonly AliasAction[],
  isCollection: (name: string) => boolean,
): Map<string, string> {
  const after = new Map(before)
  const give = (alias: string, collection: string) => {
    if (isCollection(alias))
      throw new MaksError('ALREADY_EXISTS', `Wrong input: Collection \`${alias}\` already exists!`)
    after.set(alias, collection)
  }
  for (const action of actions) {
    if (action.type === 'create') {
      if (!isCollection(action.collection))
        throw new MaksError('NOT_FOUND', `Not found: Collection \`${action.collection}\` doesn't exist!`)
      give(action.alias, action.collection)
    } else if (action.type === 'delete') after.delete(action.alias)
    else {
      const collection = after.get(action.alias)
      if (collection === undefined)
        throw new MaksError('NOT_FOUND', `Not found: Alias ${action.alias} does not exists!`)
      after.delete(action.alias)
      give(action.to, collection)
    }
  }
  return after
}

/** What changes for clients, and the records that no longer count. */
export interface AliasChanges {
  /** With these, `after` is in force. */
  visible: TableChange[]
  /** Records of names that end by `visible`, which must go first: without them, they would come back with it. */
  before: TableChange[]
  /** Records that no longer count once `visible` is done. */
  later: TableChange[]
}

export function aliasChanges(tables: AliasTables, after: Aliases): AliasChanges {
  const now = aliasesOf(tables)
  const visible = new Map<string, TableChange>()
  const first = new Map<string, TableChange>()
  const later = new Map<string, TableChange>()
  for (const [alias, collection] of after)
    if (now.get(alias) !== collection) changeOf(visible, collection).set.push(alias)
  for (const [collection, { names }] of tables) {
    for (const alias of names.keys()) {
      const to = after.get(alias)
      if (to === collection) continue
      const ends = to === undefined
      const counts = now.get(alias) === collection
      changeOf(ends ? (counts ? visible : first) : later, collection).remove.push(alias)
    }
  }
  return { visible: [...visible.values()], before: [...first.values()], later: [...later.values()] }
}

function changeOf(changes: Map<string, TableChange>, collection: string): TableChange {
  const known = changes.get(collection)
  if (known) return known
  const made: TableChange = { collection, set: [], remove: [] }
  changes.set(collection, made)
  return made
}

/** The table after a change of this revision. */
export function changedTable({ names }: AliasTable, { set, remove }: TableChange, revision: number): AliasTable {
  const kept = [...names].filter(([alias]) => !remove.includes(alias))
  return { revision, names: new Map([...kept, ...set.map((alias): [string, number] => [alias, revision])]) }
}

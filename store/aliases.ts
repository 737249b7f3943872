/**
 * Aliases in Redis: each collection has a table of its own, so that they go with its keys. They are in no log: if Redis loses
 * them, no repair brings them back.
 */
import type { AliasTable, TableChange } from '../core/aliases.ts'
import { MaksError } from '../core/errors.ts'
import { keysOf } from '../protocol/keys.ts'
import { type Redis, redisError } from './connection.ts'
import { runScript } from './scripts.ts'
import type { CollectionScope, OwnedScope } from './topology.ts'

/** The field of a table that has its revision: no alias is empty. */
const REVISION = ''

export async function readAliases(redis: Redis, scope: CollectionScope): Promise<AliasTable> {
  try {
    const fields = await redis.hgetall(keysOf(scope.namespace, scope.name).aliases)
    const names = Object.entries(fields).flatMap(([alias, revision]): [string, number][] =>
      alias === REVISION ? [] : [[alias, Number(revision)]],
    )
    return { revision: Number(fields[REVISION] ?? 0), names: new Map(names) }
  } catch (error) {
    throw redisError(error)
  }
}

/** A change of one table, and the revision of the table that it follows from. */
export interface ExpectedChange extends Pick<TableChange, 'set' | 'remove'> {
  scope: OwnedScope
  expected: number
}

/**
 * Changes the tables of collections on one Redis, all or none. Returns false, and changes nothing, if a table has another
 * revision by now. Throws NOT_READY if a collection has no owner yet, or another one.
 * @param revision of this change, above that of every table that the router serves
 */
export async function changeAliases(
  redis: Redis,
  changes: readonly ExpectedChange[],
  revision: number,
): Promise<boolean> {
  const keys = changes.flatMap(({ scope }) => {
    const { meta, aliases } = keysOf(scope.namespace, scope.name)
    return [meta, aliases]
  })
  const expected = changes.flatMap(({ scope, expected: from }) => [scope.uid, from])
  const names = changes.flatMap(({ set, remove }, i) => [
    ...set.flatMap((alias) => [i, alias, '1']),
    ...remove.flatMap((alias) => [i, alias, '']),
  ])
  const [code] = await runScript(redis, 'change-aliases', keys, [changes.length, revision, ...expected, ...names])
  if (code === 'OTHER') throw new MaksError('NOT_READY', 'the collection is not ready yet')
  return code === 'OK'
}

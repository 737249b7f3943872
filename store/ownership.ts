/** Claims on the keys of a collection that end, or change hands (rule L25). Who claims first is the affair of `claim-cell.lua`. */
import type { DataIdentity } from '../core/data-identity.ts'
import { keysOf } from '../protocol/keys.ts'
import { type Redis, redisError } from './connection.ts'
import { runScript } from './scripts.ts'
import type { OwnedScope } from './topology.ts'

const SCAN_COUNT = 1000

/** What became of a wish; `other` is who owns the keys, '' if they are unclaimed. */
export type Ownership = { done: true } | { done: false; uid: string; other: string }

function ownership(reply: readonly string[]): Ownership {
  if (reply[0] === 'OK') return { done: true }
  return { done: false, uid: reply[1] ?? '', other: reply[2] ?? '' }
}

/** The owner ends, and leaves its data to a later VectorCluster of its name. */
export async function disownKeys(redis: Redis, scope: OwnedScope): Promise<Ownership> {
  return ownership(await runScript(redis, 'disown-keys', [keysOf(scope.namespace, scope.name).meta], [scope.uid]))
}

/** An administrator states that the owner with the uid `earlier` has ended: its data is this VectorCluster's from now on. */
export async function adoptKeys(
  redis: Redis,
  scope: OwnedScope,
  { owner, since }: Pick<DataIdentity, 'owner' | 'since'>,
  earlier: string,
): Promise<Ownership> {
  const { meta, gate } = keysOf(scope.namespace, scope.name)
  return ownership(await runScript(redis, 'adopt-keys', [meta, gate], [earlier, scope.uid, owner, since]))
}

/** Removes every key of a collection, for its owner alone. Returns their number, or whose they are. */
export async function eraseKeys(redis: Redis, scope: OwnedScope): Promise<number | { uid: string; other: string }> {
  const { meta } = keysOf(scope.namespace, scope.name)
  const pattern = `${meta.replace(/meta$/, '').replace(/[[\]?*\\]/g, '\\$&')}*`
  let removed = 0
  let cursor = '0'
  try {
    do {
      const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)
      cursor = next
      const keys = found.filter((key) => key !== meta)
      if (keys.length === 0) continue
      const [code, first = '0', other = ''] = await runScript(redis, 'erase-keys', [meta, ...keys], [scope.uid])
      if (code !== 'OK') return { uid: first, other }
      removed += Number(first)
    } while (cursor !== '0')
  } catch (error) {
    throw redisError(error)
  }
  const [code, last = '0', other = ''] = await runScript(redis, 'erase-keys', [meta], [scope.uid])
  if (code === 'OK') return removed + Number(last)
  return { uid: last, other }
}

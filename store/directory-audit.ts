/** The scripts of the audit of the directory: what it says, and its correction. See DESIGN.md, rule L22. */
import { listingText } from '../core/directory.ts'
import { hashKey, type IdKey } from '../core/ids.ts'
import { type Position, parsePosition } from '../core/position.ts'
import type { DirectoryValue } from '../core/repair.ts'
import { allCellKeys, DIRECTORY_BUCKETS, keysOf } from '../protocol/keys.ts'
import type { Redis } from './connection.ts'
import { type Argument, runScript } from './scripts.ts'
import type { CollectionScope } from './topology.ts'

/** Buckets that one script looks into, where they are empty. */
const BUCKETS_PER_CALL = 1024

/** What the directory says of ids at one instant. */
export interface Listings {
  version: number
  history: number
  heads: Position[]
  /** One for each id, as kept; '' for none. */
  texts: string[]
}

/** A value for the directory in the place of the one that was compared with the rows, and cells whose row is to go. */
export interface Amendment {
  key: IdKey
  expected: string
  value: DirectoryValue | undefined
  stale: readonly number[]
}

function bucketOf(scope: CollectionScope, key: IdKey): string {
  return keysOf(scope.namespace, scope.name).directory(hashKey(key) % DIRECTORY_BUCKETS)
}

/** Undefined while the gate is closed. */
export async function readListings(
  redis: Redis,
  scope: CollectionScope,
  ids: readonly IdKey[],
): Promise<Listings | undefined> {
  const keys = [
    ...allCellKeys(keysOf(scope.namespace, scope.name), scope.clusters),
    ...ids.map((key) => bucketOf(scope, key)),
  ]
  const r = await runScript(redis, 'cut', keys, [scope.clusters, ...ids])
  if (r[0] !== 'OK') return undefined
  const heads = r.slice(6, 6 + scope.clusters).map(parsePosition)
  return { version: Number(r[1]), history: Number(r[5]), heads, texts: r.slice(6 + scope.clusters) }
}

/**
 * Ids that the directory says the cell holds, of the buckets from `from` on, about `limit` of them; `next` is the bucket to
 * go on from, or null after the last.
 */
export async function readListed(
  redis: Redis,
  scope: CollectionScope,
  cell: number,
  from: number,
  limit: number,
): Promise<{ keys: IdKey[]; next: number | null }> {
  const all = keysOf(scope.namespace, scope.name)
  const to = Math.min(DIRECTORY_BUCKETS, from + BUCKETS_PER_CALL)
  const buckets = Array.from({ length: to - from }, (_, i) => all.directory(from + i))
  const [, read = '0', ...keys] = await runScript(redis, 'listed', buckets, [cell, limit])
  const next = from + Number(read)
  return { keys: keys as IdKey[], next: next < DIRECTORY_BUCKETS ? next : null }
}

/**
 * Corrects the directory, and the counters by what they are short of. Returns which amendments were made; the id of any
 * other has changed meanwhile. Undefined where the gate is closed or has opened anew since the rows were told, another pod
 * leads, or a log is not whole.
 */
export async function amend(
  redis: Redis,
  scope: CollectionScope & { cell: number },
  token: string,
  history: number,
  amendments: readonly Amendment[],
  counters = { rows: 0, copies: 0 },
): Promise<boolean[] | undefined> {
  const keys = [
    ...allCellKeys(keysOf(scope.namespace, scope.name), scope.clusters),
    ...amendments.map(({ key }) => bucketOf(scope, key)),
  ]
  const args = amendments.flatMap(({ key, expected, value, stale }): Argument[] => [
    key,
    expected,
    value ? listingText(value) : '',
    stale.length,
    ...stale,
  ])
  const { rows, copies } = counters
  const fixed = [scope.cell, scope.clusters, token, history, rows, copies, amendments.length]
  const [code, ...made] = await runScript(redis, 'amend', keys, [...fixed, ...args])
  return code === 'OK' ? made.map((one) => one === '1') : undefined
}

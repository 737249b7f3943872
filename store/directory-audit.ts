/** The scripts of the audit of the directory: its scan for the ids of a cell, and its correction. See DESIGN.md, rule L22. */

import type { IdKey } from '../core/ids.ts'
import { directoryText } from '../core/log/directory-audit.ts'
import type { DirectoryEntry } from '../core/log/repair.ts'
import { allCellKeys, bucketOf, DIRECTORY_BUCKETS, keysOf } from '../protocol/keys.ts'
import type { Redis } from './connection.ts'
import { type Argument, runScript } from './scripts.ts'
import type { CollectionScope } from './topology.ts'

/** Buckets that one script looks into, where they are empty. */
const BUCKETS_PER_CALL = 1024

/** A value for the directory in the place of the one that was compared with the rows, and cells whose row is to go. */
export interface DirectoryCorrection {
  key: IdKey
  expected: string
  value: DirectoryEntry | undefined
  stale: readonly number[]
}

/**
 * Ids whose directory entry names the cell, of the buckets from `from` on, about `limit` of them; `next` is the bucket to
 * continue from, or null after the last.
 */
export async function scanDirectory(
  redis: Redis,
  scope: CollectionScope,
  cell: number,
  from: number,
  limit: number,
): Promise<{ keys: IdKey[]; next: number | null }> {
  const all = keysOf(scope.namespace, scope.name)
  const to = Math.min(DIRECTORY_BUCKETS, from + BUCKETS_PER_CALL)
  const buckets = Array.from({ length: to - from }, (_, i) => all.directory(from + i))
  const [, read = '0', ...keys] = await runScript(redis, 'scan-directory', buckets, [cell, limit])
  const next = from + Number(read)
  return { keys: keys as IdKey[], next: next < DIRECTORY_BUCKETS ? next : null }
}

/**
 * Corrects the directory, and the counters by what they are short of. Returns which corrections were made; the id of any
 * other has changed meanwhile. Undefined if the gate is closed or has opened again since the rows were read, another pod
 * leads, or a log is not whole.
 */
export async function correctDirectory(
  redis: Redis,
  scope: CollectionScope & { cell: number },
  token: string,
  timeline: number,
  corrections: readonly DirectoryCorrection[],
  counters = { rows: 0, copies: 0 },
): Promise<boolean[] | undefined> {
  const all = keysOf(scope.namespace, scope.name)
  const buckets = corrections.map(({ key }) => all.directory(bucketOf(key)))
  const keys = [...allCellKeys(all, scope.clusters), ...buckets]
  const args = corrections.flatMap(({ key, expected, value, stale }): Argument[] => [
    key,
    expected,
    value ? directoryText(value) : '',
    stale.length,
    ...stale,
  ])
  const { rows, copies } = counters
  const fixed = [scope.cell, scope.clusters, token, timeline, rows, copies, corrections.length]
  const [code, ...made] = await runScript(redis, 'correct-directory', keys, [...fixed, ...args])
  return code === 'OK' ? made.map((one) => one === '1') : undefined
}

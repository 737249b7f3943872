/** The scripts of a repair: each is refused once another pod repairs, or Redis has changed again. See DESIGN.md, rule L21. */

import type { IdKey } from '../core/ids.ts'
import { directoryText } from '../core/log/directory-audit.ts'
import { IDEMPOTENCY_TTL_MS, type IdempotencyRecord } from '../core/log/idempotency.ts'
import { formatPosition, parsePosition } from '../core/log/position.ts'
import type { DirectoryEntry, Fix } from '../core/log/repair.ts'
import { allCellKeys, bucketOf, keysOf } from '../protocol/keys.ts'
import { type Redis, redisError } from './connection.ts'
import type { LogTip } from './log-entry.ts'
import { type Argument, runScript } from './scripts.ts'
import type { CollectionScope } from './topology.ts'

/** If a repair has taken no step for so long, another pod may begin it again. */
export const REPAIR_MS = 10_000
/** Buckets that are replaced together. */
const BUCKETS_PER_CALL = 64
/** Entries that are appended together. */
export const FIXES_PER_CALL = 128
/** Records of idempotency keys that are written together. */
const RECORDS_PER_CALL = 500

/** The replica state that the log of a cell continues from. */
export interface ChosenReplica {
  cell: number
  pod: string
  tip: LogTip
  version: number
}

export interface FixWithRow {
  fix: Fix
  /** The row, for fixes of type U. */
  row: Uint8Array
}

export class RepairLost extends Error {
  constructor() {
    super('another pod repairs the log, or Redis has changed again')
    this.name = 'RepairLost'
  }
}

export class RepairLog {
  readonly #redis: Redis
  readonly #scope: CollectionScope
  readonly #token: string

  constructor(redis: Redis, scope: CollectionScope, token: string) {
    this.#redis = redis
    this.#scope = scope
    this.#token = token
  }

  /** Every log continues from its chosen replica state. Returns the cells whose log was replaced. */
  async begin(
    copies: readonly ChosenReplica[],
    version: number,
    centroids: { version: number; bytes: Uint8Array },
  ): Promise<number[]> {
    const keys = keysOf(this.#scope.namespace, this.#scope.name)
    const places = copies.flatMap(({ tip: point, pod }) => [formatPosition(point.position), point.hash, pod])
    const reply = await this.#run(
      'repair-begin',
      [...this.#allCells(), keys.centroids, keys.idempotency],
      [this.#scope.clusters, version, centroids.version, centroids.bytes, ...places],
    )
    return (reply[2] ?? '').split(',').filter(Boolean).map(Number)
  }

  /** Appends fixes; returns the ordering version of each. */
  async append(fixes: readonly FixWithRow[]): Promise<number[]> {
    const args = fixes.flatMap(({ fix, row }): Argument[] => [
      fix.cell,
      fix.type,
      fix.key,
      fix.flag,
      fix.userVersion ?? '',
      row,
    ])
    const reply = await this.#run('repair-append', this.#allCells(), [this.#scope.clusters, fixes.length, ...args])
    return reply.slice(1).map(Number)
  }

  /** Replaces the buckets [from, to) of the directory. */
  async writeDirectory(from: number, to: number, values: ReadonlyMap<IdKey, DirectoryEntry>): Promise<void> {
    const buckets = Array.from({ length: to - from }, (): string[] => [])
    for (const [key, value] of values) buckets[bucketOf(key) - from]?.push(key, directoryText(value))
    const keys = keysOf(this.#scope.namespace, this.#scope.name)
    for (let at = 0; at < buckets.length; at += BUCKETS_PER_CALL) {
      const some = buckets.slice(at, at + BUCKETS_PER_CALL)
      await this.#run(
        'repair-directory',
        [keys.meta, keys.gate, ...some.map((_, i) => keys.directory(from + at + i))],
        some.flatMap((entries) => [entries.length / 2, ...entries]),
      )
    }
  }

  /** Writes down again what requests with idempotency keys have come to; `rebase` has forgotten all of it. */
  async writeIdempotency(records: readonly IdempotencyRecord[]): Promise<void> {
    const keys = keysOf(this.#scope.namespace, this.#scope.name)
    for (let at = 0; at < records.length; at += RECORDS_PER_CALL) {
      const some = records.slice(at, at + RECORDS_PER_CALL)
      await this.#run(
        'repair-idempotency',
        [keys.meta, keys.gate, keys.idempotency, ...some.map(({ request }) => keys.idempotencyRecord(request))],
        [IDEMPOTENCY_TTL_MS, ...some.flatMap(({ digest, at: then, id, result }) => [digest, then, id, result])],
      )
    }
  }

  async finish(rows: number, copies: number, report: string): Promise<void> {
    const keys = keysOf(this.#scope.namespace, this.#scope.name)
    await this.#run('repair-finish', [keys.meta, keys.gate], [rows, copies, report])
  }

  #allCells(): string[] {
    return allCellKeys(keysOf(this.#scope.namespace, this.#scope.name), this.#scope.clusters)
  }

  async #run(
    name: 'repair-begin' | 'repair-append' | 'repair-directory' | 'repair-idempotency' | 'repair-finish',
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<string[]> {
    const reply = await runScript(this.#redis, name, keys, [this.#token, REPAIR_MS, ...args]).catch(
      (error: unknown) => {
        throw redisError(error)
      },
    )
    if (reply[0] !== 'OK') throw new RepairLost()
    return reply
  }
}

/** The reply of claim-cell.lua to the pod that is to repair. */
export function parsePlan(reply: readonly string[]): ChosenReplica[] {
  const copies: ChosenReplica[] = []
  for (let at = 3; at < reply.length; at += 4) {
    const [pod = '', position = '', hash = '', version = '0'] = reply.slice(at, at + 4)
    const point = { position: parsePosition(position), hash }
    copies.push({ cell: copies.length, pod, tip: point, version: Number(version) })
  }
  return copies
}

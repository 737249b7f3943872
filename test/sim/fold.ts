/** What a simulated pod keeps: in its memory the fold of a log, as far as the simulation looks at it, and its volume. */

import type { IdKey } from '../../core/ids.ts'
import { coverEntry, type Hole } from '../../core/log/coverage.ts'
import { parseIdempotencyRecord } from '../../core/log/idempotency.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { decodeRow } from '../../core/row-codec.ts'
import { IdempotencyRecords } from '../../shard-server/index/idempotency-records.ts'
import type { StoredRow } from '../../shard-server/index/row-store.ts'
import { Tombstones } from '../../shard-server/index/tombstones.ts'
import { type LogEntry, type LogTip, parseEditFlag } from '../../store/log-entry.ts'

export const START: LogTip = { position: ORIGIN, hash: '' }

export class Fold {
  readonly live = new Map<IdKey, StoredRow>()
  readonly tombstones = new Tombstones()
  point: LogTip = START
  version = 0
  holes: readonly Hole[] = []
  centroids: { version: number; bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) }
  readonly idempotency = new IdempotencyRecords()
  /** Versions under which the content was applied. */
  readonly executed = new Map<string, Set<number>>()

  get rows() {
    const all = [...this.live.values()]
    return {
      liveRows: () => all.map((_, i) => i),
      liveRow: (key: IdKey) => {
        const at = all.findIndex((row) => row.key === key)
        return at < 0 ? undefined : at
      },
      at: (row: number) => all[row] as StoredRow,
    }
  }

  apply(entry: LogEntry): void {
    const { type, key, version, userVersion, flag, row, idempotency } = entry
    coverEntry(this, entry)
    if (idempotency !== '') this.idempotency.note(parseIdempotencyRecord(key, idempotency))
    if (type === 'C') this.centroids = { version: userVersion, bytes: row }
    const present = this.live.get(key)
    if (present && present.born >= version) return
    if (type === 'P' && present) {
      const { flag: of, base } = parseEditFlag(flag)
      if (present.born === base)
        this.#put({ ...present, born: version, userVersion, flag: of, payload: row.toString() })
    }
    if (type === 'T') {
      this.live.delete(key)
      this.tombstones.note(key, version, flag, present)
    } else if (type === 'U') {
      const { payload, vector } = decodeRow(row, 2)
      this.#put({ key, born: version, userVersion, flag: flag as 'o', payload, vector })
      this.tombstones.forget(key)
    }
  }

  #put(row: StoredRow): void {
    const { key, payload, userVersion } = row
    this.executed.set(payload, new Set(this.executed.get(payload)).add(userVersion))
    this.live.set(key, row)
  }

  /** What a snapshot keeps. */
  copy(tombstones = true): Fold {
    const fold = new Fold()
    for (const [key, row] of this.live) fold.live.set(key, row)
    if (tombstones) for (const [key, evicted] of this.tombstones.entries()) fold.tombstones.keep(key, evicted)
    for (const record of this.idempotency.all()) fold.idempotency.note(record)
    for (const [payload, versions] of this.executed) fold.executed.set(payload, versions)
    fold.point = this.point
    fold.version = this.version
    fold.holes = this.holes
    fold.centroids = this.centroids
    return fold
  }
}

export interface Volume {
  /** Newest last. */
  snapshots: Fold[]
  mark: LogTip | undefined
  /** The last takeover that the pod has seen. */
  seen: number
}

/** What a simulated pod keeps: in its memory the fold of a log, as far as the simulation looks at it, and its volume. */
import { type Gap, hear } from '../../core/heard.ts'
import type { IdKey } from '../../core/ids.ts'
import { parseOnce } from '../../core/once.ts'
import { ORIGIN } from '../../core/position.ts'
import { decodeRow } from '../../core/row-codec.ts'
import { Departures } from '../../shard-server/index/departures.ts'
import { OnceRecords } from '../../shard-server/index/once-records.ts'
import type { StoredRow } from '../../shard-server/index/row-store.ts'
import type { LogEntry, LogPoint } from '../../store/log-entry.ts'

export const START: LogPoint = { position: ORIGIN, hash: '' }

export class Fold {
  readonly live = new Map<IdKey, StoredRow>()
  readonly departures = new Departures()
  point: LogPoint = START
  version = 0
  gaps: readonly Gap[] = []
  centroids: { version: number; bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) }
  readonly once = new OnceRecords()
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
    const { type, key, version, userVersion, flag, row, once } = entry
    hear(this, entry)
    if (once !== '') this.once.note(parseOnce(key, once))
    if (type === 'C') this.centroids = { version: userVersion, bytes: row }
    const present = this.live.get(key)
    if (present && present.born >= version) return
    if (type === 'T') {
      this.live.delete(key)
      this.departures.note(key, version, flag, present)
    } else if (type === 'U') {
      const { payload, vector } = decodeRow(row, 2)
      this.executed.set(payload, new Set(this.executed.get(payload)).add(userVersion))
      this.live.set(key, { key, born: version, userVersion, flag: flag as 'o', payload, vector })
      this.departures.forget(key)
    }
  }

  /** What a snapshot keeps. */
  copy(departures = true): Fold {
    const fold = new Fold()
    for (const [key, row] of this.live) fold.live.set(key, row)
    if (departures) for (const [key, departed] of this.departures.entries()) fold.departures.keep(key, departed)
    for (const record of this.once.all()) fold.once.note(record)
    for (const [payload, versions] of this.executed) fold.executed.set(payload, versions)
    fold.point = this.point
    fold.version = this.version
    fold.gaps = this.gaps
    fold.centroids = this.centroids
    return fold
  }
}

export interface Volume {
  /** Newest last. */
  snapshots: Fold[]
  mark: LogPoint | undefined
  /** The last takeover that the pod has seen. */
  seen: number
}

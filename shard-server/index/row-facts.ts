/**
 * The calls of a repair to the state of a cell: the facts of the ids in some buckets of the directory, and rows to
 * append.
 */
import type { IdKey } from '../../core/ids.ts'
import type { RowFact, Tombstone } from '../../core/log/repair.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { bucketOf } from '../../protocol/keys.ts'
import type { FactsResponse } from '../../protocol/repair-rpc.ts'
import type { IdempotencyRecords } from './idempotency-records.ts'
import type { StoredRow } from './row-store.ts'
import type { Tombstones } from './tombstones.ts'

/** The part of a cell's state that a repair reads. */
export interface RepairedState {
  rows: {
    liveRows(): number[]
    liveRow(key: IdKey): number | undefined
    at(row: number): StoredRow
  }
  tombstones: Tombstones
  idempotency: IdempotencyRecords
}

/** The ids whose bucket is in [from, to). */
export function facts(state: RepairedState, from: number, to: number): FactsResponse {
  const { rows, tombstones, idempotency } = state
  const asked = (key: IdKey) => {
    const bucket = bucketOf(key)
    return bucket >= from && bucket < to
  }
  const answer: FactsResponse = {
    rows: [],
    tombstones: [],
    idempotency: [...idempotency.all()].filter(({ id }) => asked(id)),
  }
  for (const row of rows.liveRows()) {
    const stored = rows.at(row)
    if (asked(stored.key)) answer.rows.push(rowFact(stored))
  }
  for (const [key, { version, target, since, row }] of tombstones.entries()) {
    if (asked(key)) answer.tombstones.push([key, version, target, since, row ? [row.born, row.userVersion] : null])
  }
  return answer
}

/** The live rows of some ids. */
export function rowFacts({ rows }: RepairedState, keys: readonly IdKey[]): FactsResponse['rows'] {
  return keys.flatMap((key) => {
    const live = rows.liveRow(key)
    return live === undefined ? [] : [rowFact(rows.at(live))]
  })
}

function rowFact({ key, flag, born, userVersion }: StoredRow): FactsResponse['rows'][number] {
  return [key, flag, born, userVersion]
}

/** The rows and tombstones of an id in all cells. */
export interface KnownOfId {
  rows: RowFact[]
  tombstones: Tombstone[]
}

/** Adds the facts of one cell to those of each id. */
export function addFacts(ids: Map<IdKey, KnownOfId>, cell: number, answer: FactsResponse): void {
  const of = (key: IdKey) => {
    const known = ids.get(key) ?? { rows: [], tombstones: [] }
    ids.set(key, known)
    return known
  }
  for (const [key, flag, version, userVersion] of answer.rows) of(key).rows.push({ cell, flag, version, userVersion })
  for (const [key, version, target, since, row] of answer.tombstones) {
    const kept = row ? { version: row[0], userVersion: row[1] } : undefined
    of(key).tombstones.push({ cell, version, target, since, evicted: kept })
  }
}

/** The rows of ids, as entries of the log carry them. Throws if one is not held: it was when the facts were read. */
export function heldRows(state: RepairedState, asked: readonly { key: IdKey; evicted: boolean }[]): Uint8Array[] {
  return asked.map(({ key, evicted }) => {
    const live = state.rows.liveRow(key)
    const row = evicted ? state.tombstones.get(key)?.row : live === undefined ? undefined : state.rows.at(live)
    if (!row) throw new Error(`no row of ${key} is held any more`)
    return encodeRow({ vector: row.vector, payload: row.payload })
  })
}

/** Edits: changes of points that depend on what the points are. Each is carried out point by point (`edit-run.ts`). */
import type { FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import type { PayloadEdit } from '../../core/payload-edit.ts'
import { bytesOf } from '../../core/vector.ts'
import { type Asked, askedByWrites } from '../write/idempotency.ts'
import type { Write } from '../write/writes.ts'

export interface Edit {
  /** The points of these ids, each once, or those that match; undefined: all points. */
  target: { keys: readonly IdKey[] } | { matching: FilterText | undefined }
  change: Change
  /** A point that is there is changed only if it matches; absent: always. */
  onlyIf?: FilterText
}

export type Change =
  | { is: 'delete' }
  | { is: 'payload'; edit: PayloadEdit }
  /** A vector for each id of the target. */
  | { is: 'vectors'; vectors: ReadonlyMap<IdKey, Float32Array> }
  /** An upsert for each id of the target. */
  | { is: 'upserts'; writes: ReadonlyMap<IdKey, Write>; mode: UpdateMode }

/** Which points an upsert writes: all, those that are not there, or those that are. */
export type UpdateMode = 'upsert' | 'insert_only' | 'update_only'

/** One operation of a request that writes. */
export type PointOperation = { is: 'writes'; writes: readonly Write[] } | { is: 'edit'; edit: Edit }

/** The points that an operation names; undefined if it finds them by a filter. */
export function pointsNamed(operation: PointOperation): number | undefined {
  if (operation.is === 'writes') return operation.writes.length
  const { target } = operation.edit
  return 'keys' in target ? target.keys.length : undefined
}

/** What an operation asks for, for the digest of an idempotency key. */
export function* askedBy(operation: PointOperation, ifVersion: number | undefined): Asked {
  if (operation.is === 'writes') yield* askedByWrites(conditional(operation.writes, ifVersion))
  else yield* askedByEdit(operation.edit, ifVersion)
}

function* askedByEdit({ target, change, onlyIf }: Edit, ifVersion: number | undefined): Asked {
  yield exactStringify([change.is, target, onlyIf ?? null, ifVersion ?? null])
  if (change.is === 'payload') yield exactStringify(change.edit)
  if (change.is === 'vectors') for (const vector of change.vectors.values()) yield bytesOf(vector)
  if (change.is === 'upserts') {
    yield change.mode
    yield* askedByWrites([...change.writes.values()])
  }
}

export function conditional(writes: readonly Write[], ifVersion: number | undefined): readonly Write[] {
  return ifVersion === undefined ? writes : writes.map((one) => ({ ...one, ifVersion }))
}

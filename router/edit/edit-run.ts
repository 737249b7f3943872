/**
 * One edit of a collection: reads points at a strong cut, computes what they become, and writes each under the condition that it
 * still has the version that was read (rule R26). A point that was written in between is read again, with its filter. So each
 * point is changed at one instant, between the writes of others, and no write of another is lost.
 */
import { asMaksError, MaksError } from '../../core/errors.ts'
import { compileFilter, type RowTest, StoredRow, type TextFields } from '../../core/filter/compile-filter.ts'
import { decodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { type IdKey, idText } from '../../core/ids.ts'
import { EDIT_ATTEMPTS_MAX } from '../../core/limits.ts'
import { editPayload } from '../../core/payload-edit.ts'
import type { OperationResult } from '../../protocol/shard-rpc.ts'
import type { Call } from '../../runtime/call.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ReadRequest } from '../query/consistency.ts'
import type { Reads } from '../query/reads.ts'
import type { PlacedPoint, Wanted } from '../query/rows.ts'
import type { Idempotency } from '../write/idempotency.ts'
import { payloadWriteOf, upsertOf } from '../write/point-row.ts'
import type { Write, Writes } from '../write/writes.ts'
import type { Change, Edit } from './edit.ts'

/** Points that one step reads and writes at most. A step whose rows are more than a cell may send is halved. */
const PAGE = 1000
const STRONG: ReadRequest = { consistency: 'strong', token: undefined, maxStalenessMs: 0 }
/** Before a further attempt, up to so many milliseconds for each one before it, so that two editors part. */
const PAUSE_MS = 5
const PAUSES_MAX = 20

export interface EditOptions {
  wait: boolean
  /** User version that the one point must have. */
  ifVersion?: number | undefined
  idempotency?: Idempotency | undefined
}

export interface EditParts {
  reads: Pick<Reads, 'retrieve' | 'scroll'>
  writes: Pick<Writes, 'write'>
  /** What the words of texts are: conditions on them compare words, as in the cells. */
  textFields: (collection: Collection) => Promise<TextFields>
}

export class EditRun {
  readonly #parts: EditParts
  readonly #collection: Collection
  readonly #edit: Edit
  readonly #options: EditOptions
  readonly #call: Call
  readonly #wanted: Wanted
  #page = PAGE
  #texts: Promise<TextFields> | undefined
  #version = 0
  /** Something was changed. */
  #begun = false
  /** The first id that was to be changed and is not there. */
  #missing: IdKey | undefined

  constructor(parts: EditParts, collection: Collection, edit: Edit, options: EditOptions, call: Call) {
    this.#parts = parts
    this.#collection = collection
    this.#edit = edit
    this.#options = options
    this.#call = call
    this.#wanted = wantedFor(edit)
  }

  /**
   * Resolves with the highest user version that it made, 0 for none. Throws NOT_FOUND after the end if an id is not there, as
   * Qdrant does: all others are changed. Throws CONFLICT if the point has not the version that was named, and
   * UNKNOWN_OUTCOME if a part was changed and the rest could not be.
   */
  async run(): Promise<number> {
    const { target } = this.#edit
    try {
      if ('keys' in target) await this.#changeKeys(target.keys)
      else await this.#changeMatching(target.matching)
    } catch (thrown) {
      const error = asMaksError(thrown)
      if (!this.#begun || error.code === 'UNKNOWN_OUTCOME') throw error
      throw new MaksError('UNKNOWN_OUTCOME', `the points were changed in part: ${error.message}`, { cause: error })
    }
    if (this.#missing !== undefined)
      throw new MaksError('NOT_FOUND', `Not found: No point with id ${idText(this.#missing)} found`)
    return this.#version
  }

  async #changeKeys(keys: readonly IdKey[]): Promise<void> {
    for (let at = 0; at < keys.length; ) {
      const page = keys.slice(at, at + this.#page)
      const points = await this.#orHalve(this.#read(page))
      if (!points) continue
      await this.#change(page, points, undefined)
      at += page.length
    }
  }

  /** Page by page in the order of ids, each page at a cut of its own. */
  async #changeMatching(filter: FilterText | undefined): Promise<void> {
    for (let from: IdKey | null | undefined; from !== null; ) {
      const page = { from: from ?? null, limit: this.#page, ...(filter === undefined ? {} : { filter }) }
      const reading = this.#parts.reads.scroll(this.#collection, page, this.#wanted, STRONG, this.#call)
      const found = await this.#orHalve(reading)
      if (!found) continue
      const keys = found.points.map(({ key }) => key)
      await this.#change(keys, found.points, filter)
      from = found.next
    }
  }

  async #read(keys: readonly IdKey[]): Promise<PlacedPoint[]> {
    const { points } = await this.#parts.reads.retrieve(this.#collection, keys, this.#wanted, STRONG, this.#call)
    return points
  }

  /** Undefined if the rows are more than an answer may have, and fewer are to be asked for from now on. */
  async #orHalve<T>(reading: Promise<T>): Promise<T | undefined> {
    try {
      return await reading
    } catch (thrown) {
      if (asMaksError(thrown).code !== 'ANSWER_TOO_LARGE' || this.#page === 1) throw thrown
      this.#page = Math.ceil(this.#page / 2)
      return undefined
    }
  }

  async #testOf(filter: FilterText | undefined): Promise<RowTest | undefined> {
    if (filter === undefined) return undefined
    this.#texts ??= this.#parts.textFields(this.#collection)
    return compileFilter(decodeFilter(filter), await this.#texts)
  }

  /** @param again what a point must match that is read another time, for it was written since it was found */
  async #change(keys: readonly IdKey[], points: readonly PlacedPoint[], again: FilterText | undefined): Promise<void> {
    const { onlyIf } = this.#edit
    const condition = await this.#testOf(onlyIf)
    let open = keys
    let rows = points
    for (let attempt = 1; ; attempt++) {
      const test = condition ?? (attempt > 1 ? await this.#testOf(again) : undefined)
      const writes = await inSlices(this.#plan(open, rows, test))
      open = await this.#write(writes)
      if (open.length === 0) return
      if (attempt === EDIT_ATTEMPTS_MAX)
        throw new MaksError(
          'OVERLOADED',
          `point ${idText(open[0] as IdKey)} was written by others at each of ${attempt} attempts to edit it (EDIT_ATTEMPTS_MAX)`,
        )
      await sleep(Math.random() * PAUSE_MS * Math.min(attempt, PAUSES_MAX))
      rows = await this.#read(open)
    }
  }

  /** Returns the ids that were written by others since they were read. */
  async #write(writes: readonly Write[]): Promise<IdKey[]> {
    if (writes.length === 0) return []
    const conflicts: IdKey[] = []
    let present = 0
    const each = ({ key }: Write, result: OperationResult) => {
      if (result.outcome === 'applied') this.#begun = true
      if (result.outcome === 'absent' && this.#edit.change.is !== 'delete') this.#missing ??= key
      if (result.outcome !== 'conflict') return
      conflicts.push(key)
      present = result.version
    }
    const { wait, idempotency, ifVersion } = this.#options
    const options = { wait, each, ...(idempotency ? { idempotency } : {}) }
    const { version } = await this.#parts.writes.write(this.#collection, writes, options, this.#call)
    this.#version = Math.max(this.#version, version)
    if (conflicts.length > 0 && ifVersion !== undefined) throw conflictWith(present)
    return conflicts
  }

  /** Yields after each point. */
  *#plan(
    keys: readonly IdKey[],
    points: readonly PlacedPoint[],
    test: RowTest | undefined,
  ): Generator<void, Write[], void> {
    const found = new Map(points.map((point) => [point.key, point]))
    const writes: Write[] = []
    for (const key of keys) {
      const point = found.get(key)
      const write = point ? this.#writeOf(point, test) : this.#writeOfAbsent(key)
      if (write) writes.push(write)
      yield
    }
    return writes
  }

  #writeOf(point: PlacedPoint, test: RowTest | undefined): Write | undefined {
    const { change } = this.#edit
    if (change.is === 'upserts' && change.mode === 'insert_only') return undefined
    if (test && !test(new StoredRow(point.key, () => payloadOf(point)))) return undefined
    return { ...this.#changed(change, point), ifVersion: this.#versionOf(point) }
  }

  #changed(change: Change, point: PlacedPoint): Write {
    const { key } = point
    if (change.is === 'delete') return { key }
    if (change.is === 'upserts') return change.writes.get(key) as Write
    const { config } = this.#collection
    const payload = payloadOf(point)
    const what = `point ${idText(key)}`
    if (change.is === 'payload')
      return { ...payloadWriteOf(key, editPayload(change.edit, payload), config, what), cell: point.cell }
    return upsertOf(key, { vector: change.vectors.get(key) as Float32Array, payload }, config, what)
  }

  /** The version under which the point is written. */
  #versionOf({ userVersion }: PlacedPoint): number {
    const { ifVersion, idempotency } = this.#options
    if (ifVersion === undefined) return userVersion
    // Under an idempotency key a newer version may be the one that the request has made before: the log knows it.
    if (userVersion < ifVersion || (userVersion > ifVersion && !idempotency)) throw conflictWith(userVersion)
    return ifVersion
  }

  #writeOfAbsent(key: IdKey): Write | undefined {
    const { change, target } = this.#edit
    const { ifVersion = 0, idempotency } = this.#options
    if (change.is === 'upserts')
      return change.mode === 'update_only' ? undefined : { ...(change.writes.get(key) as Write), ifVersion }
    if ('matching' in target) return undefined
    // A delete of nothing: the log remembers that the point was not there, or says what the request had come to.
    if (idempotency) return { key, ifVersion: 0 }
    this.#missing ??= key
    return undefined
  }
}

function payloadOf({ payload }: PlacedPoint): string {
  return payload?.toString() ?? ''
}

function conflictWith(version: number): MaksError {
  return new MaksError('CONFLICT', `the point has version ${version}`)
}

/** The parts of a row on which the edit depends. */
function wantedFor({ target, change, onlyIf }: Edit): Wanted {
  const filtered = onlyIf !== undefined || ('matching' in target && target.matching !== undefined)
  const kept = change.is === 'vectors' || (change.is === 'payload' && depends(change.edit.is))
  return { withPayload: filtered || kept, withVector: false }
}

function depends(is: 'set' | 'overwrite' | 'remove' | 'clear'): boolean {
  return is === 'set' || is === 'remove'
}

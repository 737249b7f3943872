/**
 * What the rows of every format go through. A row is refused with its place in the file, and nothing of it vanishes: what
 * would not reach the collection as the file has it is refused too.
 */
import type { PointInput } from '../../client/src/index.ts'
import { asMaksError, badRequest } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'

export type ImportPoint = PointInput<Record<string, unknown>>

/** Ids that are remembered to find a second row of the same id; later ones are not compared. */
const IDS_REMEMBERED = 2_000_000

export interface ImportRow {
  /** Where the row is, as an error names it: "line 7". */
  place: string
  /** Null or absent: the number of the row. */
  id?: unknown
  vector: unknown
  payload?: Record<string, unknown> | undefined
}

export class RowCheck {
  readonly #places = new Map<string, string>()
  #rows = 0
  #hasIds: boolean | undefined
  #dimension: number | undefined

  /** The point of a row, rows in the order of the file. Throws BAD_REQUEST. */
  point({ place, id, vector, payload }: ImportRow): ImportPoint {
    return at(place, () => {
      const number = this.#rows++
      const values = this.#vector(vector)
      if (payload) refuseLossy(payload, 'payload')
      return {
        id: this.#id(id, number, place),
        vector: values,
        ...(payload === undefined ? {} : { payload }),
      }
    })
  }

  #id(id: unknown, number: number, place: string): ImportPoint['id'] {
    const has = id !== undefined && id !== null
    this.#hasIds ??= has
    if (has !== this.#hasIds) {
      const state = has ? 'has an id, and the rows before have none' : 'has no id, and the rows before have ids'
      throw badRequest(`it ${state}: give an id to all rows, or to none`)
    }
    if (!has) return number
    const key = idKey(id)
    const first = this.#places.get(key)
    if (first !== undefined) throw badRequest(`it has the id of ${first}`)
    if (this.#places.size < IDS_REMEMBERED) this.#places.set(key, place)
    return id as ImportPoint['id']
  }

  #vector(value: unknown): number[] {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) throw badRequest('it has no "vector" that is a list')
    const vector = Array.from(value as ArrayLike<unknown>, (one, i) => {
      if (typeof one !== 'number' && typeof one !== 'bigint') throw badRequest(`vector[${i}] is not a number`)
      if (!Number.isFinite(Math.fround(Number(one)))) throw badRequest(`vector[${i}] is not a finite float32`)
      return Number(one)
    })
    this.#dimension ??= vector.length
    if (vector.length !== this.#dimension)
      throw badRequest(`its vector has ${vector.length} values, the first one of the file ${this.#dimension}`)
    return vector
  }
}

/** Runs `work`; its errors begin with the place. */
export function at<T>(place: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw badRequest(`${place}: ${asMaksError(error).message}`)
  }
}

/** The payload of a record: its field `payload`, or else every field beside `id` and `vector`. */
export function payloadOf(payload: unknown, rest: Record<string, unknown>): Record<string, unknown> | undefined {
  const [other] = Object.keys(rest)
  if (payload === undefined || payload === null) return other === undefined ? undefined : rest
  if (typeof payload !== 'object' || Array.isArray(payload)) throw badRequest('its payload is not an object')
  if (other !== undefined) throw badRequest(`"${other}" stands beside "payload"; put it into the payload`)
  return payload as Record<string, unknown>
}

/** JSON has no word for these; written as they are, they would become null or vanish. */
function refuseLossy(value: unknown, path: string): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw badRequest(`${path} is ${value}, which is not valid in JSON`)
  if (value instanceof Uint8Array) throw badRequest(`${path} holds bytes; write them as text`)
  if (typeof value !== 'object' || value === null) return
  for (const [name, part] of Object.entries(value)) refuseLossy(part, `${path}.${name}`)
}

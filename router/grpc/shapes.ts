/** What becomes of answers: messages, from rows and from values of JSON. */
import { type IdKey, idText } from '../../core/ids.ts'
import { exactParse } from '../../core/json/exact-json.ts'
import { type PayloadSelector, selectPayload } from '../../core/payload-selector.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Point, ScoredPoint } from '../query/rows.ts'
import type { Shapes } from './wire/encode.ts'

const INT64_MAX = 2n ** 63n - 1n

/** A number that is whole is an integer, as long as 64 bits hold it. */
function numberValue(value: number | bigint): object {
  if (typeof value === 'bigint')
    return value <= INT64_MAX && value >= -INT64_MAX - 1n ? { integer_value: value } : { double_value: Number(value) }
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? { integer_value: value } : { double_value: value }
}

/** A value of JSON as a `Value`. */
function jsonValue(value: unknown): object {
  if (typeof value === 'string') return { string_value: value }
  if (typeof value === 'number' || typeof value === 'bigint') return numberValue(value)
  if (typeof value === 'boolean') return { bool_value: value }
  if (Array.isArray(value)) return { list_value: { values: value as unknown[] } }
  return value === null || value === undefined ? { null_value: 'NULL_VALUE' } : { struct_value: { fields: value } }
}

export const SHAPES: Shapes = { Value: jsonValue }

/** An id that is a text and no UUID has no other place than that of a UUID. */
export function idMessage(key: IdKey): object {
  return key.startsWith('i') ? { num: BigInt(key.slice(1)) } : { uuid: idText(key) }
}

/** In the form in which the collection was created. `data` is where older clients look for it. */
function vectorsMessage(vector: Float32Array, { vectorName }: CollectionConfig): object {
  const one = { data: vector, dense: { data: vector } }
  return vectorName === undefined ? { vector: one } : { vectors: { vectors: { [vectorName]: one } } }
}

export function pointMessage(point: Point, payload: PayloadSelector, config: CollectionConfig): object {
  const text = payload.kind === 'none' ? '' : selectPayload(payload, point.payload?.toString() ?? '')
  const order = point.orderValue === undefined ? undefined : exactParse(point.orderValue)
  return {
    id: idMessage(point.key),
    ...(text === '' ? {} : { payload: exactParse(text) }),
    ...(point.vector ? { vectors: vectorsMessage(point.vector, config) } : {}),
    ...(order === undefined
      ? {}
      : { order_value: Number.isInteger(order) || typeof order === 'bigint' ? { int: order } : { float: order } }),
  }
}

export function scoredMessage(point: ScoredPoint, payload: PayloadSelector, config: CollectionConfig): object {
  return { ...pointMessage(point, payload, config), score: point.score, version: point.userVersion }
}

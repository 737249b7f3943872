/** Points as JSON text. A payload goes out as the text that is stored; floats have their shortest exact form. */
import { idJson } from '../../core/ids.ts'
import { type PayloadSelector, selectPayload } from '../../core/payload-selector.ts'
import { scoreText, vectorJson } from '../../core/vector.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Point, ScoredPoint } from '../query/rows.ts'

function tail(point: Point, payload: PayloadSelector, config: CollectionConfig): string {
  let text = ''
  if (payload.kind !== 'none') text += `,"payload":${selectPayload(payload, point.payload?.toString() ?? '') || '{}'}`
  if (point.orderValue !== undefined) text += `,"order_value":${point.orderValue}`
  if (point.vector) text += `,"vector":${named(vectorJson(point.vector), config)}`
  return text
}

/** In the form in which the collection was created. */
function named(vector: string, { vectorName }: CollectionConfig): string {
  return vectorName === undefined ? vector : `{${JSON.stringify(vectorName)}:${vector}}`
}

export function pointJson(point: Point, payload: PayloadSelector, config: CollectionConfig): string {
  return `{"id":${idJson(point.key)}${tail(point, payload, config)}}`
}

export function scoredJson(point: ScoredPoint, payload: PayloadSelector, config: CollectionConfig): string {
  return `{"id":${idJson(point.key)},"version":${point.userVersion},"score":${scoreText(point.score)}${tail(point, payload, config)}}`
}

/** A list in pieces. Each item is encoded when its turn comes. */
export function* listPieces<T>(items: readonly T[], pieces: (item: T) => Iterable<string>): Generator<string> {
  yield '['
  let first = true
  for (const item of items) {
    if (!first) yield ','
    first = false
    yield* pieces(item)
  }
  yield ']'
}

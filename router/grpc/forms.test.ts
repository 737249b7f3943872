import { describe, expect, it } from 'vitest'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { FORMS, wordOf } from './forms.ts'
import { typeOf } from './methods.ts'
import { SHAPES } from './shapes.ts'
import { decodeMessage } from './wire/decode.ts'
import { encodeMessage } from './wire/encode.ts'

/** The form of a message that goes over the wire; what is no message is written without a shape. */
function formOf(type: string, message: object): unknown {
  const work = decodeMessage(typeOf(type), encodeMessage(typeOf(type), message, SHAPES), FORMS)
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

const VECTOR = Float32Array.of(1, 2)
const input = { dense: { data: VECTOR } }
const DAY = { seconds: 1_769_860_800, nanos: 5 }

describe('the form of a message is what REST has in its place', () => {
  it.each<[string, object, unknown]>([
    ['PointId', { num: 7 }, 7],
    ['PointId', { num: 2n ** 64n - 1n }, 2n ** 64n - 1n],
    ['PointId', { uuid: 'film-7' }, 'film-7'],
    ['PointId', {}, ''],
    ['Vectors', { vector: { dense: { data: VECTOR } } }, VECTOR],
    ['Vectors', { vector: { data: VECTOR } }, VECTOR],
    ['Vectors', { vectors: { vectors: { text: { data: VECTOR } } } }, { text: VECTOR }],
    [
      'PointStruct',
      { id: { num: 0 }, payload: { a: [1, null, { b: true }] } },
      { id: 0, payload: { a: [1, null, { b: true }] } },
    ],
    ['PointVectors', { id: { num: 1 }, vectors: { vector: input } }, { id: 1, vector: VECTOR }],
    ['WithPayloadSelector', { enable: false }, false],
    ['WithPayloadSelector', { include: { fields: ['a'] } }, { include: ['a'] }],
    ['WithPayloadSelector', { exclude: {} }, { exclude: [] }],
    ['WithVectorsSelector', { enable: true }, true],
    ['WithVectorsSelector', { include: { names: ['text'] } }, ['text']],
    ['PointsSelector', { points: { ids: [{ num: 1 }, { uuid: 'a' }] } }, { points: [1, 'a'] }],
    ['Query', { nearest: input }, { nearest: VECTOR }],
    ['Query', { nearest: { id: { num: 3 } } }, { nearest: 3 }],
    [
      'Query',
      { recommend: { positive: [input], strategy: 'BestScore' } },
      { recommend: { positive: [VECTOR], strategy: 'best_score' } },
    ],
    [
      'Query',
      { context: { pairs: [{ positive: input, negative: { id: { num: 1 } } }] } },
      { context: [{ positive: VECTOR, negative: 1 }] },
    ],
    ['Query', { discover: { target: { id: { num: 1 } }, context: {} } }, { discover: { target: 1, context: [] } }],
    [
      'Query',
      { order_by: { key: 'a', direction: 'Desc', start_from: { integer: -4 } } },
      { order_by: { key: 'a', direction: 'desc', start_from: -4 } },
    ],
    ['Query', { sample: 'Random' }, { sample: 'random' }],
    [
      'Query',
      { nearest_with_mmr: { nearest: input, mmr: { diversity: 0.5 } } },
      { nearest: VECTOR, mmr: { diversity: 0.5 } },
    ],
    ['VectorsConfig', { params: { size: 4, distance: 'Dot' } }, { size: 4, distance: 'Dot' }],
    ['VectorsConfig', { params_map: { map: { a: { size: 4 } } } }, { a: { size: 4, distance: 'UnknownDistance' } }],
  ])('%s, case %#', (type, message, form) => {
    expect(formOf(type, message)).toEqual(form)
  })

  const field = (test: object, form: object) => [{ field: { key: 'a', ...test } }, { key: 'a', ...form }] as const
  it.each<readonly [object, object]>([
    field({ match: { keyword: 'x' } }, { match: { value: 'x' } }),
    field({ match: { integer: 0 } }, { match: { value: 0 } }),
    field({ match: { boolean: false } }, { match: { value: false } }),
    field({ match: { keywords: { strings: ['x', 'y'] } } }, { match: { any: ['x', 'y'] } }),
    field({ match: { integers: { integers: [1, -2] } } }, { match: { any: [1, -2] } }),
    field({ match: { except_integers: {} } }, { match: { except: [] } }),
    field({ match: { except_keywords: { strings: ['x'] } } }, { match: { except: ['x'] } }),
    field({ match: { text: 'rain' } }, { match: { text: 'rain' } }),
    field({ match: { phrase: 'rain' } }, { match: { phrase: 'rain' } }),
    field({ match: { text_any: 'rain' } }, { match: { text_any: 'rain' } }),
    field({ range: { gt: 0, lte: 1.5 } }, { range: { gt: 0, lte: 1.5 } }),
    field({ datetime_range: { gte: DAY } }, { range: { gte: '2026-01-31T12:00:00.000000005Z' } }),
    field({ values_count: { gte: 2 } }, { values_count: { gte: 2 } }),
    field({ geo_radius: { center: {}, radius: 5 } }, { geo_radius: { center: { lon: 0, lat: 0 }, radius: 5 } }),
    field(
      { geo_bounding_box: { top_left: { lat: 1 }, bottom_right: { lon: 1 } } },
      { geo_bounding_box: { top_left: { lon: 0, lat: 1 }, bottom_right: { lon: 1, lat: 0 } } },
    ),
    field({ is_empty: false }, { is_empty: false }),
    field({ is_null: true }, { is_null: true }),
    [{ is_empty: { key: 'a' } }, { is_empty: { key: 'a' } }],
    [{ is_null: { key: 'a' } }, { is_null: { key: 'a' } }],
    [{ has_id: { has_id: [{ num: 1 }] } }, { has_id: [1] }],
    [{ has_id: {} }, { has_id: [] }],
    [{ has_vector: { has_vector: 'text' } }, { has_vector: 'text' }],
    [
      { nested: { key: 'a', filter: { must: [{ is_null: { key: 'b' } }] } } },
      { nested: { key: 'a', filter: { must: [{ is_null: { key: 'b' } }] } } },
    ],
    [{ filter: { should: [{ is_empty: { key: 'b' } }] } }, { should: [{ is_empty: { key: 'b' } }] }],
  ])('a condition, case %#', (condition, form) => {
    const filter = formOf('Filter', { must: [condition], min_should: { conditions: [condition], min_count: 1 } })
    const body = { must: [form], min_should: { conditions: [form], min_count: 1 } }
    expect(filter).toEqual(body)
    expect(parseFilter(filter, 'filter')).toEqual(parseFilter(body, 'filter'))
  })

  it.each([{ seconds: 2n ** 62n }, { nanos: -1 }, { nanos: 2_000_000_000 }])(
    'a time that is none is refused, case %#',
    (time) => {
      const filter = formOf('Filter', { must: [{ field: { key: 'a', datetime_range: { gt: time } } }] })
      expect(() => parseFilter(filter, 'filter')).toThrow('filter.must[0].range.gt is not a time')
    },
  )

  it.each([
    ['InsertOnly', 'insert_only'],
    ['Asc', 'asc'],
    ['SumScores', 'sum_scores'],
  ])('the word %s is %s', (name, word) => {
    expect(wordOf(name)).toBe(word)
  })
})

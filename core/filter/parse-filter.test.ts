/** Filters that are refused: the error names the place, and a filter beyond a limit names that. */
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../limits.ts'
import { parseFilter } from './parse-filter.ts'

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error

const place = (lon: number, lat: number) => ({ lon, lat })

describe('a filter is refused with its place', () => {
  const of = (test: object) => ({ must: [{}, { key: 'a', ...test }] })
  it.each<[unknown, RegExp]>([
    [null, /^filter must be a JSON object$/],
    ['a = 1', /^filter must be a JSON object$/],
    [{ must: 1 }, /^filter\.must must be a list$/],
    [{ must: [1] }, /^filter\.must\[0\] must be a JSON object$/],
    [{ should: [{ must: [{ must_not: 'x' }] }] }, /^filter\.should\[0\]\.must\[0\]\.must_not must be a list$/],
    [{ must: { match: { value: 1 } } }, /^filter\.must\.key is missing$/],
    [{ must: [{ key: 1, match: { value: 1 } }] }, /^filter\.must\[0\]\.key: a path must be a text$/],
    [{ must: [{ key: 'a[', match: { value: 1 } }] }, /^filter\.must\[0\]\.key: "a\[" is not a path/],
    [
      { must: [{ has_id: [1], is_null: { key: 'a' } }] },
      /^filter\.must\[0\]: "has_id" must be a condition of its own$/,
    ],
    [{ must: [{ key: 'a', must: [] }] }, /^filter\.must\[0\]: "key" must be a condition of its own$/],
    [{ must: [{ has_id: 1 }] }, /^filter\.must\[0\]\.has_id must be a list$/],
    [{ must: [{ has_id: [1, ''] }] }, /^filter\.must\[0\]\.has_id\[1\]: a point id must not be empty$/],
    [{ must: [{ has_vector: 1 }] }, /^filter\.must\[0\]\.has_vector must be a text$/],
    [{ must: [{ is_empty: {} }] }, /^filter\.must\[0\]\.is_empty\.key is missing$/],
    [{ must: [{ is_null: 'a' }] }, /^filter\.must\[0\]\.is_null must be a JSON object$/],
    [{ must: [{ nested: { key: 'a' } }] }, /^filter\.must\[0\]\.nested\.filter must be a JSON object$/],
    [
      { must: [{ nested: { key: 'a', filter: { must: [{ has_id: [1] }] } } }] },
      /^filter\.must\[0\]\.nested\.filter\.must\[0\]\.has_id: an object within a payload has neither/,
    ],
    [{ min_should: { conditions: [] } }, /^filter\.min_should\.min_count must be a number from 0$/],
    [{ min_should: { conditions: [], min_count: 0.5 } }, /^filter\.min_should\.min_count must be a whole number$/],
    [of({}), /^filter\.must\[1\] must have one of "match", "range", /],
    [of({ match: { value: 1 }, range: { gt: 1 } }), /^filter\.must\[1\] must have only one of "match", /],
    [of({ match: {} }), /^filter\.must\[1\]\.match must have one of "value", "any", /],
    [of({ match: { value: 1, any: [1] } }), /^filter\.must\[1\]\.match must have only one of/],
    [of({ match: { value: 1.5 } }), /^filter\.must\[1\]\.match\.value is not a whole number/],
    [of({ match: { value: {} } }), /^filter\.must\[1\]\.match\.value must be a text, a whole number/],
    [of({ match: { any: 'x' } }), /^filter\.must\[1\]\.match\.any must be a list$/],
    [of({ match: { any: [1, null] } }), /^filter\.must\[1\]\.match\.any\[1\] must be/],
    [of({ match: { text: 1 } }), /^filter\.must\[1\]\.match\.text must be a text$/],
    [of({ range: { gt: true } }), /^filter\.must\[1\]\.range\.gt must be a number$/],
    [of({ range: { gt: Number.POSITIVE_INFINITY } }), /^filter\.must\[1\]\.range\.gt must be a number$/],
    [of({ range: { gt: 'tomorrow' } }), /^filter\.must\[1\]\.range\.gt is not a time; times are as/],
    [of({ range: { gt: '2026-01-01', lt: 5 } }), /^filter\.must\[1\]\.range must have either numbers or times/],
    [of({ values_count: { gt: -1 } }), /^filter\.must\[1\]\.values_count\.gt must be a number from 0$/],
    [of({ is_empty: 1 }), /^filter\.must\[1\]\.is_empty must be true or false$/],
    [
      of({ geo_radius: { center: place(0, 91), radius: 1 } }),
      /^filter\.must\[1\]\.geo_radius\.center\.lat must be a number from -90/,
    ],
    [
      of({ geo_radius: { center: place(0, 0), radius: -1 } }),
      /^filter\.must\[1\]\.geo_radius\.radius must be a number from 0$/,
    ],
    [
      of({ geo_bounding_box: { top_left: place(0, 0) } }),
      /^filter\.must\[1\]\.geo_bounding_box\.bottom_right must be a JSON/,
    ],
    [
      of({ geo_polygon: { exterior: { points: [place(0, 0), place(1, 0), place(1, 1), place(0, 1)] } } }),
      /^filter\.must\[1\]\.geo_polygon\.exterior\.points must be at least 4 points, of which the last/,
    ],
  ])('%j', (filter, message) => {
    expect(() => parseFilter(filter, 'filter')).toThrowError(refusal('BAD_REQUEST', message))
  })

  it.each<[unknown, RegExp]>([
    [{ may: [] }, /^filter: "may" is not supported$/],
    [{ must: [{ slice: {} }] }, /^filter\.must\[0\]: "slice" is not supported$/],
    [of({ match: { regex: 'x' } }), /^filter\.must\[1\]\.match: "regex" is not supported$/],
    [of({ range: { above: 1 } }), /^filter\.must\[1\]\.range: "above" is not supported$/],
    [{ must: [{ ['x'.repeat(1000)]: 1 }] }, /^filter\.must\[0\]: "x{100}" is not supported$/],
  ])('%j, by the name of what is not supported', (filter, message) => {
    expect(() => parseFilter(filter, 'filter')).toThrowError(refusal('UNSUPPORTED', message))
  })
})

describe('the limit', () => {
  const { FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_VALUES_MAX, PAYLOAD_PATH_CHARS_MAX } = LIMITS
  const deep = (filters: number) =>
    Array.from({ length: filters - 1 }).reduce<object>((filter) => ({ must: [filter] }), {})
  const long = (chars: number) => ({ must: [{ is_null: { key: 'a'.repeat(chars) } }] })
  const wide = (conditions: number) => ({ should: [{ must: Array.from({ length: conditions - 1 }, () => ({})) }] })
  const many = (values: number) => ({
    must: [{ has_id: [1] }, { has_id: Array.from({ length: values - 1 }, (_, i) => i) }],
  })
  it.each<[string, (size: number) => object, number, string]>([
    ['FILTER_DEPTH_MAX', deep, FILTER_DEPTH_MAX.value, 'BAD_REQUEST'],
    ['FILTER_CONDITIONS_MAX', wide, FILTER_CONDITIONS_MAX.value, 'PAYLOAD_TOO_LARGE'],
    ['FILTER_VALUES_MAX', many, FILTER_VALUES_MAX.value, 'PAYLOAD_TOO_LARGE'],
    ['PAYLOAD_PATH_CHARS_MAX', long, PAYLOAD_PATH_CHARS_MAX.value, 'PAYLOAD_TOO_LARGE'],
  ])('%s is taken, and one more refused by its name', (name, make, value, code) => {
    expect(() => parseFilter(make(value), 'filter')).not.toThrow()
    expect(() => parseFilter(make(value + 1), 'filter')).toThrowError(refusal(code, new RegExp(`\\(${name}\\)$`)))
  })
})

/** Random filters and payloads, as JSON. */
import fc from 'fast-check'

const scalar = fc.constantFrom<unknown>(
  0,
  1,
  2,
  -1.5,
  'a',
  'b',
  'ab',
  'a b',
  '',
  true,
  false,
  null,
  '2026-01-01',
  '2026-01-02 05:00:00',
)
const place = fc.record({ lon: fc.integer({ min: -3, max: 3 }), lat: fc.integer({ min: -3, max: 3 }) })
export const { payload } = fc.letrec<{ payload: Record<string, unknown>; value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    place,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('payload'),
  ),
  payload: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
}))
export const path = fc
  .tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.array(fc.constantFrom('.a', '.b', '.c', '[]', '[0]', '[1]'), { maxLength: 3 }),
  )
  .map((parts) => parts.flat().join(''))
const wanted = fc.constantFrom<unknown>(0, 1, 2, 'a', 'b', 'ab', true)
const bounds = (value: fc.Arbitrary<unknown>) =>
  fc.record({ gt: value, gte: value, lt: value, lte: value }, { requiredKeys: [] })
export const fieldTest = fc.oneof(
  fc.record({ value: wanted }).map((match) => ({ match })),
  fc.record({ any: fc.array(wanted, { maxLength: 3 }) }).map((match) => ({ match })),
  fc.record({ except: fc.array(wanted, { maxLength: 3 }) }).map((match) => ({ match })),
  fc.record({ text: fc.constantFrom('a', 'b', ' ') }).map((match) => ({ match })),
  fc.record({ phrase: fc.constantFrom('a', 'a b', 'a a') }).map((match) => ({ match })),
  fc.record({ text_any: fc.constantFrom('a c', 'b', 'c d') }).map((match) => ({ match })),
  bounds(fc.constantFrom(-2, 0, 1, 1.5)).map((range) => ({ range })),
  fc.record({ gte: fc.constantFrom('2026-01-01', '2026-01-02') }).map((range) => ({ range })),
  bounds(fc.integer({ min: 0, max: 3 })).map((values_count) => ({ values_count })),
  fc.boolean().map((is_empty) => ({ is_empty })),
  fc.boolean().map((is_null) => ({ is_null })),
  fc.tuple(place, place).map(([top_left, bottom_right]) => ({
    geo_bounding_box: { top_left, bottom_right: { ...bottom_right, lon: Math.max(top_left.lon, bottom_right.lon) } },
  })),
)
const conditions = (one: fc.Arbitrary<object>) => fc.array(one, { maxLength: 2 })

/**
 * @param ofPath of its fields
 * @param more tests of fields, beside those of all filters
 * @param nested is it about objects within a payload?
 */
export function filters(
  ofPath: fc.Arbitrary<string>,
  more: readonly fc.Arbitrary<object>[] = [],
  nested = false,
): fc.Arbitrary<object> {
  return fc.letrec<{ filter: object; condition: object }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.tuple(ofPath, fc.oneof(fieldTest, ...more)).map(([key, one]) => ({ key, ...one })),
      ofPath.map((key) => ({ is_empty: { key } })),
      ofPath.map((key) => ({ is_null: { key } })),
      ...(nested ? [] : [fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }).map((has_id) => ({ has_id }))]),
      ...(nested
        ? []
        : [fc.tuple(ofPath, filters(ofPath, more, true)).map(([key, filter]) => ({ nested: { key, filter } }))]),
      tie('filter'),
    ),
    filter: fc.record(
      {
        must: conditions(tie('condition')),
        must_not: conditions(tie('condition')),
        should: conditions(tie('condition')),
        min_should: fc.record({ conditions: conditions(tie('condition')), min_count: fc.nat({ max: 2 }) }),
      },
      { requiredKeys: [] },
    ),
  })).filter
}

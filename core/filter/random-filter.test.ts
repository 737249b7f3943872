/** Random filters and payloads against a second, slow implementation. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filters, path, payload } from '../../test/support/random-filters.ts'
import { slowMatches } from '../../test/support/slow-filter.ts'
import { idKey } from '../ids.ts'
import { compileFilter, StoredRow } from './compile-filter.ts'
import { decodeFilter, encodeFilter } from './filter.ts'
import { parseFilter } from './parse-filter.ts'

describe('a random filter', () => {
  it('matches the points that the slow implementation finds', () => {
    const seen = { true: 0, false: 0 }
    fc.assert(
      fc.property(filters(path), payload, fc.integer({ min: 0, max: 3 }), (filter, given, id) => {
        const expected = slowMatches(filter as Record<string, unknown>, id, given)
        seen[`${expected}`]++
        const test = compileFilter(decodeFilter(encodeFilter(parseFilter(filter, 'filter'))))
        expect(test(new StoredRow(idKey(id), () => JSON.stringify(given)))).toBe(expected)
      }),
      { numRuns: 5000 },
    )
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(500)
  })
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { KeyColumn } from './key-column.ts'
import { SortedIds } from './sorted-ids.ts'

const id = fc.oneof(fc.nat(60), fc.constantFrom('a', 'film-7', '00000000-0000-0000-0000-000000000007'))

it('sorted ids are those of the rows that are there, each once and in order, whatever comes and is dropped', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), id, (ids, often, from) => {
      const column = new KeyColumn()
      const sorted = new SortedIds(column)
      for (const [i, one] of ids.entries()) {
        column.push(idKey(one))
        if (column.end - column.first > 100) column.dropBefore(column.first + 64)
        if (i % often !== 0 && i !== ids.length - 1) continue
        const there = Array.from({ length: column.end - column.first }, (_, n) => column.get(column.first + n))
        const expected = [...new Set<IdKey>(there)].sort(compareKeys)
        expect([...sorted.from(null)]).toEqual(expected)
        expect([...sorted.from(idKey(from))]).toEqual(expected.filter((key) => compareKeys(key, idKey(from)) >= 0))
      }
    }),
  )
})

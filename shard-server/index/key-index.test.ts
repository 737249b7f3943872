import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { KeyColumn } from './key-column.ts'
import { KeyIndex } from './key-index.ts'

const U64_MAX = 2n ** 64n - 1n
/** Ids of every kind, few enough to meet again, with the ends of what the columns hold. */
const anyKey: fc.Arbitrary<IdKey> = fc
  .oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 999_999_999_999_999, 2 ** 53 - 1),
    fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, U64_MAX - 1n, U64_MAX),
    fc.bigInt({ min: 0n, max: U64_MAX }),
    fc.constantFrom('7', 'film-7', '00000000-0000-0000-0000-000000000007', '😀', 'i7'),
  )
  .map((id) => idKey(id))

describe('the ids of rows', () => {
  it('come back as they were, and are ordered as keys are', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { minLength: 1, maxLength: 60 }), (keys) => {
        const column = new KeyColumn()
        for (const key of keys) column.push(key)
        expect(keys.map((_key, row) => column.get(row))).toEqual(keys)
        for (let a = 0; a < keys.length; a++)
          for (let b = 0; b < keys.length; b++)
            expect(Math.sign(column.compare(a, b))).toBe(Math.sign(compareKeys(keys[a] as IdKey, keys[b] as IdKey)))
      }),
    )
  })

  it('of a row that does not exist are an error', () => {
    expect(() => new KeyColumn().get(0)).toThrow(RangeError)
  })
})

/** Deletes the ids of the 32 oldest rows and returns the row after these. */
function dropOldest(column: KeyColumn, index: KeyIndex, expected: Map<IdKey, number>): number {
  const first = column.first + 32
  for (const [key, row] of expected) {
    if (row >= first) continue
    index.delete(key)
    expected.delete(key)
  }
  return first
}

describe('the rows of ids', () => {
  it('are added once: of rows with the same id the first stays', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 200 }), (keys) => {
        const column = new KeyColumn()
        const index = new KeyIndex(column)
        const expected = new Map<IdKey, number>()
        for (const [row, key] of keys.entries()) {
          column.push(key)
          expect(index.add(row)).toBe(!expected.has(key))
          if (!expected.has(key)) expected.set(key, row)
        }
        expect(index.size).toBe(expected.size)
        for (const [key, row] of expected) expect(index.get(key)).toBe(row)
      }),
    )
  })

  it('are those of a Map, whatever was set and deleted', () => {
    const step = fc.record({ key: anyKey, kind: fc.constantFrom('set', 'set', 'delete', 'move') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        // Row numbers pass the end of what a place of the table holds.
        const column = new KeyColumn(2 ** 32 - 128)
        const index = new KeyIndex(column)
        const expected = new Map<IdKey, number>()
        for (const { key, kind } of steps) {
          const row = expected.get(key)
          if (kind === 'set') {
            column.push(key)
            index.set(key, column.end - 1)
            expected.set(key, column.end - 1)
          } else if (kind === 'delete') {
            index.delete(key)
            expected.delete(key)
          } else if (row !== undefined) {
            column.pushParts(column.parts(row))
            index.move(row, column.end - 1)
            expected.set(key, column.end - 1)
          }
          if (column.end - column.first > 96) column.dropBefore(dropOldest(column, index, expected))
          expect(index.size).toBe(expected.size)
          expect(index.get(key)).toBe(expected.get(key))
        }
        for (const [key, row] of expected) expect([index.get(key), column.get(row)]).toEqual([row, key])
      }),
    )
  })

  it('are found among many that count up, after half of them are gone', () => {
    const column = new KeyColumn()
    const index = new KeyIndex(column)
    const keys = Array.from({ length: 50_000 }, (_, id) => idKey(id))
    for (const [row, key] of keys.entries()) {
      column.push(key)
      index.set(key, row)
    }
    for (let id = 0; id < keys.length; id += 2) index.delete(keys[id] as IdKey)
    expect(index.size).toBe(25_000)
    for (const [row, key] of keys.entries()) expect(index.get(key)).toBe(row % 2 === 0 ? undefined : row)
  })
})

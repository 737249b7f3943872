import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BornColumn } from './born-column.ts'
import { Column } from './column.ts'

it('a column keeps every value while it grows, and has none for a row that does not exist', () => {
  const column = new Column((length) => new Float64Array(length))
  for (let row = 0; row < 10_000; row++) column.push(row + 2 ** 40)
  expect([column.end, column.get(0), column.get(9999)]).toEqual([10_000, 2 ** 40, 9999 + 2 ** 40])
  expect(() => column.get(10_000)).toThrow('no row 10000 of 0 to 10000')
  expect(() => column.get(-1)).toThrow('no row -1')
})

it('a column gives back the memory of the rows that it drops, and keeps the others, by numbers of any size', () => {
  const first = 2 ** 33 + 32
  const column = new Column((length) => new Uint32Array(length), first)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 5000; i++) column.push(column.end % 1000)
    column.dropBefore(column.end - 3000)
    expect([column.get(column.first), column.get(column.end - 1)]).toEqual([
      column.first % 1000,
      (column.end - 1) % 1000,
    ])
    expect(() => column.get(column.first - 1)).toThrow(RangeError)
    expect(column.bytes).toBeLessThanOrEqual(2 * 4 * 4096)
  }
  expect([column.first, column.end]).toEqual([first + 97_000, first + 100_000])
  expect(() => column.dropBefore(column.end + 1)).toThrow(RangeError)
})

it('a column has the values that were pushed, one by one or together, in whatever runs of equal ones', () => {
  const run = fc.record({
    value: fc.constantFrom(0, 1, 2 ** 32 - 1),
    other: fc.constantFrom(0, 7),
    count: fc.integer({ min: 1, max: 9000 }),
    together: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(run, { maxLength: 6 }), fc.nat(), (runs, cut) => {
      const column = new Column((length) => new Uint32Array(length))
      const expected: number[] = []
      for (const { value, other, count, together } of runs) {
        const values = new Uint32Array(count).fill(value)
        values[count - 1] = other
        if (together) column.pushAll(values)
        else for (const one of values) column.push(one)
        expected.push(...values)
      }
      const first = cut % (expected.length + 1)
      expect(Array.from(column.slice(first, expected.length))).toEqual(expected.slice(first))
      column.dropBefore(first)
      for (let row = first; row < expected.length; row += 97) expect(column.get(row)).toBe(expected[row])
      expect(Array.from(column.slice(first, expected.length))).toEqual(expected.slice(first))
    }),
    { numRuns: 30 },
  )
})

it('rows of one value take no memory, and as much as others once one differs; what is dropped takes none', () => {
  const column = new Column((length) => new Float64Array(length))
  for (let row = 0; row < 3 * 4096; row++) column.push(5)
  expect(column.bytes).toBe(0)
  column.push(6)
  column.push(5)
  expect(column.bytes).toBe(8 * 4096)
  expect([column.get(3 * 4096), column.get(3 * 4096 + 1)]).toEqual([6, 5])
  column.pushAll(new Float64Array(4094).fill(5))
  column.dropBefore(4 * 4096)
  expect(column.bytes).toBe(0)
})

it('versions come back as they were, also beyond 32 bits, and take four bytes a row while they are near each other', () => {
  const column = new BornColumn()
  const versions = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 1]
  for (const version of versions) column.push(version)
  expect([...versions.keys()].map((row) => column.get(row))).toEqual(versions)
  expect(Array.from(column.slice(1, 6))).toEqual(versions.slice(1))
  const near = new BornColumn()
  for (let row = 0; row < 4096; row++) near.push(2 ** 41 + row)
  expect(near.bytes).toBe(4 * 4096)
})

it('the rows born after a version are found, in whatever order versions come, and after rows were dropped', () => {
  const column = new BornColumn()
  const versions = Array.from({ length: 5000 }, (_, row) => (row % 7 === 0 ? Math.floor(row / 2) : row))
  for (const version of versions) column.push(version)
  for (const first of [0, 1000, 2048, 4000]) {
    column.dropBefore(first)
    for (const version of [-1, 2400, 4990, 6000])
      expect([...column.after(version)]).toEqual(
        [...versions.keys()].filter((row) => row >= first && (versions[row] as number) > version),
      )
  }
})

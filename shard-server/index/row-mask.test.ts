import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RowMask } from './row-mask.ts'

const row = fc.oneof(fc.nat(100), fc.constantFrom(0, 31, 32, 63, 64, 1023, 1024, 1025), fc.nat(5000))
const step = fc.record({ adds: fc.boolean(), row })

it('a row mask holds what a set of the same rows holds, and finds the next of them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), row, (steps, from) => {
      const mask = new RowMask()
      const set = new Set<number>()
      for (const { adds, row: one } of steps) {
        if (adds) mask.add(one)
        else mask.remove(one)
        if (adds) set.add(one)
        else set.delete(one)
      }
      expect(mask.count).toBe(set.size)
      const walked: number[] = []
      for (let at = mask.next(0); at >= 0; at = mask.next(at + 1)) walked.push(at)
      expect(walked).toEqual([...set].sort((a, b) => a - b))
      expect(mask.next(from)).toBe(walked.find((one) => one >= from) ?? -1)
      expect(mask.has(from)).toBe(set.has(from))
    }),
  )
})

it('a row mask whose window moves on holds what a set holds, by numbers of any size', () => {
  const start = 2 ** 40
  fc.assert(
    fc.property(fc.array(fc.record({ adds: fc.boolean(), row: fc.nat(500) }), { maxLength: 200 }), (steps) => {
      const mask = new RowMask(start)
      let first = start
      const set = new Set<number>()
      for (const [i, { adds, row: at }] of steps.entries()) {
        const one = first + at
        if (adds) mask.add(one)
        else mask.remove(one)
        if (adds) set.add(one)
        else set.delete(one)
        if (i % 20 !== 19) continue
        first += 32 * (i % 4)
        for (const below of [...set].filter((other) => other < first)) {
          mask.remove(below)
          set.delete(below)
        }
        mask.dropBefore(first)
      }
      mask.assertFirst(first)
      expect(mask.count).toBe(set.size)
      const walked: number[] = []
      for (let at = mask.next(0); at >= 0; at = mask.next(at + 1)) walked.push(at)
      expect(walked).toEqual([...set].sort((a, b) => a - b))
      expect(mask.copy().next(walked[0] ?? 0)).toBe(walked[0] ?? -1)
      expect(mask.has(first - 1)).toBe(false)
    }),
  )
})

it('a row mask drops no row that is in it, and takes none below its window', () => {
  const mask = new RowMask(64)
  mask.add(70)
  expect(() => mask.dropBefore(96)).toThrow('row 70 is in use, and rows below 96 are dropped')
  expect(() => mask.add(63)).toThrow('row 63 is below 64')
  expect(() => mask.assertFirst(0)).toThrow('the row mask begins at 64, and the rows at 0')
})

it('the copy of a row mask and the mask itself do not change each other', () => {
  const mask = new RowMask()
  mask.add(40)
  const copy = mask.copy()
  mask.add(2)
  copy.remove(40)
  expect([mask.count, mask.has(40), mask.has(2), copy.count, copy.has(40), copy.has(2)]).toEqual([
    2,
    true,
    true,
    0,
    false,
    false,
  ])
})

it('row masks meet, join and are subtracted as sets are, whole words and single rows of other windows included', () => {
  const START = 320
  const rows = fc.uniqueArray(fc.nat(2000), { maxLength: 300 })
  const of = (numbers: Iterable<number>) => {
    const mask = new RowMask(START)
    for (const one of numbers) mask.add(START + one)
    return mask
  }
  const listOf = (mask: RowMask) => {
    const found: number[] = []
    for (let at = mask.next(0); at >= 0; at = mask.next(at + 1)) found.push(at - START)
    expect(mask.count).toBe(found.length)
    return found
  }
  fc.assert(
    fc.property(rows, rows, fc.nat(2000), (a, b, from) => {
      const [mine, its] = [new Set(a), new Set(b)]
      const sorted = (set: Iterable<number>) => [...set].sort((x, y) => x - y)
      const changed = (change: (mask: RowMask) => void) => {
        const mask = of(a)
        change(mask)
        return listOf(mask)
      }
      expect(changed((mask) => mask.keep(of(b)))).toEqual(sorted(mine.intersection(its)))
      expect(changed((mask) => mask.join(of(b)))).toEqual(sorted(mine.union(its)))
      expect(changed((mask) => mask.subtract(of(b)))).toEqual(sorted(mine.difference(its)))
      expect(changed((mask) => mask.removeBefore(START + from))).toEqual(sorted(mine).filter((one) => one >= from))
      // Places and words of a block that begins before the window, and ends beyond the length of the set.
      const inside = (one: number) => one >= 0 && one < 32 * of(a).words.length
      const before = sorted(its).map((one) => one - START)
      const wanted = sorted(mine.union(new Set(before.filter(inside))))
      expect(changed((mask) => mask.addPlaces(0, Uint16Array.from(sorted(its))))).toEqual(wanted)
      const bits = RowMask.below(0)
      for (const one of its) bits.add(one)
      expect(changed((mask) => mask.addWords(0, bits.words))).toEqual(wanted)
      expect(changed((mask) => sorted(its).forEach((one) => mask.addWithin(one)))).toEqual(wanted)
    }),
  )
})

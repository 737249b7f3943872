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

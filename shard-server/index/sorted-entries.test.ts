import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowMask } from './row-mask.ts'
import { SortedEntries } from './sorted-entries.ts'

const BLOCK_ROWS = 64
/** The mask begins and ends within the block. */
const bases = fc.constantFrom(0, 64, 128)

/** A row may have several values, so that a block has more entries than rows. */
const rows = fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }), { maxLength: BLOCK_ROWS })
const asked = fc.array(fc.record({ low: fc.integer({ min: -1, max: 41 }), span: fc.integer({ min: 0, max: 42 }) }), {
  maxLength: 8,
})

describe('the entries of a block in their order', () => {
  it('adds to a mask the rows of each that lies in a range, between entries that come, and whatever was asked before', () => {
    fc.assert(
      fc.property(rows, asked, bases, fc.boolean(), (all, ranges, base, close) => {
        const entries = new SortedEntries(false, BLOCK_ROWS)
        const check = (until: number) => {
          for (const { low, span } of ranges) {
            const within = (key: number) => key >= low && key <= low + span
            const wanted = new Set(all.slice(0, until).flatMap((keys, row) => (keys.some(within) ? [row] : [])))
            const { from, to } = entries.sortedBetween(low, low + span)
            const mask = RowMask.below(160)
            mask.removeBefore(160)
            entries.addSorted(mask, base, from, to)
            entries.latestBetween(low, low + span, (_key, place) => mask.addWithin(base + place))
            for (let row = 0; row < 160; row++) expect(mask.has(row)).toBe(wanted.has(row - base))
          }
        }
        for (const [row, keys] of all.entries()) {
          for (const key of keys) entries.add(key, row)
          if (row % 16 === 15) check(row + 1)
        }
        if (close) entries.merge()
        check(all.length)
      }),
    )
  })

  it('counts the bitmaps of runs to its memory, and gives them up when entries are merged', () => {
    const entries = new SortedEntries(false, BLOCK_ROWS)
    for (let row = 0; row < BLOCK_ROWS; row++) entries.add(row, row)
    const before = entries.bytes
    entries.addSorted(RowMask.below(BLOCK_ROWS), 0, 0, BLOCK_ROWS)
    expect(entries.bytes).toBe(before + BLOCK_ROWS)
    entries.add(7, BLOCK_ROWS - 1)
    expect(entries.bytes).toBe(before + Float64Array.BYTES_PER_ELEMENT + Uint16Array.BYTES_PER_ELEMENT)
  })
})

import { expect, it } from 'vitest'
import { ReadSize } from './read-size.ts'

const KiB = 1024
const READ_BYTES = 8 * KiB * KiB

/** The rows read one block after the other, each full, and whether the next was read ahead. */
function blocks(size: ReadSize, bytes: number, count: number) {
  return Array.from({ length: count }, () => {
    const { entries } = size
    return { entries, ahead: size.note(entries, entries * bytes) }
  })
}

it('the replay reads entries of long payloads in blocks of 8 MiB, not in blocks by the length of their vectors', () => {
  const [first, ...others] = blocks(new ReadSize(4), 100 * KiB, 4)
  expect(first).toEqual({ entries: 64, ahead: true })
  for (const { entries, ahead } of others) {
    expect(entries * 100 * KiB).toBeLessThanOrEqual(READ_BYTES)
    expect(entries * 100 * KiB).toBeGreaterThan(READ_BYTES - 300 * KiB)
    expect(ahead).toBe(true)
  }
})

it('after a block that is too large nothing is read ahead, and the next one is smaller; then reading ahead goes on', () => {
  const size = new ReadSize(4)
  expect(blocks(size, 10, 2)).toEqual([
    { entries: 64, ahead: true },
    { entries: 1024, ahead: true },
  ])
  const [large, next] = blocks(size, 20 * KiB, 2)
  expect(large).toEqual({ entries: 1024, ahead: false })
  expect(next).toEqual({ entries: Math.floor(READ_BYTES / (20 * KiB + 256)), ahead: true })
})

it('at least one entry is read, and with long vectors no more than fit from the beginning', () => {
  const size = new ReadSize(65_536)
  expect(size.entries).toBe(31)
  expect(size.note(1, 2 * READ_BYTES)).toBe(false)
  expect(size.entries).toBe(1)
  expect(size.note(1, 10)).toBe(true)
  expect(size.entries).toBe(31)
})

it('behind a block that is not full nothing is read ahead', () => {
  const size = new ReadSize(4)
  expect(size.note(size.entries - 1, 10)).toBe(false)
  expect(size.note(0, 0)).toBe(false)
  expect(size.entries).toBe(1024)
})

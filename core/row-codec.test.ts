import { expect, it } from 'vitest'
import { decodeRow, encodeRow, rowMisfit } from './row-codec.ts'

it('the vector of a row lies at byte 8, before the payload, as little-endian float32', () => {
  const bytes = encodeRow({ vector: Float32Array.of(1.5, -2), payload: '{}' })
  expect([bytes.readFloatLE(8), bytes.readFloatLE(12), bytes.toString('utf8', 16)]).toEqual([1.5, -2, '{}'])
})

it('a row with bytes too many or too few is not decoded', () => {
  const row = encodeRow({ vector: Float32Array.of(1, 2), payload: '{"a":1}' })
  expect(() => decodeRow(row.subarray(0, -1), 2)).toThrow('does not fit dimension 2')
  expect(() => decodeRow(Buffer.concat([row, Buffer.alloc(1)]), 2)).toThrow('does not fit dimension 2')
  expect(() => decodeRow(row.subarray(0, 7), 2)).toThrow('not known to this version')
})

it('a row fits exactly where it can be decoded: as it is encoded, and neither shorter, longer, of another dimension nor of another format', () => {
  const row = encodeRow({ vector: Float32Array.of(1, 2), payload: 'x'.repeat(70_000) })
  expect(rowMisfit(row, 2)).toBeUndefined()
  expect(rowMisfit(encodeRow({ vector: Float32Array.of(1), payload: '' }), 1)).toBeUndefined()
  const other = Buffer.from(row)
  other.writeUInt32LE(3, 0)
  for (const [bytes, dimension] of [
    [row, 1],
    [row, 3],
    [row.subarray(0, -1), 2],
    [Buffer.concat([row, Buffer.alloc(1)]), 2],
    [row.subarray(0, 7), 2],
    [other, 2],
  ] as const) {
    const misfit = rowMisfit(bytes, dimension)
    expect(misfit).toMatch(/does not fit dimension|not known to this version/)
    expect(() => decodeRow(bytes, dimension)).toThrow(misfit)
  }
})

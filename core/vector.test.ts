import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './random.ts'
import { decodeRow, encodeRow } from './row-codec.ts'
import { float32Text, normalised, parseVector } from './vector.ts'

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true })

describe('vectors', () => {
  it('are printed in the fewest digits that restore the float32', () => {
    fc.assert(
      fc.property(float32, (x) => {
        const text = float32Text(x)
        expect(Object.is(Math.fround(Number(text)), x)).toBe(true)
        const digits = text.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length
        // No shorter decimal does: one digit less gives another float32.
        if (digits > 6) expect(Math.fround(Number(x.toPrecision(digits - 1)))).not.toBe(x)
      }),
      { numRuns: 2000 },
    )
    expect([0.1, 1 / 3, 16777216, -0, 1e-45].map((x) => float32Text(Math.fround(x)))).toEqual([
      '0.1',
      '0.33333334',
      '16777216',
      '-0',
      '1e-45',
    ])
  })

  it('that were normalised once are left as they are, whatever their size', () => {
    const vectors = fc.float32Array({ minLength: 1, maxLength: 64, noNaN: true, noDefaultInfinity: true })
    const property = fc.property(
      vectors.filter((vector) => vector.some((x) => x !== 0)),
      (vector) => {
        const idempotency = normalised(vector)
        expect([...normalised(idempotency)]).toEqual([...idempotency])
      },
    )
    fc.assert(property, { numRuns: 2000 })
    const random = seededRandom(1)
    for (const dimension of [50, 128, 768])
      for (let i = 0; i < 1000; i++) {
        const idempotency = normalised(Float32Array.from({ length: dimension }, () => random() - 0.5))
        expect(normalised(idempotency)).toBe(idempotency)
      }
  })

  it('of length one under Cosine, in double precision', () => {
    expect([...normalised(Float32Array.of(3, 4))]).toEqual([Math.fround(0.6), Math.fround(0.8)])
  })

  it.each(['L2', 'InnerProduct', 'Cosine'] as const)('that are zero stay as they are under %s', (metric) => {
    expect([...parseVector([0, 0], 2, metric)]).toEqual([0, 0])
    expect([...normalised(Float32Array.of(0, 0))]).toEqual([0, 0])
  })

  it('with payloads survive the codec of rows, wherever the bytes lie', () => {
    fc.assert(
      fc.property(
        fc.array(float32, { minLength: 1, maxLength: 9 }),
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        fc.nat(7),
        (values, payload, shift) => {
          const bytes = encodeRow({ vector: Float32Array.from(values), payload })
          const moved = new Uint8Array(bytes.length + shift)
          moved.set(bytes, shift)
          const row = decodeRow(moved.subarray(shift), values.length)
          expect([...row.vector]).toEqual(values)
          expect(row.payload).toBe(payload)
        },
      ),
    )
  })

  it('of another length or format are not decoded', () => {
    const bytes = encodeRow({ vector: Float32Array.of(1, 2), payload: '' })
    expect(() => decodeRow(bytes, 3)).toThrow(/does not fit/)
    bytes[0] = 9
    expect(() => decodeRow(bytes, 2)).toThrow(/format 9/)
    expect(() => decodeRow(new Uint8Array(0), 2)).toThrow()
  })
})

describe('floats of the wire', () => {
  it('are a vector as a list of numbers is, and stay what they were', () => {
    const floats = Float32Array.of(3, 4)
    expect([...parseVector(floats, 2, 'Cosine')]).toEqual([...parseVector([3, 4], 2, 'Cosine')])
    expect([...floats]).toEqual([3, 4])
  })

  it.each([
    [Float32Array.of(1), 'vector has 1 values'],
    [Float32Array.of(1, Number.NaN), 'vector[1] is not a finite float32'],
    [Float32Array.of(Number.POSITIVE_INFINITY, 1), 'vector[0] is not a finite float32'],
    [Float64Array.of(1, 2), 'vector must be a list'],
  ])('%s are refused', (floats, words) => {
    expect(() => parseVector(floats, 2, 'L2')).toThrow(words)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseQuantity, QUANTITY_PATTERN, quantityText, SIZE_PATTERN, sameQuantity, sizeBytes } from './quantity.ts'

describe('quantities', () => {
  it('are read in every unit, and written as a person would', () => {
    expect(['500m', '2k', '1Gi', '3', '1.5'].map(parseQuantity)).toEqual([0.5, 2000, 1024 ** 3, 3, 1.5])
    expect(parseQuantity('much')).toBeNaN()
    expect([2 ** 31, 2 ** 40, 3072, 1000].map(quantityText)).toEqual(['2Gi', '1Ti', '3Ki', '1000'])
  })

  it('have fractions, powers of ten and the largest units, as Kubernetes has them', () => {
    expect(
      ['1.5Gi', '10Pi', '1Ei', '.5Ki', '2.', '1e3', '12E2', '1500e-3', '+1', '100u', '5n', 7].map(parseQuantity),
    ).toEqual([1.5 * 1024 ** 3, 10 * 1024 ** 5, 1024 ** 6, 512, 2, 1000, 1200, 1.5, 1, 1e-4, 5e-9, 7])
    for (const no of ['', '.', 'Gi', '-1', '1 Gi', '1gi', '1GiB', '1e', '1e999', '0x1', 'NaN', null, undefined])
      expect(parseQuantity(no), String(no)).toBeNaN()
  })

  it('are compared by what they say, to the last byte, however they are written', () => {
    expect(sameQuantity('1.5Gi', '1536Mi')).toBe(true)
    expect(sameQuantity('1000m', 1)).toBe(true)
    expect(sameQuantity('10Pi', '11258999068426240')).toBe(true)
    expect(sameQuantity('10Pi', '11258999068426241')).toBe(false)
    expect(sameQuantity('films', 'films')).toBe(false)
    expect(sizeBytes('1.3Gi')).toBe(1_395_864_372)
    expect(quantityText(sizeBytes('1.5Gi'))).toBe('1536Mi')
  })

  it('every number of bytes is written so that it is read again', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseQuantity(quantityText(bytes))).toBe(bytes)
        expect(quantityText(bytes)).toMatch(new RegExp(SIZE_PATTERN))
      }),
    )
  })

  it('all that the patterns let through can be read', () => {
    for (const pattern of [QUANTITY_PATTERN, SIZE_PATTERN])
      fc.assert(
        fc.property(fc.stringMatching(new RegExp(pattern)), (text) => {
          expect(parseQuantity(text)).not.toBeNaN()
        }),
      )
  })
})

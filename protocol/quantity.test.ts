import { describe, expect, it } from 'vitest'
import { parseQuantity, quantityText } from './quantity.ts'

describe('quantities', () => {
  it('are read in every unit, and written as a person would', () => {
    expect(['500m', '2k', '1Gi', '3', '1.5'].map(parseQuantity)).toEqual([0.5, 2000, 1024 ** 3, 3, 1.5])
    expect(parseQuantity('much')).toBeNaN()
    expect([2 ** 31, 2 ** 40, 3072, 1000].map(quantityText)).toEqual(['2Gi', '1Ti', '3Ki', '1000'])
  })
})

import { expect, it } from 'vitest'
import { Lengths } from './lengths.ts'

const of = (length: number) => Float32Array.of(length, 0)

it('few rows that are far longer than the rest are set aside, until their chunk is dropped', () => {
  const lengths = new Lengths(32)
  for (let row = 0; row < 1000; row++) lengths.note(row, of(row === 3 || row === 40 ? 1e10 : 1))
  expect(lengths.split()).toEqual({ aside: [3, 40], most: 1 })
  lengths.dropFirst()
  expect(lengths.split()).toEqual({ aside: [40], most: 1 })
  lengths.dropFirst()
  lengths.note(1000, of(8))
  expect(lengths.split()).toEqual({ aside: [1000], most: 1 })
})

it('too many to set aside are a bound, and are set aside again when enough of them were dropped', () => {
  const lengths = new Lengths(64)
  for (let row = 0; row < 640; row++) lengths.note(row, of(row < 300 ? 1024 : 2))
  expect(lengths.split()).toEqual({ aside: [], most: 1024 })
  for (let chunk = 0; chunk < 2; chunk++) lengths.dropFirst()
  expect(lengths.split()).toEqual({ aside: Array.from({ length: 172 }, (_, i) => 128 + i), most: 2 })
})

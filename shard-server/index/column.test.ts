import { expect, it } from 'vitest'
import { Column } from './column.ts'

it('a column keeps every value while it grows, and has none for a row that does not exist', () => {
  const column = new Column((length) => new Float64Array(length))
  for (let row = 0; row < 1000; row++) column.push(row + 2 ** 40)
  column.set(70, Number.POSITIVE_INFINITY)
  expect([column.length, column.get(0), column.get(70), column.get(999)]).toEqual([
    1000,
    2 ** 40,
    Number.POSITIVE_INFINITY,
    999 + 2 ** 40,
  ])
  expect(() => column.get(1000)).toThrow('no row 1000 of 1000')
  expect(() => column.set(1000, 1)).toThrow('no row 1000 of 1000')
  expect(() => column.get(-1)).toThrow()
})

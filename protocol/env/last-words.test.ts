import { expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { lastWords, parseLastWords } from './last-words.ts'

it('a process that ends with an error of the catalogue leaves its id, the code and the sentence', () => {
  const text = lastWords('0a1b2c', new MaksError('DATA_OF_ANOTHER_SHAPE', 'dimension is 8 there and 2 here'))
  expect(parseLastWords(text)).toMatchObject({
    startId: '0a1b2c',
    error: { code: 'DATA_OF_ANOTHER_SHAPE', message: 'dimension is 8 there and 2 here' },
  })
})

it('any other end leaves the id alone, and text of somebody else is no error', () => {
  expect(lastWords('0a1b2c', new Error('odd'))).toBe('0a1b2c')
  expect(parseLastWords('0a1b2c\n')).toEqual({ startId: '0a1b2c', error: undefined })
  expect(parseLastWords('panic\nSOMETHING: else').error).toBeUndefined()
})

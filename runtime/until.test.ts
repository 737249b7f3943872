import { expect, it } from 'vitest'
import { until, within } from './until.ts'

it('the first answer that is neither undefined nor false ends a wait, 0 and an empty text included', async () => {
  const answers = [undefined, false, 0, 1] as const
  let asked = 0
  expect(await until('a number', () => answers[asked++], 1000, 1)).toBe(0)
  expect(asked).toBe(3)
  expect(await until('a text', () => Promise.resolve(''), 0)).toBe('')
})

it('a wait asks once more than its time allows, then names what it waited for', async () => {
  let asked = 0
  const never = () => {
    asked++
    return undefined
  }
  await expect(until('the moon', never, 0, 1)).rejects.toThrow('waited 0 ms for the moon')
  expect(asked).toBeGreaterThan(0)
  expect(await within({ limitMs: 20, everyMs: 5 }, never)).toBeUndefined()
})

it('what an attempt throws ends the wait at once', async () => {
  const broken = () => Promise.reject(new Error('broken'))
  await expect(until('anything', broken)).rejects.toThrow('broken')
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Setbacks } from './setbacks.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const trouble = { reason: 'Refused', message: 'no' }

it('a wish that was refused is asked for again after a second, then after twice as long, and counts its refusals', () => {
  const setbacks = new Setbacks()
  for (const [failures, waitMs] of [1000, 2000, 4000, 5000, 5000].entries()) {
    expect(setbacks.note('Service/a', 'x', trouble, 5000)).toEqual({ ...trouble, failures: failures + 1 })
    vi.advanceTimersByTime(waitMs - 1)
    expect(setbacks.waiting('Service/a', 'x')?.failures).toBe(failures + 1)
    vi.advanceTimersByTime(1)
    expect(setbacks.waiting('Service/a', 'x')).toBeUndefined()
  }
})

it('another wish, another place and one that came true are asked for at once', () => {
  const setbacks = new Setbacks()
  setbacks.note('Service/a', 'x', trouble)
  setbacks.note('Service/a', 'x', trouble)
  expect(setbacks.waiting('Service/a', 'y')).toBeUndefined()
  expect(setbacks.waiting('Service/b', 'x')).toBeUndefined()
  expect(setbacks.note('Service/a', 'y', trouble).failures).toBe(1)
  setbacks.clear('Service/a')
  expect(setbacks.waiting('Service/a', 'y')).toBeUndefined()
})

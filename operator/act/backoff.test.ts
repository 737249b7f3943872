import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Backoff } from './backoff.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const problem = { reason: 'Refused', message: 'no' }

it('a wish that was refused is asked for again after a second, then after twice as long, and counts how often it was', () => {
  const backoff = new Backoff()
  for (const [failures, waitMs] of [1000, 2000, 4000, 5000, 5000].entries()) {
    expect(backoff.note('Service/a', 'x', problem, 5000)).toEqual({ ...problem, failures: failures + 1 })
    vi.advanceTimersByTime(waitMs - 1)
    expect(backoff.waiting('Service/a', 'x')?.failures).toBe(failures + 1)
    vi.advanceTimersByTime(1)
    expect(backoff.waiting('Service/a', 'x')).toBeUndefined()
  }
})

it('another wish, another place and one that came true are asked for at once', () => {
  const backoff = new Backoff()
  backoff.note('Service/a', 'x', problem)
  backoff.note('Service/a', 'x', problem)
  expect(backoff.waiting('Service/a', 'y')).toBeUndefined()
  expect(backoff.waiting('Service/b', 'x')).toBeUndefined()
  expect(backoff.note('Service/a', 'y', problem).failures).toBe(1)
  backoff.clear('Service/a')
  expect(backoff.waiting('Service/a', 'y')).toBeUndefined()
})

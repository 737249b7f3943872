import { expect, it } from 'vitest'
import { checkLimit, checkQueue, LIMITS, type LimitName, QUEUES, type QueueName } from './limits.ts'

it.each(Object.keys(QUEUES) as QueueName[])(
  '%s takes what its limit says and refuses one more as retriable',
  (name) => {
    const { value } = QUEUES[name]
    checkQueue(name, value)
    const refusal = { code: 'OVERLOADED', retriable: true, message: expect.stringContaining(name) }
    expect(() => checkQueue(name, value + 1)).toThrow(expect.objectContaining(refusal))
  },
)

it.each(Object.keys(LIMITS) as LimitName[])('%s takes what its limit says and refuses one more for good', (name) => {
  const { value, code } = LIMITS[name]
  checkLimit(name, 'the request', value)
  const refusal = { code, retriable: false, message: expect.stringContaining(name) }
  expect(() => checkLimit(name, 'the request', value + 1)).toThrow(expect.objectContaining(refusal))
})

it('a request of the largest batch of queries fits the queue of searches', () => {
  expect(LIMITS.SEARCHES_MAX.value).toBeLessThanOrEqual(QUEUES.QUEUE_QUERIES_MAX.value)
})

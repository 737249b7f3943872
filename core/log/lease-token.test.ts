import { expect, it } from 'vitest'
import { isTokenOf, leaseToken, podOfToken } from './lease-token.ts'

const holder = { pod: '3/1', startId: 'ab12' }

it('a lease token names its pod, its process and its attempt to lead', () => {
  const token = leaseToken(holder, '77')
  expect(token).toBe('3/1#ab12#77')
  expect(podOfToken(token)).toBe('3/1')
  expect(isTokenOf(token, holder)).toBe(true)
  expect(leaseToken(holder, '78')).not.toBe(token)
})

it('a lease token is of no other pod and of no other process, even if their names begin alike', () => {
  const token = leaseToken(holder, '77')
  for (const other of [
    { pod: '3/1', startId: 'ab1' },
    { pod: '3/1', startId: 'ab123' },
    { pod: '3/11', startId: 'ab12' },
    { pod: '3', startId: 'ab12' },
  ])
    expect(isTokenOf(token, other)).toBe(false)
})

it('the empty token of a cell that no pod has led names no pod', () => {
  expect(podOfToken('')).toBe('')
  expect(isTokenOf('', holder)).toBe(false)
})

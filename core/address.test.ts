import { expect, it } from 'vitest'
import { hostPort, httpUrl } from './address.ts'

it('an IPv6 address stands in brackets beside its port, and only there', () => {
  expect(hostPort('::1', 7001)).toBe('[::1]:7001')
  expect(hostPort('[::1]', 7001)).toBe('[::1]:7001')
  expect(hostPort('10.0.0.7', 7001)).toBe('10.0.0.7:7001')
  expect(hostPort('films.default.svc', 6333)).toBe('films.default.svc:6333')
  expect(new URL(httpUrl('fd00::a', 80)).hostname).toBe('[fd00::a]')
})

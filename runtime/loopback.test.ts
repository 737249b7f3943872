import { describe, expect, it } from 'vitest'
import { hostInUrl, isLoopbackHost, listensOnLoopback } from './loopback.ts'

describe('a Host header', () => {
  it.each([
    'localhost',
    'localhost:6333',
    'LOCALHOST',
    'localhost.',
    'app.localhost:80',
    '127.0.0.1',
    '127.8.9.10:6333',
  ])('%s means this machine', (host) => expect(isLoopbackHost(host)).toBe(true))
  it.each(['[::1]', '[::1]:6333', '[0:0:0:0:0:0:0:1]:6333', '[::ffff:127.0.0.1]:6333', '[::ffff:7f00:1]'])(
    '%s means this machine',
    (host) => expect(isLoopbackHost(host)).toBe(true),
  )
  it.each([
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.999.1.1',
    '128.0.0.1:6333',
    '10.0.0.1',
  ])('"%s" may mean another', (host) => expect(isLoopbackHost(host)).toBe(false))
  it.each([
    '[::]',
    '[::2]',
    '[::ffff:10.0.0.1]',
    '::1:6333',
    '[::1',
    'localhost:6333:1',
    '127.0.0.1@evil',
    'evil#localhost',
  ])('"%s" may mean another, or nothing', (host) => expect(isLoopbackHost(host)).toBe(false))
})

describe('an address to listen on', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '0:0::1', '::ffff:127.0.0.1', 'localhost'])(
    '%s is private',
    async (host) => {
      expect(await listensOnLoopback(host)).toBe(true)
    },
  )
  it.each(['0.0.0.0', '::', '10.0.0.1', 'fe80::1', '::ffff:10.0.0.1', 'no-such-name.invalid'])(
    '%s may be reached by others',
    async (host) => {
      expect(await listensOnLoopback(host)).toBe(false)
    },
  )
  it('is written with brackets in a URL where it is of IPv6', () => {
    expect(['127.0.0.1', 'localhost', '0.0.0.0', '::', '::1', 'fe80::1'].map(hostInUrl)).toEqual([
      '127.0.0.1',
      'localhost',
      '127.0.0.1',
      '127.0.0.1',
      '[::1]',
      '[fe80::1]',
    ])
  })
})

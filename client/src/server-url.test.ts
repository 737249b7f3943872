import { describe, expect, it } from 'vitest'
import { checkApiKey, parseServerUrl } from './server-url.ts'

describe('the URL of a server', () => {
  it.each([
    ['http://127.0.0.1:6333', 'http://127.0.0.1:6333'],
    ['http://127.0.0.1:6333/', 'http://127.0.0.1:6333'],
    ['https://example.com/qdrant', 'https://example.com/qdrant'],
    ['https://example.com/a/b//', 'https://example.com/a/b'],
    ['HTTP://Example.com', 'http://example.com'],
    ['localhost:6333', 'http://localhost:6333'],
    ['localhost', 'http://localhost:6333'],
    ['example.com/qdrant', 'http://example.com:6333/qdrant'],
    ['example.com:80/qdrant', 'http://example.com/qdrant'],
    ['10.0.0.7:7000', 'http://10.0.0.7:7000'],
    ['[::1]:6333', 'http://[::1]:6333'],
    ['[::1]', 'http://[::1]:6333'],
    [' http://localhost:6333 ', 'http://localhost:6333'],
  ])('%s is %s', (text, base) => expect(parseServerUrl(text)).toEqual({ base, authorization: undefined }))

  it('has its user and password as basic authentication, and never in what is shown', () => {
    for (const text of ['https://ann:s%2Fcr%C3%A9t@example.com/q', 'https://ann:s%2Fcrét@example.com/q/'])
      expect(parseServerUrl(text)).toEqual({
        base: 'https://example.com/q',
        authorization: `Basic ${Buffer.from('ann:s/crét').toString('base64')}`,
      })
    expect(parseServerUrl('ann:secret@example.com').base).toBe('http://example.com:6333')
  })

  it.each([
    'redis://localhost',
    'ftp://ann:secret@example.com',
    'http://',
    '',
    'http://ann:secret@',
    'ann:secret@exa mple',
    'http://example.com:99999',
    'http://example.com/?api-key=secret',
    'http://example.com/#secret',
  ])('"%s" is refused in a sentence that repeats no secret', (text) => {
    let message = ''
    try {
      parseServerUrl(text)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(/^".*" is no URL of a server: /)
    expect(message).not.toContain('secret')
  })
})

describe('an api key', () => {
  it('is refused where no header can carry it', () => {
    for (const key of ['', 'a\nb', 'ключ', ' a', 'a ', 'a\0b']) expect(() => checkApiKey(key)).toThrow('api key')
    for (const key of ['a', 'a b', 's3cr+t/==']) expect(checkApiKey(key)).toBe(key)
  })
})

import { expect, it } from 'vitest'
import { NameClaims } from './name-claims.ts'

it('a name is claimed by one request at a time, and none of its names by one that is refused', async () => {
  const claims = new NameClaims()
  let end = () => undefined as void
  const first = claims.during(['live', 'live'], () => new Promise<void>((resolve) => (end = resolve)))
  const refused = { code: 'NOT_READY', retriable: true, message: 'another request is about to give the name "live"' }
  await expect(claims.during(['other', 'live'], async () => 'done')).rejects.toMatchObject(refused)
  expect([claims.has('live'), claims.has('other')]).toEqual([true, false])
  end()
  await first
  expect(await claims.during(['live'], async () => 'done')).toBe('done')
  await expect(claims.during(['live'], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(claims.has('live')).toBe(false)
})

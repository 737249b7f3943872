import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RecentBytes } from './recent-bytes.ts'

it('has all that was added within the window, and nothing that is a tenth older', () => {
  const additions = fc.array(fc.record({ after: fc.nat(1500), bytes: fc.nat(1000) }), { maxLength: 50 })
  fc.assert(
    fc.property(additions, (list) => {
      let now = 0
      const recent = new RecentBytes(1000, () => now)
      const added: { at: number; bytes: number }[] = []
      for (const { after, bytes } of list) {
        now += after
        recent.add(bytes)
        added.push({ at: now, bytes })
        const since = (ms: number) => added.reduce((sum, one) => sum + (now - one.at <= ms ? one.bytes : 0), 0)
        expect(recent.sum).toBeGreaterThanOrEqual(since(1000))
        expect(recent.sum).toBeLessThanOrEqual(since(1100))
      }
    }),
  )
})

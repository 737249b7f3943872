import { expect, it } from 'vitest'
import { inSlices } from './slices.ts'

const now = () => performance.timeOrigin + performance.now()

function* endless(): Generator<void, never, void> {
  for (;;) yield
}

it('a work in slices ends with TIMEOUT when its time is over, and begins no slice after it', async () => {
  await expect(inSlices(endless(), { at: now() + 20 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  let begun = false
  const late = (function* () {
    begun = true
    yield
  })()
  await expect(inSlices(late, { at: now() - 1 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(begun).toBe(false)
})

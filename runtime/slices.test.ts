import { expect, it } from 'vitest'
import { OpenCall } from './call.ts'
import { inSlices } from './slices.ts'
import { withWorkEnd } from './work-end.ts'

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

it('a work in slices ends with TIMEOUT while it runs, as soon as nobody waits for it', async () => {
  const call = new OpenCall(60_000)
  const work = withWorkEnd(call, (end) => inSlices(endless(), end))
  setImmediate(() => call.cancel('the caller has gone'))
  await expect(work).rejects.toMatchObject({ code: 'TIMEOUT' })
})

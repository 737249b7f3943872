/** A slice of `npm run fuzz -- --requests 100000`. */
import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'

it('six thousand requests that make no sense crash nothing, change nothing, and each is answered with a reason', async () => {
  const report = await fuzz(6000, 7)
  expect(report).toMatchObject({ findings: [], changed: false, restarted: [] })
  // Many kinds of answer, or the requests were not of many kinds. Few make sense: one in a hundred, since those that write have many fields.
  expect([...report.statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 404, 415]))
  expect(report.statuses.get(200)).toBeGreaterThan(30)
  expect(report.statuses.get(400)).toBeGreaterThan(1000)
})

import { expect, it } from 'vitest'
import { sleep } from './lifecycle.ts'

const LONG_MS = 60_000

async function lasted(ms: number, signal?: AbortSignal): Promise<number> {
  const started = performance.now()
  await sleep(ms, signal)
  return performance.now() - started
}

it('a sleep lasts for its time', async () => {
  expect(await lasted(30)).toBeGreaterThan(28)
})

it('a sleep ends when its signal is aborted', async () => {
  const over = new AbortController()
  setTimeout(() => over.abort(), 10)
  expect(await lasted(LONG_MS, over.signal)).toBeLessThan(5000)
})

it('a sleep under a signal that is aborted already ends at once', async () => {
  expect(await lasted(LONG_MS, AbortSignal.abort())).toBeLessThan(5000)
})

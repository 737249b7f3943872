import { expect, it } from 'vitest'
import { memoryEnv } from './process-env.ts'

it('options of Node that the user gives come last, so that they win over those of MaksDB', () => {
  const { NODE_OPTIONS: own } = memoryEnv()
  expect(memoryEnv({ NODE_OPTIONS: '--max-semi-space-size=32' }).NODE_OPTIONS).toBe(`${own} --max-semi-space-size=32`)
})

it('the number of arenas that the user gives is kept, and there is a bound without it', () => {
  expect(memoryEnv({ MALLOC_ARENA_MAX: '8' }).MALLOC_ARENA_MAX).toBe('8')
  expect(Number(memoryEnv({}).MALLOC_ARENA_MAX)).toBeGreaterThan(0)
})

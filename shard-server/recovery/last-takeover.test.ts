import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { LastTakeover } from './last-takeover.ts'

const dir = mkdtempSync(join(tmpdir(), 'maksdb-takeover-'))
afterAll(() => rmSync(dir, { recursive: true }))

it('the last takeover only grows, and outlives the process', () => {
  const first = new LastTakeover(dir)
  expect(first.value).toBe(0)
  first.note(1_800_000_000_007)
  first.note(1_800_000_000_003)
  expect(new LastTakeover(dir).value).toBe(1_800_000_000_007)
})

it('a file that says nothing is none', () => {
  writeFileSync(join(dir, 'last-takeover'), 'x')
  expect(new LastTakeover(dir).value).toBe(0)
})

it('a folder that cannot be written costs the memory after the process alone', () => {
  const nowhere = new LastTakeover(join(dir, 'missing'))
  nowhere.note(5)
  expect(nowhere.value).toBe(5)
})

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { watchFile } from './watch-file.ts'

/** Longer than any test: they look themselves. */
const NEVER_MS = 3_600_000

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-watch-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('a file is read at the first look and after each change, a replacement of the same size included', () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'one')
  let changes = 0
  const look = watchFile(path, NEVER_MS, { onChange: () => changes++, onError: () => {} })
  expect(changes).toBe(0)
  look()
  look()
  expect(changes).toBe(1)
  writeFileSync(`${path}.tmp`, 'two')
  renameSync(`${path}.tmp`, path)
  look()
  look()
  expect(changes).toBe(2)
})

it('a change that cannot be taken over is tried again at every look, and reported once', () => {
  const path = join(folder, 'file')
  const errors: string[] = []
  let broken = true
  let taken = 0
  const onChange = () => {
    if (broken) throw new Error('half of it')
    taken++
  }
  const look = watchFile(path, NEVER_MS, { onChange, onError: (error) => errors.push(String(error)) })
  look()
  look()
  expect(errors).toEqual([expect.stringContaining('ENOENT')])
  writeFileSync(path, 'one')
  look()
  look()
  expect(errors.slice(1)).toEqual(['Error: half of it'])
  broken = false
  look()
  expect(taken).toBe(1)
})

it('a file is looked at by itself, too', async () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'one')
  await new Promise<void>((resolve) => watchFile(path, 1, { onChange: resolve, onError: () => {} }))
})

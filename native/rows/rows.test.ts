/** The native rows under the sanitizers of the compiler: addresses, undefined behaviour, threads. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { cacheDir } from '../../setup/steps.mjs'

const SOURCES = ['rows-test.cc', 'panel-store.cc', 'kernels.cc', 'scan.cc']
const FLAGS = [
  '-std=c++17',
  '-O1',
  '-g',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-unknown-pragmas',
  '-ffp-contract=off',
  '-fno-sanitize-recover=all',
  '-pthread',
]
/** Random stores of each kernel; each is asked some twenty queries. */
const STORES = '60'
/** A program is compiled once for the same sources; so many are kept, those of other branches among them. */
const PROGRAMS_KEPT = 12
const folder = join(cacheDir, 'sanitized')

function run(command: string, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(command, args, { cwd: import.meta.dirname })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
  })
}

/** The path of the program for these sources and this compiler. */
async function program(sanitizer: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, (await run('g++', ['--version'])).output]))
  for (const name of globSync('*.{cc,h}', { cwd: import.meta.dirname }).sort())
    hash.update(name).update(readFileSync(join(import.meta.dirname, name)))
  const path = join(folder, `${sanitizer}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const made = `${path}.${process.pid}`
  const compiled = await run('g++', [...FLAGS, `-fsanitize=${sanitizer}`, ...SOURCES, '-o', made])
  expect(compiled).toEqual({ status: 0, output: '' })
  renameSync(made, path)
  const age = (name: string) => statSync(join(folder, name)).mtimeMs
  const oldest = readdirSync(folder).sort((a, b) => age(b) - age(a))
  for (const name of oldest.slice(PROGRAMS_KEPT)) rmSync(join(folder, name), { force: true })
  return path
}

it.concurrent.each([
  ['address,undefined', 'touch no memory that is not theirs, and do nothing that the language leaves undefined'],
  ['thread', 'are searched while rows are appended, without a race'],
])(
  'under -fsanitize=%s, the native rows answer as a plain loop does: they %s',
  { timeout: 180_000 },
  async (sanitizer) => {
    const { status, output } = await run(await program(sanitizer), [STORES])
    expect(output).toMatch(/^\d{4,} answers\n$/)
    expect(status).toBe(0)
  },
)

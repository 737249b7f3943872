/** The native rows under the sanitizers of the compiler: addresses, undefined behaviour, threads. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const SOURCES = ['rows-test.cc', 'panel-store.cc', 'kernels.cc', 'scan.cc']
/** Random stores of each kernel; each is asked some twenty queries. */
const STORES = '60'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-native-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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

it.concurrent.each([
  ['address,undefined', 'touch no memory that is not theirs, and do nothing that the language leaves undefined'],
  ['thread', 'are searched while rows are appended, without a race'],
])(
  'under -fsanitize=%s, the native rows answer as a plain loop does: they %s',
  { timeout: 180_000 },
  async (sanitizer) => {
    const program = join(folder, sanitizer)
    const flags = [
      '-std=c++17',
      '-O1',
      '-g',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-Wno-unknown-pragmas',
      '-ffp-contract=off',
    ]
    const checks = [`-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-pthread']
    expect(await run('g++', [...flags, ...checks, ...SOURCES, '-o', program])).toEqual({ status: 0, output: '' })
    const { status, output } = await run(program, [STORES])
    expect(output).toMatch(/^\d{4,} answers\n$/)
    expect(status).toBe(0)
  },
)

/** The native rows under the sanitizers of the compiler: addresses, undefined behaviour, threads. */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { expect, it } from 'vitest'
import { checkedProgram } from '../programs.ts'

const sourcesOf = (name: string) => ({
  name,
  folder: import.meta.dirname,
  files: [`${name}-test.cc`, 'panel-store.cc', 'kernels.cc', 'kernel-bf16.cc', 'first-pass.cc', 'scan.cc'],
  headers: globSync('*.h', { cwd: import.meta.dirname }).sort(),
  // Those that unroll a loop are of one compiler.
  flags: ['-Wno-unknown-pragmas'],
})
/** Random stores of each kernel; each is asked some twenty queries. */
const STORES = '60'

function run(program: string, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(program, args)
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
  [
    'rows',
    'address,undefined',
    'touch no memory that is not theirs, and do nothing that the language leaves undefined',
  ],
  ['rows', 'thread', 'are searched while rows are appended, without a race'],
  ['first-pass', 'address,undefined', 'lose no row to a first pass in 16 bits, at the ends of its bound, too'],
])(
  'the native %s under -fsanitize=%s answers as a plain loop does: rows %s',
  { timeout: 180_000 },
  async (name, sanitizer) => {
    const { status, output } = await run(checkedProgram(sourcesOf(name), sanitizer), [STORES])
    expect(output).toMatch(/^\d{4,} answers\n$/)
    expect(status).toBe(0)
  },
)

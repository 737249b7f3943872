/** The compiler, the linter and the formatter, as tests like any other. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

function run(tool: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}node_modules/${tool}`, ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, output: `${stdout}${stderr}` }
}

it('the types are right', () => {
  expect(run('typescript/bin/tsc', '--noEmit')).toEqual({ status: 0, output: '' })
})

it('the linter, with types, has no complaint', () => {
  const { status, output } = run('oxlint/bin/oxlint', '--type-aware', '--deny-warnings')
  expect(status, output).toBe(0)
})

it('every file is formatted', () => {
  const { status, output } = run('@biomejs/biome/bin/biome', 'check', '--error-on-warnings')
  expect(status, output).toBe(0)
})

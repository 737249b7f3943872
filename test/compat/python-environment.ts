/**
 * Python environments with pinned clients, each made once and kept in the cache by what is in it. uv makes them: it is a package
 * itself, and installs in seconds what takes pip a minute.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDir } from '../../setup/steps.mjs'

const here = fileURLToPath(new URL('./python/', import.meta.url))
const INSTALL_TIMEOUT_MS = 240_000

/** The path of an interpreter, or why there is none. */
export type Python = { path: string } | { missing: string }

/**
 * @param name of a list of requirements, without its ending
 * @param lists the folder that has it; absent: `test/compat/python`
 */
export function pythonWith(name: string, lists = here): Python {
  const made = inCache(here, 'uv', (folder, requirements) => {
    if (!succeeds('python3', '-m', 'venv', folder)) return 'python3 with venv is not installed'
    const installed = succeeds(python(folder), '-m', 'pip', 'install', '--quiet', '--requirement', requirements)
    return installed ? undefined : 'pip cannot install uv'
  })
  if ('missing' in made) return made
  const uv = join(made.folder, 'bin', 'uv')
  const environment = inCache(lists, name, (folder, requirements) => {
    if (!succeeds(uv, 'venv', '--quiet', '--python', 'python3', folder)) return 'uv cannot make an environment'
    const install = ['pip', 'install', '--quiet', '--python', python(folder), '--requirement', requirements]
    return succeeds(uv, ...install) ? undefined : `the packages of ${name}.txt cannot be installed`
  })
  return 'missing' in environment ? environment : { path: python(environment.folder) }
}

type Make = (folder: string, requirements: string) => string | undefined

/** @param make fills the folder; what it returns is the reason why it could not */
function inCache(lists: string, name: string, make: Make): { folder: string } | { missing: string } {
  const requirements = join(lists, `${name}.txt`)
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cacheDir, 'python', `${name}-${digest}`)
  const complete = join(folder, '.complete')
  if (existsSync(complete)) return { folder }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(cacheDir, 'python'), { recursive: true })
  const missing = make(folder, requirements)
  if (missing !== undefined) return { missing }
  writeFileSync(complete, '')
  return { folder }
}

function python(folder: string): string {
  return join(folder, 'bin', 'python')
}

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS }).status === 0
}

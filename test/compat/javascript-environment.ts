/** Packages for Node that are too large for the repository's own set-up: installed into the cache when a program wants them. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDir } from '../../setup/steps.mjs'

const here = fileURLToPath(new URL('./javascript/', import.meta.url))
const INSTALL_TIMEOUT_MS = 300_000

/**
 * A folder in the cache that has the packages of `test/compat/javascript`, with copies of the given files: Node looks for packages
 * beside a program.
 */
export function javascriptWith(files: readonly string[]): { folder: string } | { missing: string } {
  const lock = readFileSync(join(here, 'package-lock.json'))
  const folder = join(cacheDir, 'javascript', createHash('sha256').update(lock).digest('hex').slice(0, 12))
  const complete = join(folder, '.complete')
  if (!existsSync(complete)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(here, name), join(folder, name))
    const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps']
    const options = { cwd: folder, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS } as const
    if (spawnSync('npm', install, options).status !== 0) return { missing: 'npm cannot install the clients' }
    writeFileSync(complete, '')
  }
  for (const file of files) copyFileSync(file, join(folder, file.slice(file.lastIndexOf('/') + 1)))
  return { folder }
}

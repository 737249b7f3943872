/** Programs in C++ that the benchmarks need: compiled when they are first used, kept outside the checkout. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../setup/steps.mjs'

/** What is compiled, downloaded or computed once. */
export const benchCache = join(cacheDir, 'bench')

const FLAGS = ['-std=c++17', '-O3', '-march=native', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror']

export interface Sources {
  name: string
  /** Path of their folder. */
  folder: string
  /** Files that are compiled. */
  files: readonly string[]
  headers?: readonly string[]
  libraries?: readonly string[]
}

/** The path of the compiled program. Throws if there is no g++, or a library is missing: the set-up installs them. */
export function programOf({ name, folder, files, headers = [], libraries = [] }: Sources): string {
  const processor = /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? ''
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, libraries, processor]))
  for (const file of [...files, ...headers]) hash.update(readFileSync(join(folder, file)))
  const path = join(benchCache, 'programs', `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(path)) return path
  mkdirSync(join(benchCache, 'programs'), { recursive: true })
  const made = `${path}.${process.pid}.tmp`
  const { status, stderr, error } = spawnSync('g++', [...FLAGS, ...files, ...libraries, '-o', made], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name} could not be compiled: ${error?.message ?? stderr}`)
  renameSync(made, path)
  return path
}

/** Programs in C++ that benchmarks and tests need: compiled once for the same sources, and kept outside the checkout. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../setup/steps.mjs'

/** Of each folder of programs so many are kept, those of other branches among them. */
const KEPT = 12
/** Warnings are errors. No product and sum are one instruction, unless the source says so. */
const FLAGS = ['-std=c++17', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror']
const CHECKED = ['-O1', '-g', '-fno-sanitize-recover=all', '-pthread', '-Wl,--fatal-warnings']

export interface Sources {
  name: string
  /** Path of their folder. */
  folder: string
  /** Files that are compiled. */
  files: readonly string[]
  headers?: readonly string[]
  /** Beside those of all programs. */
  flags?: readonly string[]
  libraries?: readonly string[]
}

/**
 * The path of the compiled program. Throws if there is no g++, or a library is missing: the set-up installs them.
 * @param flags of all programs of the folder
 * @param folder where it is kept
 */
export function programOf(sources: Sources, flags: readonly string[], folder: string): string {
  const { name, files, libraries = [] } = sources
  const all = [...FLAGS, ...flags, ...(sources.flags ?? [])]
  const path = join(folder, `${name}-${digestOf(sources, all)}`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const made = `${path}.${process.pid}.tmp`
  const { status, stderr, error } = spawnSync('g++', [...all, ...files, ...libraries, '-o', made], {
    cwd: sources.folder,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name} could not be compiled: ${error?.message ?? stderr}`)
  renameSync(made, path)
  removeOldest(folder)
  return path
}

/** The program under sanitizers, which ends where one of them finds something. */
export function checkedProgram(sources: Sources, sanitizer: string): string {
  const name = `${sources.name}-${sanitizer}`
  return programOf({ ...sources, name }, [...CHECKED, `-fsanitize=${sanitizer}`], join(cacheDir, 'sanitized'))
}

/** Of all that the program depends on: sources, flags, compiler and processor. */
function digestOf({ folder, files, headers = [], libraries = [] }: Sources, flags: readonly string[]): string {
  const processor = /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? ''
  const compiler = spawnSync('g++', ['--version'], { encoding: 'utf8' }).stdout
  const hash = createHash('sha256').update(JSON.stringify([flags, libraries, processor, compiler]))
  for (const file of [...files, ...headers]) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

function removeOldest(folder: string): void {
  // Another process may have given a program its name since the folder was read.
  const made = (name: string) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
  const latestFirst = readdirSync(folder).sort((a, b) => made(b) - made(a))
  for (const name of latestFirst.slice(KEPT)) rmSync(join(folder, name), { force: true })
}

/**
 * How a data directory is known: by a marker file, which only `maksdb start` writes, and only into a directory that is new
 * or empty (rule U8).
 */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { z } from 'zod'
import { badRequest, type MaksError } from '../core/errors.ts'
import { fileProblem } from './file-problem.ts'

export const MARKER = 'maksdb-data-directory.json'
/** A marker on its way, and what a volume has of its own. */
const NOT_FOREIGN = /^(maksdb-data-directory\.json\.\d+\.tmp|lost\+found)$/
const NAMED_MAX = 3

const markerSchema = z.object({
  kind: z.literal('maksdb-data-directory'),
  format: z.literal(1),
  /** The directory was made by us, so that a purge may remove it; else it is the user's, and only emptied. */
  made: z.boolean(),
})
export type Marker = z.infer<typeof markerSchema>

/** The path without symbolic links, of a directory that may not be there yet: one directory has one name. */
export function realPath(path: string): string {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch {
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(realPath(parent), basename(absolute))
  }
}

/** Undefined where the directory is none of ours. */
export function readMarker(path: string): Marker | undefined {
  const file = join(path, MARKER)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fileProblem(file, 'read', error)
  }
  try {
    return markerSchema.parse(JSON.parse(text))
  } catch {
    throw badRequest(`${file} is damaged or of another version of MaksDB; nothing was changed`)
  }
}

/** Throws unless the path is a data directory already, or can become one without touching anybody else's files. */
export function checkUsable(path: string): void {
  const home = realPath(homedir())
  if (home === path || home.startsWith(path === sep ? sep : `${path}${sep}`))
    throw badRequest(
      `${path} cannot be a data directory: it is or holds your home directory; name another with --data-dir`,
    )
  if (readMarker(path)) return
  const foreign = foreignNames(path)
  if (foreign.length === 0) return
  const more = foreign.length > NAMED_MAX ? ` and ${foreign.length - NAMED_MAX} more` : ''
  throw badRequest(
    `${path} is not a data directory of MaksDB (it has no ${MARKER}) and holds other files: ${foreign.slice(0, NAMED_MAX).join(', ')}${more}; name a new or an empty directory with --data-dir`,
  )
}

function foreignNames(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !NOT_FOREIGN.test(name))
      .sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !isDanglingLink(path)) return []
    throw unusable(path, 'used as a data directory', error)
  }
}

function unusable(path: string, doing: string, error: unknown): MaksError {
  return badRequest(`${fileProblem(path, doing, error).message}; name another directory with --data-dir`)
}

function isDanglingLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/** Makes the directory and its marker. Two starts at a time agree on one marker. */
export function claim(path: string): void {
  checkUsable(path)
  if (readMarker(path)) return
  const made = makeFolder(path)
  const marker: Marker = { kind: 'maksdb-data-directory', format: 1, made }
  const file = join(path, MARKER)
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, `${JSON.stringify(marker)}\n`, { mode: 0o600 })
    try {
      linkSync(temporary, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      unlinkSync(temporary)
    }
  } catch (error) {
    throw unusable(path, 'used as a data directory', error)
  }
}

/** One folder after the other: Node's recursive mkdir never returns where a parent refuses with ENOENT, as in /proc. */
function makeFolder(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unusable(path, 'made', error)
  }
}

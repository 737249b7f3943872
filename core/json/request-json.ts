/**
 * The JSON of a request, and what of it may be stored. Nothing is taken that would be kept as something else: bytes that
 * are no UTF-8 (which would become U+FFFD), one of two members of the same name, a number beyond float64 (which would
 * become null), half of a surrogate pair.
 */
import { isUtf8 } from 'node:buffer'
import { badRequest } from '../errors.ts'
import { exactParse, JSON_DEPTH_MAX } from './exact-json.ts'
import { parseInSlices, SLICE_BYTES } from './sliced-json.ts'

/** Of a name that is answered back, so many characters. */
const NAME_SHOWN = 100

/** Linear in the bytes, however they are nested; yields on the way. Throws BAD_REQUEST. */
export function* parseRequestJson(bytes: Buffer): Generator<void, unknown, void> {
  if (!isUtf8(bytes)) throw badRequest('the body is not valid UTF-8')
  const value = bytes.length <= SLICE_BYTES ? exactParse(bytes.toString()) : yield* parseInSlices(bytes)
  // JSON.parse keeps the last of two members of one name and says nothing: then the text has more names than the value.
  if ((yield* countNames(bytes)) !== (yield* countMembers(value)))
    throw badRequest(`the body holds two members of one object with the name ${yield* nameGivenTwice(bytes)}`)
  return value
}

/** Refuses a payload that could not be stored as it is, or that would overflow the stack of whoever walks it. */
export function checkStorable(value: unknown, what: string): void {
  const found = findUnstorable(value, 0)
  if (!found) return
  const path = found.path.slice(0, PATH_SHOWN).map((name) => `.${name.slice(0, NAME_SHOWN)}`)
  throw badRequest(`${what}${path.join('')} ${found.problem}`)
}

/** Levels of a path that an error names. */
const PATH_SHOWN = 4

interface Unstorable {
  /** Names from the outermost object to the value. */
  path: string[]
  problem: string
}

const unstorable = (problem: string): Unstorable => ({ path: [], problem })

/** The first value that could not be stored. Its path is made on the way back: of a storable payload, none is. */
function findUnstorable(value: unknown, depth: number): Unstorable | undefined {
  if (typeof value === 'string' && !value.isWellFormed())
    return unstorable('holds half of a surrogate pair, which is no Unicode text')
  if (typeof value === 'number' && !Number.isFinite(value))
    return unstorable('is a number beyond the range of a float64')
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > JSON_DEPTH_MAX) return unstorable(`is nested deeper than ${JSON_DEPTH_MAX} levels`)
  const within = (name: string | number, part: unknown): Unstorable | undefined => {
    const found = findUnstorable(part, depth + 1)
    return found && { ...found, path: [String(name), ...found.path] }
  }
  if (Array.isArray(value)) return firstOf(value.keys(), (i) => within(i, value[i]))
  return firstOf(Object.keys(value), (name) =>
    name.isWellFormed()
      ? within(name, (value as Record<string, unknown>)[name])
      : unstorable('has a name with half of a surrogate pair, which is no Unicode text'),
  )
}

function firstOf<T, Found>(items: Iterable<T>, find: (item: T) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Names, or lists and objects with what they hold, that are looked at between two yields. */
const STEP = 2000

function* countMembers(root: unknown): Generator<void, number, void> {
  let members = 0
  let looked = 0
  const open: object[] = [[root]]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const parts: unknown[] = Array.isArray(value) ? value : Object.values(value)
    if (!Array.isArray(value)) members += parts.length
    for (const part of parts) if (typeof part === 'object' && part !== null) open.push(part)
    looked += 1 + parts.length
    if (looked < STEP) continue
    looked = 0
    yield
  }
  return members
}

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d])

/** The first string at or after a place in valid JSON text, and whether it is a member's name: before a colon. */
function stringAfter(bytes: Buffer, from: number): { start: number; end: number; isName: boolean } | undefined {
  // Quotes are looked for, so that vectors cost little.
  const start = bytes.indexOf(QUOTE, from)
  if (start < 0) return undefined
  let end = bytes.indexOf(QUOTE, start + 1)
  while (isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1)
  let next = end + 1
  while (SPACE.has(bytes[next] ?? 0)) next++
  return { start, end: end + 1, isName: bytes[next] === COLON }
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let backslashes = 0
  while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function* countNames(bytes: Buffer): Generator<void, number, void> {
  let names = 0
  let looked = 0
  for (let found = stringAfter(bytes, 0); found; found = stringAfter(bytes, found.end)) {
    if (found.isName) names++
    if (++looked % STEP === 0) yield
  }
  return names
}

/** For the error alone: the first name that comes twice in one object, as JSON. */
function* nameGivenTwice(bytes: Buffer): Generator<void, string, void> {
  const objects: Set<string>[] = []
  let looked = 0
  let at = 0
  for (let found = stringAfter(bytes, 0); found; found = stringAfter(bytes, found.end)) {
    for (const [bracket] of bytes.toString('latin1', at, found.start).matchAll(/[{}]/g)) {
      if (bracket === '{') objects.push(new Set())
      else objects.pop()
    }
    at = found.end
    if (++looked % STEP === 0) yield
    if (!found.isName) continue
    const name = JSON.parse(bytes.toString('utf8', found.start, found.end)) as string
    const names = objects.at(-1)
    if (names?.has(name)) return JSON.stringify(name.slice(0, NAME_SHOWN))
    names?.add(name)
  }
  throw new Error('no name comes twice')
}

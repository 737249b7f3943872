/**
 * JSON that may be long, read in slices: the same value, or refusal, as `exactParse` of the whole text. One pass over the
 * bytes finds brackets and commas; the text between two slices goes to `parse`, so that no step takes longer than a
 * slice, or than the longest text. What would take much more memory than bytes is refused on the way, by its limit.
 */
import { badRequest } from '../errors.ts'
import { checkLimit, LIMITS } from '../limits.ts'
import { exactParse } from './exact-json.ts'

export const SLICE_BYTES = 64 * 1024
/** Deeper texts are refused; what is stored has a lower limit of its own (`JSON_DEPTH_MAX`). */
const NESTING_MAX = 100_000

type Parse = (text: string) => unknown
interface Reading {
  parse?: Parse
  sliceBytes?: number
  /** False for what our own processes have written. */
  limited?: boolean
}
type Check = (...given: Parameters<typeof checkLimit>) => void
type Value = unknown[] | Record<string, unknown>

/** A list or object whose end has not been reached. */
interface Open {
  object: boolean
  /** Where its bracket stands. */
  at: number
  /** The last comma between its members; -1: none. */
  comma: number
  commas: number
  /** What has been read of it, once a slice has ended within it. */
  value: Value | undefined
  /** The member of the parent that it is, where that is an object. */
  key: string
  /** Members before this place are in `value`. */
  from: number
  /** What stands right before `from`. */
  before: 'bracket' | 'comma' | 'member'
}

/** Yields after each slice. Throws BAD_REQUEST, or what `parse` throws, on malformed text. */
export function* parseInSlices(
  bytes: Buffer,
  { parse = exactParse, sliceBytes = SLICE_BYTES, limited = true }: Reading = {},
): Generator<void, unknown, void> {
  const check = limited ? checkLimit : noLimit
  const open: Open[] = []
  let sliceFrom = 0
  let begun = 0
  let values = 0
  let numberFrom = 0
  let root: { value: unknown; end: number } | undefined
  for (let i = 0; i < bytes.length && root === undefined; i++) {
    const byte = bytes[i] as number
    // Digits, letters and what is between them: most of most texts.
    if (byte > COMMA && byte < OPEN_LIST && open.length > 0) {
      if (i - numberFrom > NUMBER_CHARS) check('NUMBER_CHARS_MAX', 'a number of the body', i - numberFrom)
      continue
    }
    numberFrom = i
    const top = open.at(-1)
    if (byte === QUOTE) {
      i = endOfString(bytes, i, check)
      numberFrom = i
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (open.length === NESTING_MAX) throw badRequest(`the body is nested deeper than ${NESTING_MAX} levels`)
      const object = byte === OPEN_OBJECT
      check('BODY_VALUES_MAX', 'the body', ++values)
      open.push({ object, at: i, comma: -1, commas: 0, value: undefined, key: '', from: i + 1, before: 'bracket' })
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      if (top?.object !== (byte === CLOSE_OBJECT)) throw malformed(i)
      open.pop()
      if (top.value !== undefined) {
        finish(bytes, parse, top, i)
        begun = Math.min(begun, open.length)
        const parent = open.at(-1)
        if (parent) addChild(parent, top, i)
      }
      if (open.length === 0) root = { value: top.value ?? parse(bytes.toString('utf8', top.at, i + 1)), end: i + 1 }
    } else if (byte === COMMA) {
      if (!top) throw malformed(i)
      top.comma = i
      check('LIST_VALUES_MAX', 'a list or object of the body', ++top.commas + 1)
      if (top.object) check('BODY_VALUES_MAX', 'the body', ++values)
    } else if (!top && !isBlank(byte)) break
    else continue
    if (i - sliceFrom < sliceBytes) continue
    for (let depth = Math.max(0, begun - 1); depth < open.length; depth++)
      readSoFar(bytes, parse, open[depth] as Open, open[depth + 1])
    begun = open.length
    sliceFrom = i
    yield
  }
  if (open.length > 0) throw malformed(bytes.length)
  if (root === undefined) return parse(bytes.toString())
  if (skipBlank(bytes, root.end) !== bytes.length) throw malformed(root.end)
  return root.value
}

const noLimit: Check = () => undefined
const NUMBER_CHARS = LIMITS.NUMBER_CHARS_MAX.value
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Where the string that begins at `from` ends; the last byte where it does not. */
function endOfString(bytes: Buffer, from: number, check: Check): number {
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let escapes = 0
    while (bytes[at - 1 - escapes] === BACKSLASH) escapes++
    if (escapes % 2 === 0) {
      check('TEXT_BYTES_MAX', 'a text of the body', at - from - 1)
      return at
    }
  }
  throw malformed(bytes.length)
}

/** The whole members up to the last comma; and, of the member that has just begun, the key. */
function readSoFar(bytes: Buffer, parse: Parse, list: Open, child: Open | undefined): void {
  list.value ??= list.object ? {} : []
  if (list.comma >= list.from) {
    readMembers(bytes, parse, list, list.comma)
    list.from = list.comma + 1
    list.before = 'comma'
  }
  if (child === undefined || child.value !== undefined) return
  if (list.before === 'member') throw malformed(child.at)
  const text = bytes.toString('utf8', list.from, child.at).trim()
  if (!list.object) {
    if (text !== '') throw malformed(child.at)
    return
  }
  const key = text.endsWith(':') ? parse(text.slice(0, -1)) : undefined
  if (typeof key !== 'string') throw malformed(child.at)
  child.key = key
}

/** Reads the members between `from` and a comma or the closing bracket. */
function readMembers(bytes: Buffer, parse: Parse, list: Open, to: number): void {
  let from = list.from
  if (list.before === 'member') {
    from = skipBlank(bytes, from)
    if (from === to) return
    if (bytes[from] !== COMMA) throw malformed(from)
    from++
  }
  const text = bytes.toString('utf8', from, to)
  if (list.object) {
    const members = parse(`{${text}}`) as Record<string, unknown>
    const keys = Object.keys(members)
    if (keys.length === 0) throw malformed(to)
    for (const key of keys) setMember(list.value as Record<string, unknown>, key, members[key])
  } else {
    const items = parse(`[${text}]`) as unknown[]
    if (items.length === 0) throw malformed(to)
    for (const item of items) (list.value as unknown[]).push(item)
  }
}

function finish(bytes: Buffer, parse: Parse, list: Open, end: number): void {
  const empty = skipBlank(bytes, list.from) === end
  if (empty && list.before === 'comma') throw malformed(end)
  if (!empty) readMembers(bytes, parse, list, end)
}

function addChild(parent: Open, child: Open, end: number): void {
  if (parent.object) setMember(parent.value as Record<string, unknown>, child.key, child.value)
  else (parent.value as unknown[]).push(child.value)
  parent.from = end + 1
  parent.before = 'member'
}

/** As JSON.parse does, also where the key is that of the prototype. */
function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

function skipBlank(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && isBlank(bytes[at] as number)) at++
  return at
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function malformed(at: number) {
  return badRequest(`the body is not valid JSON: unexpected at byte ${at}`)
}

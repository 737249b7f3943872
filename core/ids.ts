/**
 * Point ids. An id is an unsigned 64-bit integer, a UUID, or any other string of 1 to 256 bytes; `1` and `"1"` differ,
 * and the two spellings of a UUID are one id. Inside, an id is its *key*: a string with a letter for the kind in front
 * (`i42`, `u<32 hex>`, `sfilm-7`), which is what the log, the directory and every map hold.
 */
import { badRequest } from './errors.ts'

export type IdKey = string & { readonly __brand: 'IdKey' }

export const ID_BYTES_MAX = 256
const U64_MAX = 2n ** 64n - 1n
const UUID = /^(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i

/** The key of an id as it comes out of JSON: number, bigint or string. Throws BAD_REQUEST. */
export function idKey(id: unknown): IdKey {
  if (typeof id === 'number' || typeof id === 'bigint') return integerKey(id)
  if (typeof id !== 'string')
    throw badRequest(`a point id is an unsigned integer, a UUID or a string, not ${describe(id)}`)
  const uuid = UUID.exec(id)
  if (uuid) return `u${uuid.slice(1).join('').toLowerCase()}` as IdKey
  if (id === '') throw badRequest('a point id must not be empty')
  if (!id.isWellFormed()) throw badRequest('a point id must be well-formed Unicode')
  if (Buffer.byteLength(id) > ID_BYTES_MAX) throw badRequest(`a point id has at most ${ID_BYTES_MAX} bytes`)
  return `s${id}` as IdKey
}

function integerKey(id: number | bigint): IdKey {
  if (typeof id === 'number' && !Number.isInteger(id)) throw badRequest(`a point id must be a whole number, not ${id}`)
  if (id < 0) throw badRequest(`a point id must not be negative, as ${id} is`)
  if (typeof id === 'number' && !Number.isSafeInteger(id))
    throw badRequest(`the point id ${id} is above 2^64-1 or not exact`)
  if (BigInt(id) > U64_MAX) throw badRequest(`the point id ${id} is above 2^64-1`)
  return `i${id}` as IdKey
}

/** The id in a path segment: digits are the integer. */
export function idKeyOfPath(segment: string): IdKey {
  return /^\d+$/.test(segment) ? idKey(BigInt(segment)) : idKey(segment)
}

/** The id as JSON text. */
export function idJson(key: IdKey): string {
  if (key.startsWith('i')) return key.slice(1)
  return JSON.stringify(idText(key))
}

/** A UUID in any of the forms that are one id, with dashes and in lower case; undefined if the text is none. */
export function uuidText(text: string): string | undefined {
  return UUID.exec(text)?.slice(1).join('-').toLowerCase()
}

/** The id as a person reads it: UUIDs with dashes, integers and strings as they are. */
export function idText(key: IdKey): string {
  const text = key.slice(1)
  if (!key.startsWith('u')) return text
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}

const RANK: Record<string, number> = { i: 0, u: 1, s: 2 }

/** The order of scroll and of ties: integers, then UUIDs, then strings bytewise. */
export function compareKeys(a: IdKey, b: IdKey): number {
  if (a === b) return 0
  const kind = a.charAt(0)
  const byKind = (RANK[kind] ?? 3) - (RANK[b.charAt(0)] ?? 3)
  if (byKind !== 0) return byKind
  if (kind === 'i' && a.length !== b.length) return a.length - b.length
  return kind === 's' ? compareUtf8(a, b) : a < b ? -1 : 1
}

/** The order of the bytes of two texts. UTF-16 order differs from byte order only where a surrogate meets a unit above the surrogates. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rotateSurrogates(x) - rotateSurrogates(y)
  }
  return a.length - b.length
}

function rotateSurrogates(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value
}

/** FNV-1a over the UTF-8 bytes, 32 bits: spreads keys over directory buckets and, before training, over cells. */
export function hashKey(key: IdKey): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/**
 * Reads a message of the wire into the object that a body of REST would be: names of fields as the .proto file has them, what is
 * absent is absent, and a message with a *form* becomes what its form makes of it, so that a value of a payload is a value of
 * JSON at once. Packed floats become one Float32Array. No part of a message is ignored: a field that is not supported is refused by
 * its name, one that is not known by its number, and so is a field that is there twice.
 */
import { isUtf8 } from 'node:buffer'
import { MaksError } from '../../../core/errors.ts'
import { JSON_DEPTH_MAX } from '../../../core/json/exact-json.ts'
import { checkLimit } from '../../../core/limits.ts'
import { FloatList } from './float-list.ts'
import type { Field, MessageType } from './proto-file.ts'
import { malformed, readVarint, signed } from './varint.ts'
import { BYTES, FIXED32, wireOf } from './wire-type.ts'

export type Message = Record<string, unknown>
/** By the name of a message: what becomes of it. */
export type Forms = Readonly<Record<string, (message: Message) => unknown>>

/** A level of a payload is three messages: a value, its struct, an entry; and some levels are around it. */
const DEPTH_MAX = 3 * JSON_DEPTH_MAX + 16
/** A message of fewer bytes is read at one go. */
const SLICE_BYTES = 16 * 1024
/** Enough for most places, and short. */
const PLACE_CHARS_MAX = 200

/** A message within another, whose turn has come. */
interface Part {
  type: MessageType
  end: number
  place: string
  put: (value: unknown) => void
}

/** Yields on the way. Throws BAD_REQUEST, UNSUPPORTED or PAYLOAD_TOO_LARGE. */
export function* decodeMessage(type: MessageType, bytes: Buffer, forms: Forms): Generator<void, Message, void> {
  const decoder = new Decoder(bytes, forms)
  return (yield* decoder.inSlices({ type, end: bytes.length, place: '', put: () => undefined }, 0)) as Message
}

class Decoder {
  readonly #bytes: Buffer
  readonly #forms: Forms
  #at = 0
  #values = 0

  constructor(bytes: Buffer, forms: Forms) {
    this.#bytes = bytes
    this.#forms = forms
  }

  *inSlices(part: Part, depth: number): Generator<void, unknown, void> {
    const message = this.#begin(depth)
    while (this.#at < part.end) {
      const inner = this.#field(part, message)
      if (inner) {
        const large = inner.end - this.#at > SLICE_BYTES
        inner.put(large ? yield* this.inSlices(inner, depth + 1) : this.#atOnce(inner, depth + 1))
      }
      yield
    }
    return this.#finish(part.type, message)
  }

  #atOnce(part: Part, depth: number): unknown {
    const message = this.#begin(depth)
    while (this.#at < part.end) {
      const inner = this.#field(part, message)
      inner?.put(this.#atOnce(inner, depth + 1))
    }
    return this.#finish(part.type, message)
  }

  #begin(depth: number): Map<string, unknown> {
    if (depth > DEPTH_MAX) throw malformed(`its messages are nested deeper than ${DEPTH_MAX} levels`)
    this.#count()
    return new Map()
  }

  #count(): void {
    checkLimit('BODY_VALUES_MAX', 'the message', ++this.#values)
  }

  #finish(type: MessageType, fields: Map<string, unknown>): unknown {
    const message: Message = {}
    for (const [name, value] of fields) {
      if (value instanceof FloatList) message[name] = value.floats
      // Own members, also of a name like `__proto__`.
      else message[name] = value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value
    }
    const form = this.#forms[type.name]
    return form ? form(message) : message
  }

  /** Reads a field, or, if its value is a message, what stands before it. */
  #field({ type, end, place }: Part, message: Map<string, unknown>): Part | undefined {
    const tag = Number(this.#varint(end))
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    const field = type.fields.get(number)
    if (!field) throw unsupported(place, `field ${number} of ${type.name} is not known`)
    if (field.kind === 'unsupported') throw unsupported(place, `"${field.name}" is not supported`)
    const { kind, name } = field
    if (typeof kind === 'object' && kind.is === 'message') {
      if (wire !== BYTES) throw wrongWire(field)
      return { type: kind, end: this.#length(end), place: within(place, name), put: this.#putOf(field, message) }
    }
    if (field.repeated && kind === 'float') this.#floats(field, wire, end, message)
    else if (field.repeated && wire === BYTES && kind !== 'string') {
      const list = listOf(message, name)
      for (const until = this.#length(end); this.#at < until; )
        this.#push(list, name, this.#scalar(field, wireOf(kind), until, place))
    } else if (field.repeated) this.#push(listOf(message, name), name, this.#scalar(field, wire, end, place))
    else this.#set(field, message, this.#scalar(field, wire, end, place))
    return undefined
  }

  #putOf(field: Field, message: Map<string, unknown>): (value: unknown) => void {
    const { name, repeated, entry } = field
    if (repeated) return (value) => this.#push(listOf(message, name), name, value)
    if (!entry) return (value) => this.#set(field, message, value)
    const map = (message.get(name) ?? new Map<string, unknown>()) as Map<string, unknown>
    message.set(name, map)
    return (given) => {
      const { key = '', value } = given as { key?: string; value?: unknown }
      if (map.has(key)) throw malformed(`"${name}" has two entries of one key`)
      map.set(key, value ?? null)
      checkLimit('LIST_VALUES_MAX', name, map.size)
    }
  }

  #push(list: unknown[], name: string, value: unknown): void {
    this.#count()
    checkLimit('LIST_VALUES_MAX', name, list.push(value))
  }

  #set({ name, oneof }: Field, message: Map<string, unknown>, value: unknown): void {
    if (message.has(name)) throw malformed(`"${name}" is there twice`)
    const other = message.size === 0 ? undefined : oneof?.find((sibling) => message.has(sibling))
    if (other !== undefined) throw malformed(`"${name}" and "${other}" exclude each other`)
    message.set(name, value)
  }

  #floats({ name }: Field, wire: number, end: number, message: Map<string, unknown>): void {
    const list = (message.get(name) ?? new FloatList()) as FloatList
    message.set(name, list)
    if (wire === FIXED32) {
      list.add(this.#take(4, end))
    } else if (wire === BYTES) {
      const until = this.#length(end)
      if ((until - this.#at) % 4 !== 0) throw malformed(`"${name}" has no whole number of floats`)
      list.add(this.#take(until - this.#at, until))
    } else throw malformed(`"${name}" has another type on the wire`)
    checkLimit('LIST_VALUES_MAX', name, list.length)
  }

  #scalar(field: Field, wire: number, end: number, place: string): unknown {
    const { kind, name } = field
    if (wire !== wireOf(kind)) throw wrongWire(field)
    if (kind === 'string') return this.#text(name, end)
    if (kind === 'double') return this.#take(8, end).readDoubleLE()
    if (kind === 'float') return this.#take(4, end).readFloatLE()
    const value = this.#varint(end)
    if (kind === 'bool') return Number(value) !== 0
    if (kind === 'uint64') return value
    if (kind === 'int64' || kind === 'int32') return signed(value)
    if (kind === 'uint32') {
      if (value > 0xffff_ffff) throw malformed(`"${name}" is more than 32 bits`)
      return value
    }
    const word = (kind as { names: Map<number, string> }).names.get(Number(value))
    if (word === undefined) throw unsupported(place, `the value ${value} of "${name}" is not supported`)
    return word
  }

  #text(name: string, end: number): string {
    const until = this.#length(end)
    checkLimit('TEXT_BYTES_MAX', name, until - this.#at)
    const bytes = this.#take(until - this.#at, until)
    if (!isUtf8(bytes)) throw malformed(`"${name}" is not valid UTF-8`)
    return bytes.toString()
  }

  #varint(end: number): number | bigint {
    const { value, at } = readVarint(this.#bytes, this.#at, end)
    this.#at = at
    return value
  }

  /** Where a value ends that names its length. */
  #length(end: number): number {
    const until = Number(this.#varint(end)) + this.#at
    if (until > end) throw malformed('it is cut off')
    return until
  }

  #take(count: number, end: number): Buffer {
    if (this.#at + count > end) throw malformed('it is cut off')
    return this.#bytes.subarray(this.#at, (this.#at += count))
  }
}

function listOf(message: Map<string, unknown>, name: string): unknown[] {
  const list = (message.get(name) ?? []) as unknown[]
  message.set(name, list)
  return list
}

function within(place: string, name: string): string {
  return place.length > PLACE_CHARS_MAX ? place : place === '' ? name : `${place}.${name}`
}

function unsupported(place: string, why: string): MaksError {
  return new MaksError('UNSUPPORTED', `${place === '' ? 'the message' : place}: ${why}`)
}

function wrongWire({ name }: Field): Error {
  return malformed(`"${name}" has another type on the wire`)
}

/**
 * Writes a message of the wire from an object with the names of its .proto file. It is written from its end to its beginning, so that
 * the length of a message within is known when it is written.
 */
import type { EnumType, Field, MessageType, Scalar } from './proto-file.ts'
import { BYTES, wireOf } from './wire-type.ts'

/** By the name of a message: what of a value becomes the message. */
export type Shapes = Readonly<Record<string, (value: unknown) => object>>

const FIRST_BYTES = 1024
const U64 = 2n ** 64n

/** @param value may hold messages, and whole fields of lists, that are encoded already, as Buffers */
export function encodeMessage(type: MessageType, value: object, shapes: Shapes): Buffer {
  const encoder = new Encoder(shapes)
  encoder.message(type, value)
  return encoder.bytes
}

/** A field with what stands before it, to be put beside others of its message. */
export function encodeField(field: Field, value: unknown, shapes: Shapes): Buffer {
  const encoder = new Encoder(shapes)
  encoder.field(field, value)
  return encoder.bytes
}

class Encoder {
  readonly #shapes: Shapes
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  /** Where what is written begins. */
  #at = FIRST_BYTES

  constructor(shapes: Shapes) {
    this.#shapes = shapes
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(this.#at)
  }

  message(type: MessageType, given: object): void {
    if (Buffer.isBuffer(given)) return this.#put(given)
    const value = given as Record<string, unknown>
    for (const field of type.backwards) this.field(field, value[field.name])
  }

  field(field: Field, value: unknown): void {
    // Where nulls have a shape, as in payloads, one is a message.
    if (value === undefined || (value === null && !this.#shapes[nameOf(field)])) return
    if (field.entry) {
      for (const [key, one] of Object.entries(value as object).reverse()) this.#one(field, { key, value: one })
    } else if (value instanceof Float32Array) {
      this.#put(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      this.#varint(value.byteLength)
      this.#tag(field, BYTES)
    } else if (field.repeated && Buffer.isBuffer(value)) {
      this.#put(value)
    } else if (field.repeated) {
      for (const one of [...(value as unknown[])].reverse()) this.#one(field, one)
    } else this.#one(field, value)
  }

  #one(field: Field, value: unknown): void {
    const { kind } = field
    if (typeof kind === 'object' && kind.is === 'message') {
      const before = this.bytes.length
      const shape = this.#shapes[kind.name]
      this.message(kind, shape && !Buffer.isBuffer(value) ? shape(value) : (value as object))
      this.#varint(this.bytes.length - before)
    } else if (kind === 'string') {
      const bytes = Buffer.from(value as string)
      this.#put(bytes)
      this.#varint(bytes.length)
    } else if (kind === 'double') {
      this.#room(8)
      this.#buffer.writeDoubleLE(value as number, (this.#at -= 8))
    } else if (kind === 'float') {
      this.#room(4)
      this.#buffer.writeFloatLE(value as number, (this.#at -= 4))
    } else this.#varint(integerOf(kind as Scalar | EnumType, value))
    this.#tag(field, wireOf(kind))
  }

  #tag({ number }: Field, wire: number): void {
    this.#varint(number * 8 + wire)
  }

  #varint(value: number | bigint): void {
    const bytes: number[] = []
    if (typeof value === 'number' && value >= 0) {
      let rest = value
      for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
      bytes.push(rest)
    } else {
      let rest = BigInt.asUintN(64, BigInt(value)) % U64
      for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128)
      bytes.push(Number(rest))
    }
    this.#put(bytes)
  }

  #put(bytes: ArrayLike<number>): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, (this.#at -= bytes.length))
  }

  #room(count: number): void {
    if (this.#at >= count) return
    const written = this.bytes
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, written.length + count))
    this.#at = larger.length - written.length
    larger.set(written, this.#at)
    this.#buffer = larger
  }
}

function integerOf(kind: Scalar | EnumType, value: unknown): number | bigint {
  if (typeof kind === 'object') return kind.numbers.get(value as string) ?? 0
  return kind === 'bool' ? Number(value) : (value as number | bigint)
}

function nameOf({ kind }: Field): string {
  return typeof kind === 'object' ? kind.name : ''
}

/**
 * The reply of Redis to an XREAD of one log, read as it comes: RESP2, and of the entries only their parts, whatever order
 * their fields stand in. What a client library makes of it, a buffer for every part of every entry, takes a replay
 * longer than all else that it does with them.
 */
import { type BlockMemory, type EntryBlock, EntryBlockWriter, type Span } from './entry-block.ts'
import { checkType, type LogTip } from './log-entry.ts'

const [ARRAY, BULK, ERROR] = ['*', '$', '-'].map((type) => type.charCodeAt(0)) as [number, number, number]
const [CR, MINUS, ZERO, NINE] = ['\r', '-', '0', '9'].map((sign) => sign.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
]
const LINE_END_BYTES = 2
/** What is read goes on in bytes that have not come yet. */
const CUT = -2
/** A field, or a list, that is absent. */
const NONE = -1
/** Of `e`, `h`, `d`: the fields that are read. */
const [HEAD, HASH, ROW] = ['e', 'h', 'd'].map((name) => name.charCodeAt(0)) as [number, number, number]

export class StreamReply {
  readonly #writer: EntryBlockWriter
  /** Not read yet: its first bytes are those of an entry that was cut. */
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  /** That came since, and are not looked at before so many are there. */
  readonly #more: Buffer[] = []
  #moreBytes = 0
  #needed = 0
  /** Entries that are still to come; undefined before their number is known. */
  #left: number | undefined
  readonly #id: Span = { start: 0, end: 0 }
  readonly #name: Span = { start: 0, end: 0 }
  readonly #head: Span = { start: 0, end: 0 }
  readonly #hash: Span = { start: 0, end: 0 }
  readonly #row: Span = { start: 0, end: 0 }
  readonly #ignored: Span = { start: 0, end: 0 }

  /**
   * @param tip the entries come after it
   * @param expected bytes that the block is likely to take
   * @param memory as of `EntryBlockWriter`
   */
  constructor(tip: LogTip, expected: number, memory?: BlockMemory) {
    this.#writer = new EntryBlockWriter(tip, expected, memory)
  }

  /** Takes the next bytes of the connection. The whole block at the end of the reply; throws the error that Redis answers. */
  add(chunk: Buffer): EntryBlock | undefined {
    this.#more.push(chunk)
    this.#moreBytes += chunk.length
    if (this.#bytes.length - this.#at + this.#moreBytes < this.#needed) return undefined
    const rest = this.#bytes.subarray(this.#at)
    this.#bytes = rest.length === 0 && this.#more.length === 1 ? chunk : Buffer.concat([rest, ...this.#more])
    this.#at = 0
    this.#more.length = 0
    this.#moreBytes = 0
    this.#needed = 0
    if (!this.#readStart()) return undefined
    while ((this.#left as number) > 0) {
      if (!this.#readEntry()) return undefined
      this.#left = (this.#left as number) - 1
    }
    if (this.#at !== this.#bytes.length) throw new Error('Redis sends more than it was asked for')
    return this.#writer.block()
  }

  /** Up to the number of entries: a list of one log, which is its name and a list of entries; or none, if there are no entries. */
  #readStart(): boolean {
    if (this.#left !== undefined) return true
    const start = this.#at
    if (this.#bytes[start] === ERROR) return this.#readError()
    const logs = this.#line(ARRAY)
    if (logs === NONE) {
      this.#left = 0
      return true
    }
    if (logs === CUT || this.#line(ARRAY) === CUT || !this.#bulk(this.#ignored)) return this.#cutAt(start)
    const entries = this.#line(ARRAY)
    if (entries === CUT) return this.#cutAt(start)
    this.#left = entries
    return true
  }

  #readError(): boolean {
    const end = this.#bytes.indexOf(CR, this.#at)
    if (end < 0) return false
    throw new Error(this.#bytes.toString('utf8', this.#at + 1, end))
  }

  #readEntry(): boolean {
    const start = this.#at
    if (this.#line(ARRAY) === CUT || !this.#bulk(this.#id)) return this.#cutAt(start)
    const parts = this.#line(ARRAY)
    if (parts === CUT) return this.#cutAt(start)
    this.#head.start = this.#head.end = this.#hash.start = this.#hash.end = this.#row.start = this.#row.end = start
    for (let i = 0; i < parts; i += 2) {
      if (!this.#bulk(this.#name) || !this.#bulk(this.#spanOf(this.#bytes[this.#name.start] as number)))
        return this.#cutAt(start)
    }
    checkType(this.#bytes, this.#head)
    this.#writer.add(this.#bytes, this.#id, this.#head, this.#hash, this.#row)
    return true
  }

  #spanOf(letter: number): Span {
    if (letter === HEAD) return this.#head
    if (letter === HASH) return this.#hash
    return letter === ROW ? this.#row : this.#ignored
  }

  /** It is read again from there when more has come. */
  #cutAt(start: number): false {
    this.#needed -= start
    this.#at = start
    return false
  }

  /** Reads a string; false if it is cut. */
  #bulk(into: Span): boolean {
    const length = this.#line(BULK)
    if (length === CUT) return false
    const end = this.#at + Math.max(0, length)
    if (end + LINE_END_BYTES > this.#bytes.length) {
      this.#needed = end + LINE_END_BYTES
      return false
    }
    into.start = this.#at
    into.end = end
    this.#at = end + LINE_END_BYTES
    return true
  }

  /** The number of a line of a type, NONE, or CUT. Throws if the line is of another type. */
  #line(type: number): number {
    const bytes = this.#bytes
    let at = this.#at
    if (at >= bytes.length) return CUT
    if (bytes[at] !== type) throw new Error('Redis sends what is no list of entries')
    at++
    let number = 0
    const negative = bytes[at] === MINUS
    if (negative) at++
    for (; at < bytes.length; at++) {
      const sign = bytes[at] as number
      if (sign < ZERO || sign > NINE) break
      number = number * 10 + sign - ZERO
    }
    if (at + LINE_END_BYTES > bytes.length) return CUT
    if (bytes[at] !== CR) throw new Error('Redis sends what is no list of entries')
    this.#at = at + LINE_END_BYTES
    return negative ? NONE : number
  }
}

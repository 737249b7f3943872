/**
 * Entries of a log one after the other, each as its hash covers it: `<hash before>|<id>|<head>`, and its row behind that. So a
 * replay makes no object of an entry to check it, hands a block to another thread in one piece, and reads vectors where they lie.
 */
import { hash } from 'node:crypto'
import { formatPosition, parsePosition } from '../core/log/position.ts'
import {
  decodeHead,
  type EntryHead,
  HASH_LENGTH,
  headOf,
  type LogEntry,
  LogMismatch,
  type LogTip,
} from './log-entry.ts'

/** Rows begin at multiples of this, so that a vector in them needs no copy. */
const ALIGNMENT = 8
const BYTES_MIN = 4096
const ENTRIES_MIN = 64
/** Numbers of an entry in `places`: where its text, its head and its row begin, and where its row ends. */
const PLACES = 4
const [BAR, MINUS, ZERO, FIRST_TYPE] = [0x7c, 0x2d, 0x30, 0x49]

export interface EntryBlock {
  /** The end of the log before them. */
  tip: LogTip
  /** The end of the log after them, as they say. */
  point: LogTip
  count: number
  /** Of all rows. */
  rowBytes: number
  /** What lies between and behind the entries has no meaning. */
  bytes: Uint8Array<ArrayBuffer>
  /** Four numbers an entry; there may be more. */
  places: Uint32Array<ArrayBuffer>
}

/** What a block lies in. */
export type BlockMemory = Pick<EntryBlock, 'bytes' | 'places'>

/** Where a part lies in bytes. */
export interface Span {
  start: number
  end: number
}

export class EntryBlockWriter {
  readonly #tip: LogTip
  #bytes: Uint8Array<ArrayBuffer>
  #places: Uint32Array<ArrayBuffer>
  #count = 0
  #rowBytes = 0
  #end = 0
  /** What has the id and the hash of the last entry. A buffer of each, made for every entry, would take longer than all else here. */
  #from: Buffer
  readonly #id: Span
  readonly #hash: Span

  /**
   * @param expected bytes that the block is likely to take
   * @param memory of a block that is no longer needed; it is used if it is so large
   */
  constructor(tip: LogTip, expected = 0, memory?: BlockMemory) {
    this.#tip = tip
    this.#from = Buffer.from(tip.hash + formatPosition(tip.position), 'latin1')
    this.#hash = { start: 0, end: tip.hash.length }
    this.#id = { start: tip.hash.length, end: this.#from.length }
    const least = Math.max(BYTES_MIN, expected)
    this.#bytes = memory && memory.bytes.length >= least ? memory.bytes : new Uint8Array(least)
    this.#places = memory?.places ?? new Uint32Array(PLACES * ENTRIES_MIN)
  }

  get count(): number {
    return this.#count
  }

  /** @param from has the parts of the entry, and keeps them */
  add(from: Buffer, id: Span, head: Span, hashed: Span, row: Span): void {
    const idAt = this.#hash.end - this.#hash.start + 1
    const headAt = idAt + id.end - id.start + 1
    const textLength = headAt + head.end - head.start
    const rowAt = Math.ceil((this.#end + textLength) / ALIGNMENT) * ALIGNMENT
    const rowEnd = rowAt + row.end - row.start
    if (rowEnd > this.#bytes.length) this.#grow(rowEnd)
    const bytes = this.#bytes
    const at = rowAt - textLength
    copy(this.#from, this.#hash, bytes, at)
    bytes[at + idAt - 1] = BAR
    copy(from, id, bytes, at + idAt)
    bytes[at + headAt - 1] = BAR
    copy(from, head, bytes, at + headAt)
    from.copy(bytes, rowAt, row.start, row.end)
    this.#note(at, at + headAt, rowAt, rowEnd)
    this.#from = from
    // The spans are the caller's, who writes others into them.
    this.#hash.start = hashed.start
    this.#hash.end = hashed.end
    this.#id.start = id.start
    this.#id.end = id.end
  }

  addEntry(entry: LogEntry): void {
    const spans: Span[] = []
    const parts = [formatPosition(entry.position), headOf(entry), entry.hash].map((text) => Buffer.from(text))
    let at = 0
    for (const { length } of [...parts, entry.row]) spans.push({ start: at, end: (at += length) })
    this.add(Buffer.concat([...parts, entry.row]), ...(spans as [Span, Span, Span, Span]))
  }

  /** The block; the writer is not used again. */
  block(): EntryBlock {
    const text = ({ start, end }: Span) => this.#from.toString('latin1', start, end)
    const point = { position: parsePosition(text(this.#id)), hash: text(this.#hash) }
    const [bytes, places] = [this.#bytes, this.#places]
    return { tip: this.#tip, point, count: this.#count, rowBytes: this.#rowBytes, bytes, places }
  }

  #note(textAt: number, headAt: number, rowAt: number, rowEnd: number): void {
    const at = PLACES * this.#count++
    if (at === this.#places.length) {
      const places = new Uint32Array(2 * at)
      places.set(this.#places)
      this.#places = places
    }
    this.#places[at] = textAt
    this.#places[at + 1] = headAt
    this.#places[at + 2] = rowAt
    this.#places[at + 3] = rowEnd
    this.#rowBytes += rowEnd - rowAt
    this.#end = rowEnd
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}

/** Of few bytes: a call of `copy` takes longer than these loops do. */
function copy(from: Uint8Array, { start, end }: Span, to: Uint8Array, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i] as number
}

/** Up to the end of the last row. */
export function blockBytes({ count, places }: EntryBlock): number {
  return places[PLACES * count - 1] ?? 0
}

export function entryBlock(tip: LogTip, entries: readonly LogEntry[]): EntryBlock {
  const writer = new EntryBlockWriter(tip)
  for (const entry of entries) writer.addEntry(entry)
  return writer.block()
}

/** As `verifyChain`: throws LogMismatch if one of the entries does not continue the log. */
export function verifyBlock({ tip, point, count, bytes, places }: EntryBlock): void {
  let seq = tip.position.seq
  for (let n = 0, at = 0; n < count; n++, at += PLACES) {
    const [textAt, headAt, rowEnd] = [places[at] as number, places[at + 1] as number, places[at + 3] as number]
    const next = seqBefore(bytes, headAt - 1)
    const begins = seq === 0 && bytes[headAt] === FIRST_TYPE && bytes[headAt + 1] === BAR
    if (next !== seq + 1 && !begins)
      throw new LogMismatch('gap', n, `after entry ${seq} the log continues with ${positionAt(bytes, textAt)}`)
    const hashed = hash('sha1', bytes.subarray(textAt, rowEnd), 'hex')
    const same = n + 1 < count ? begun(bytes, places[at + PLACES] as number, hashed) : isHash(point.hash, hashed)
    if (!same) throw new LogMismatch('fork', n, `entry ${positionAt(bytes, textAt)} does not continue what was applied`)
    seq = next
  }
}

/** The number whose digits end before `end`. */
function seqBefore(bytes: Uint8Array, end: number): number {
  let seq = 0
  for (let at = end - 1, digit = 1; bytes[at] !== MINUS && at > 0; at--, digit *= 10)
    seq += digit * ((bytes[at] as number) - ZERO)
  return seq
}

/** Does the text there begin with this hash, cut to its length? */
function begun(bytes: Uint8Array, at: number, hashed: string): boolean {
  for (let i = 0; i < HASH_LENGTH; i++) if (bytes[at + i] !== hashed.charCodeAt(i)) return false
  return bytes[at + HASH_LENGTH] === BAR
}

function isHash(text: string, hashed: string): boolean {
  return text === hashed.slice(0, HASH_LENGTH)
}

function positionAt(bytes: Uint8Array<ArrayBuffer>, textAt: number): string {
  const from = bytes.indexOf(BAR, textAt) + 1
  return Buffer.from(bytes.buffer, from, bytes.indexOf(BAR, from) - from).toString('latin1')
}

/** The head of each entry, and where its row lies. Throws as `decodeHead`. */
export function* headsOf({
  count,
  bytes,
  places,
}: Pick<EntryBlock, 'count' | 'bytes' | 'places'>): Generator<EntryHead & { rowStart: number; rowEnd: number }> {
  const text = Buffer.from(bytes.buffer)
  for (let at = 0; at < PLACES * count; at += PLACES) {
    const rowStart = places[at + 2] as number
    const { type, version, userVersion, key, flag, idempotency } = decodeHead(
      text.toString('utf8', places[at + 1], rowStart),
    )
    yield { type, version, userVersion, key, flag, idempotency, rowStart, rowEnd: places[at + 3] as number }
  }
}

/** The entries with copies of their rows. */
export function entriesOf(block: EntryBlock): LogEntry[] {
  const { bytes, places, count, point } = block
  const heads = [...headsOf(block)]
  return heads.map(({ rowStart, rowEnd, ...head }, n) => {
    const textAt = places[PLACES * n] as number
    const next = places[PLACES * (n + 1)] as number
    const hashed = n + 1 < count ? Buffer.from(bytes.slice(next, next + HASH_LENGTH)).toString('latin1') : point.hash
    return {
      ...head,
      position: parsePosition(positionAt(bytes, textAt)),
      hash: hashed,
      row: Buffer.from(bytes.slice(rowStart, rowEnd)),
    }
  })
}

/**
 * The payloads of rows: their UTF-8 bytes one after the other, in an arena for every few rows, so that a payload takes no
 * string and no object, and the arenas of the oldest rows are given back when these are dropped.
 */
import { Column } from './column.ts'

/** Rows of an arena. While it is not full it grows, by a copy. */
const ARENA_ROWS = 64
const ARENA_BYTES_MIN = 64
const GROWTH = 1.5
const NOTHING = Buffer.alloc(0)

export class Payloads {
  readonly #arenas: Buffer[] = []
  /** The number of the first arena. */
  #firstArena = 0
  /** Of each row the end of its bytes in its arena. */
  readonly #ends = new Column((length) => new Uint32Array(length))
  #arenaBytes = 0

  get bytes(): number {
    return this.#ends.bytes + this.#arenaBytes
  }

  /** Of all arenas. */
  get arenaBytes(): number {
    return this.#arenaBytes
  }

  /** In bytes. */
  lengthOf(row: number): number {
    return this.#ends.get(row) - (row % ARENA_ROWS === 0 ? 0 : this.#before(row))
  }

  /** The bytes of a row: a view, which stays as it is though the row is dropped. */
  get(row: number): Buffer {
    const end = this.#ends.get(row)
    const start = row % ARENA_ROWS === 0 ? 0 : this.#before(row)
    return (this.#arenas[Math.floor(row / ARENA_ROWS) - this.#firstArena] as Buffer).subarray(start, end)
  }

  push(text: string): void {
    const length = text === '' ? 0 : Buffer.byteLength(text)
    const [arena, start] = this.#room(length)
    if (length > 0) arena.write(text, start)
    this.#close(start + length)
  }

  /** Appends what the row has. */
  pushFrom(row: number): void {
    this.pushBytes(this.get(row))
  }

  pushBytes(bytes: Uint8Array): void {
    const [arena, start] = this.#room(bytes.length)
    arena.set(bytes, start)
    this.#close(start + bytes.length)
  }

  /**
   * Appends many rows.
   * @param lengths of each in bytes
   * @param bytes of all, one after the other
   */
  pushAll(lengths: Uint32Array, bytes: Buffer): void {
    let at = 0
    for (let n = 0; n < lengths.length; ) {
      const whole = this.#ends.end % ARENA_ROWS === 0 && n + ARENA_ROWS <= lengths.length
      const end = whole ? this.#pushArena(lengths.subarray(n, n + ARENA_ROWS), bytes, at) : at + (lengths[n] as number)
      if (!whole) this.pushBytes(bytes.subarray(at, end))
      n += whole ? ARENA_ROWS : 1
      at = end
    }
  }

  /** Returns where the bytes of its rows end. */
  #pushArena(lengths: Uint32Array, bytes: Buffer, at: number): number {
    let length = 0
    for (const one of lengths) this.#ends.push((length += one))
    const arena = length === 0 ? NOTHING : Buffer.from(new ArrayBuffer(length))
    bytes.copy(arena, 0, at, at + length)
    this.#arenas.push(arena)
    this.#arenaBytes += length
    return at + length
  }

  /** Drops the arenas of which all rows are below `first`. */
  dropBefore(first: number): void {
    const arenas = Math.floor(first / ARENA_ROWS) - this.#firstArena
    this.#ends.dropBefore((this.#firstArena + arenas) * ARENA_ROWS)
    for (const { length } of this.#arenas.splice(0, arenas)) this.#arenaBytes -= length
    this.#firstArena += arenas
  }

  #before(row: number): number {
    return this.#ends.get(row - 1)
  }

  /** The arena of the next row with room for so many bytes, and where they begin. */
  #room(bytes: number): [arena: Buffer, start: number] {
    const row = this.#ends.end
    const start = row % ARENA_ROWS === 0 ? 0 : this.#before(row)
    if (row % ARENA_ROWS === 0) this.#arenas.push(NOTHING)
    const arena = this.#arenas.at(-1) as Buffer
    if (start + bytes <= arena.length) return [arena, start]
    return [this.#resize(Math.max(start + bytes, ARENA_BYTES_MIN, Math.ceil(GROWTH * arena.length))), start]
  }

  #resize(length: number): Buffer {
    const arena = this.#arenas.at(-1) as Buffer
    // Not of Buffer's pool, which would be kept for one arena's sake.
    const resized = Buffer.from(new ArrayBuffer(length))
    arena.copy(resized, 0, 0, Math.min(arena.length, length))
    this.#arenas[this.#arenas.length - 1] = resized
    this.#arenaBytes += length - arena.length
    return resized
  }

  #close(end: number): void {
    this.#ends.push(end)
    // A full arena has its very length.
    if (this.#ends.end % ARENA_ROWS === 0 && (this.#arenas.at(-1) as Buffer).length > end) this.#resize(end)
  }
}

/** What is kept of each row beside its vector, in columns: rows are appended, and the oldest are dropped. */
import type { IdKey } from '../../core/ids.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { BornColumn } from './born-column.ts'
import { Column } from './column.ts'
import { KeyColumn } from './key-column.ts'
import { Payloads } from './payloads.ts'
import type { RowBlock } from './row-block.ts'

const NOTHING = Buffer.alloc(0)
const FLAGS: readonly RowFlag[] = ['o', 'c', 'l']

/** A row as its columns have it. */
export interface RowValues {
  key: IdKey
  born: number
  userVersion: number
  flag: RowFlag
  /** JSON text, or '' for none. */
  payload: string
}

/** The same as it comes: the payload may be in UTF-8. */
export type PutValues = Omit<RowValues, 'payload'> & { payload: string | Uint8Array }

export class RowColumns {
  readonly keys = new KeyColumn()
  readonly born = new BornColumn()
  readonly payloads = new Payloads()
  readonly #userVersions = new Column<Float64Array>((length) => new Float64Array(length))
  /** Places in `FLAGS`. */
  readonly #flags = new Column<Uint8Array>((length) => new Uint8Array(length))
  /** Of all that a row is, its vector included: made when it is put, and read ever after. */
  readonly checksums = new Column<Uint32Array>((length) => new Uint32Array(length))

  /** Of versions, flags and checksums. */
  get bytes(): number {
    return this.born.bytes + this.#userVersions.bytes + this.#flags.bytes + this.checksums.bytes
  }

  push({ key, born, userVersion, flag, payload }: PutValues, checksum: number): void {
    this.checksums.push(checksum)
    this.keys.push(key)
    this.born.push(born)
    this.#userVersions.push(userVersion)
    this.#flags.push(FLAGS.indexOf(flag))
    if (typeof payload === 'string') this.payloads.push(payload)
    else this.payloads.pushBytes(payload)
  }

  /** Appends what the row has. */
  pushFrom(row: number): void {
    this.keys.pushParts(this.keys.parts(row))
    this.born.push(this.born.get(row))
    this.#userVersions.push(this.#userVersions.get(row))
    this.#flags.push(this.#flags.get(row))
    this.checksums.push(this.checksums.get(row))
    this.payloads.pushFrom(row)
  }

  /** Appends the rows of a block. */
  pushBlock(block: RowBlock): void {
    const { rows, high, low, textBytes } = block
    this.born.pushAll(block.born)
    this.#userVersions.pushAll(block.userVersions)
    this.#flags.pushAll(block.flags)
    this.checksums.pushAll(block.checksums)
    this.payloads.pushAll(block.payloadBytes, bufferOf(block.payloads))
    const texts = bufferOf(block.texts)
    let at = 0
    for (let n = 0; n < rows; n++) {
      const end = at + (textBytes[n] as number)
      const text = end > at ? (texts.toString('utf8', at, end) as IdKey) : undefined
      this.keys.pushParts({ high: high[n] as number, low: low[n] as number, text })
      at = end
    }
  }

  /** A copy of rows `from` to `to` - 1, all but the vectors. */
  block(from: number, to: number): Omit<RowBlock, 'vectors'> {
    const rows = to - from
    const [high, low] = [new Uint32Array(rows), new Uint32Array(rows)]
    const texts: Buffer[] = []
    const payloads: Buffer[] = []
    for (let n = 0; n < rows; n++) {
      const parts = this.keys.parts(from + n)
      texts.push(parts.text === undefined ? NOTHING : Buffer.from(parts.text))
      payloads.push(this.payloads.get(from + n))
      if (parts.text !== undefined) continue
      high[n] = parts.high
      low[n] = parts.low
    }
    return {
      rows,
      high,
      low,
      born: this.born.slice(from, to),
      userVersions: this.#userVersions.slice(from, to),
      flags: this.#flags.slice(from, to),
      checksums: this.checksums.slice(from, to),
      textBytes: Uint32Array.from(texts, ({ length }) => length),
      payloadBytes: Uint32Array.from(payloads, ({ length }) => length),
      texts: Buffer.concat(texts),
      payloads: Buffer.concat(payloads),
    }
  }

  /** Drops the rows below `first`, a multiple of 32. */
  dropBefore(first: number): void {
    for (const column of [this.keys, this.born, this.#userVersions, this.#flags, this.checksums, this.payloads])
      column.dropBefore(first)
  }

  flagOf(row: number): RowFlag {
    return FLAGS[this.#flags.get(row)] as RowFlag
  }

  /** Throws if the row does not exist. */
  at(row: number): RowValues {
    return {
      key: this.keys.get(row),
      born: this.born.get(row),
      userVersion: this.#userVersions.get(row),
      flag: this.flagOf(row),
      payload: this.payloads.get(row).toString(),
    }
  }

  userVersionOf(row: number): number {
    return this.#userVersions.get(row)
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

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

export interface RowValues {
  key: IdKey
  born: number
  userVersion: number
  flag: RowFlag
  /** JSON text, or '' for none. */
  payload: string
}

export class RowColumns {
  readonly keys = new KeyColumn()
  readonly born = new BornColumn()
  readonly payloads = new Payloads()
  readonly #userVersions = new Column<Float64Array>((length) => new Float64Array(length))
  /** Places in `FLAGS`. */
  readonly #flags = new Column<Uint8Array>((length) => new Uint8Array(length))

  /** Of versions and flags. */
  get bytes(): number {
    return this.born.bytes + this.#userVersions.bytes + this.#flags.bytes
  }

  push({ key, born, userVersion, flag, payload }: RowValues): void {
    this.keys.push(key)
    this.born.push(born)
    this.#userVersions.push(userVersion)
    this.#flags.push(FLAGS.indexOf(flag))
    this.payloads.push(payload)
  }

  /** Appends what the row has. */
  pushFrom(row: number): void {
    this.keys.pushParts(this.keys.parts(row))
    this.born.push(this.born.get(row))
    this.#userVersions.push(this.#userVersions.get(row))
    this.#flags.push(this.#flags.get(row))
    this.payloads.pushFrom(row)
  }

  /** Appends the rows of a block. */
  pushBlock(block: RowBlock): void {
    const { rows, high, low, textBytes, payloadBytes, born, userVersions, flags } = block
    const [texts, payloads] = [bufferOf(block.texts), bufferOf(block.payloads)]
    this.born.pushAll(born)
    this.#userVersions.pushAll(userVersions)
    this.#flags.pushAll(flags)
    let [textAt, payloadAt] = [0, 0]
    for (let n = 0; n < rows; n++) {
      const textEnd = textAt + (textBytes[n] as number)
      const text = textEnd > textAt ? (texts.toString('utf8', textAt, textEnd) as IdKey) : undefined
      this.keys.pushParts({ high: high[n] as number, low: low[n] as number, text })
      textAt = textEnd
      const payloadEnd = payloadAt + (payloadBytes[n] as number)
      this.payloads.pushBytes(payloads.subarray(payloadAt, payloadEnd))
      payloadAt = payloadEnd
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
      textBytes: Uint32Array.from(texts, ({ length }) => length),
      payloadBytes: Uint32Array.from(payloads, ({ length }) => length),
      texts: Buffer.concat(texts),
      payloads: Buffer.concat(payloads),
    }
  }

  /** Drops the rows below `first`, a multiple of 32. */
  dropBefore(first: number): void {
    for (const column of [this.keys, this.born, this.#userVersions, this.#flags, this.payloads])
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

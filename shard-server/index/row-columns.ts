/** What is kept of each row beside its vector, in columns: rows are appended, and the oldest are dropped. */
import type { IdKey } from '../../core/ids.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { BornColumn } from './born-column.ts'
import { Column } from './column.ts'
import { KeyColumn } from './key-column.ts'
import { Payloads } from './payloads.ts'

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
  readonly #userVersions = new Column((length) => new Float64Array(length))
  /** Places in `FLAGS`. */
  readonly #flags = new Column((length) => new Uint8Array(length))

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

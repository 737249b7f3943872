/**
 * The payload indexes of a cell. They follow the rows of its store in steps between other calls, and hold nothing that the
 * payloads do not say: a load builds them again. A row that an index has not come to is looked at by the filter, so that filters
 * are as exact while an index is built as without one.
 */
import { StoredRow, type TextFields, textFieldsOf } from '../../core/filter/compile-filter.ts'
import type { IndexDefinition } from '../../core/filter/index-schema.ts'
import type { PodIndexes } from '../../protocol/shard-rpc.ts'
import { FieldIndex } from './field-index.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

/** Of a step: rows, and bytes of their payloads; some milliseconds. */
const STEP_ROWS = 512
const STEP_BYTES = 256 * 1024

/** What an index reads of the rows of a cell. */
export type IndexedRows = Pick<RowStore, 'first' | 'end' | 'keyOf' | 'payloadBytesOf' | 'payloadOf'>

export class PayloadIndexes {
  readonly rows: IndexedRows
  readonly #blockRows: number | undefined
  #fields = new Map<string, FieldIndex>()
  #texts: TextFields = new Map()

  /** @param blockRows see `FieldIndex` */
  constructor(rows: IndexedRows, blockRows?: number) {
    this.rows = rows
    this.#blockRows = blockRows
  }

  /** The indexes from now on; one that is the same as before stays as it is. */
  define(definitions: readonly IndexDefinition[]): void {
    const before = this.#fields
    this.#fields = new Map()
    for (const definition of definitions) {
      const made = new FieldIndex(definition, this.rows.first, this.#blockRows)
      const same = before.get(made.path)
      const kept = same && alike(same.definition, definition) ? same : made
      this.#fields.set(kept.path, kept)
    }
    this.#texts = textFieldsOf(definitions)
  }

  get fields(): FieldIndex[] {
    return [...this.#fields.values()]
  }

  get definitions(): IndexDefinition[] {
    return this.fields.map(({ definition }) => definition)
  }

  /** What the words of fields with a text index are: it holds before the index is built. */
  get texts(): TextFields {
    return this.#texts
  }

  get bytes(): number {
    return this.fields.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The rows that an index has not come to, of the one that has most of them. */
  get pending(): number {
    return this.rows.end - Math.min(this.rows.end, ...this.fields.map(({ next }) => Math.max(next, this.rows.first)))
  }

  /** @param path as `pathText` has it */
  of(path: string): FieldIndex | undefined {
    return this.#fields.get(path)
  }

  /** Adds some rows to the indexes that have not come to them. False if there are none. */
  step(): boolean {
    const { first, end } = this.rows
    for (const field of this.#fields.values()) field.dropBefore(first)
    let row = end - this.pending
    const until = Math.min(end, row + STEP_ROWS)
    let bytes = 0
    for (; row < until && bytes < STEP_BYTES; row++) {
      bytes += this.rows.payloadBytesOf(row).length
      const stored = new StoredRow(this.rows.keyOf(row), () => this.rows.payloadOf(row))
      for (const field of this.#fields.values()) if (field.next === row) field.add(row, stored.payload)
    }
    return row < end
  }

  /** By field: rows of a mask that have a value of the type of its index, and rows that the index has not come to. */
  state(mask: RowMask): PodIndexes['fields'] {
    const { first, end } = this.rows
    const stateOf = (field: FieldIndex): [string, PodIndexes['fields'][string]] => [
      field.definition.name,
      { points: field.rowsWithValue(mask), pending: end - Math.max(first, field.next) },
    ]
    return Object.fromEntries(this.fields.map(stateOf))
  }
}

function alike(a: IndexDefinition, b: IndexDefinition): boolean {
  return a.name === b.name && textOf(a) === textOf(b)
}

function textOf({ schema: { type, text } }: IndexDefinition): string {
  return JSON.stringify([type, text, [...(text?.stopwords ?? [])]])
}

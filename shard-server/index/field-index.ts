/**
 * The payload index of one field: blocks of 65,536 rows, each by itself, so that the oldest are dropped as a whole when their rows
 * are. Rows are added in their order, and not at once: which of them the index has, `next` says. Dead rows stay until they are
 * dropped, for reads at a version find them; the mask of a read leaves them out.
 */
import type { FacetValue } from '../../core/filter/facet-value.ts'
import type { FieldTest } from '../../core/filter/filter.ts'
import { type IndexDefinition, type IndexSchema, pathText } from '../../core/filter/index-schema.ts'
import { compileField } from '../../core/filter/values.ts'
import { assertInvariant } from '../../core/invariant.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { type Found, foundByAny, type IndexBlock, type SortedValues } from './index-block.ts'
import { BLOCK_ROWS, PlaceSet } from './place-set.ts'
import type { RowMask } from './row-mask.ts'
import { GeoBlock, NumberBlock } from './sorted-block.ts'
import { TextBlock, ValueBlock } from './term-block.ts'

/** So many values of an index are looked at while a payload is read and parsed, about. */
export const VALUES_PER_PAYLOAD = 64

interface Block {
  values: IndexBlock
  /** The rows that have a value of the type. */
  having: PlaceSet
  /** Those that have a value which `values` misses. */
  missed: PlaceSet
}

export class FieldIndex {
  readonly definition: IndexDefinition
  readonly path: string
  readonly #blockRows: number
  readonly #blocks: Block[] = []
  /** The number of the first block. */
  #first: number
  /** The row that is added next. */
  #next: number
  readonly #eachValue: (payload: unknown, visit: (value: unknown) => void) => void

  /**
   * @param first the row that it begins with
   * @param blockRows a multiple of 32
   */
  constructor(definition: IndexDefinition, first: number, blockRows = BLOCK_ROWS) {
    this.#blockRows = blockRows
    this.definition = definition
    this.path = pathText(definition.path)
    this.#eachValue = valuesAt(definition.path)
    this.#first = Math.floor(first / this.#blockRows)
    this.#next = first
  }

  /** The row that is added next: all before it are in the index, or were dropped. */
  get next(): number {
    return this.#next
  }

  get bytes(): number {
    return this.#blocks.reduce((sum, { values, having, missed }) => sum + values.bytes + having.bytes + missed.bytes, 0)
  }

  /** @param row `next`, whose payload it is */
  add(row: number, payload: unknown): void {
    assertInvariant(row === this.#next, () => `row ${row} is added to an index that expects row ${this.#next}`)
    this.#next++
    const number = Math.floor(row / this.#blockRows) - this.#first
    while (this.#blocks.length <= number) {
      this.#blocks.at(-1)?.values.close()
      this.#blocks.at(-1)?.having.trim()
      this.#blocks.at(-1)?.missed.trim()
      this.#blocks.push({
        values: makeBlock(this.definition.schema, this.#blockRows),
        having: new PlaceSet(this.#blockRows),
        missed: new PlaceSet(this.#blockRows),
      })
    }
    const { values, having, missed } = this.#blocks[number] as Block
    const place = row % this.#blockRows
    this.#eachValue(payload, (value) => {
      if (values.add(place, value)) having.add(place)
      if (values.misses?.(value) === true) missed.add(place)
    })
  }

  /** Drops the blocks of which all rows are below `first`; rows below it that were not added are left out. */
  dropBefore(first: number): void {
    this.#next = Math.max(this.#next, first)
    const blocks = Math.floor(first / this.#blockRows) - this.#first
    if (blocks <= 0) return
    this.#blocks.splice(0, blocks)
    this.#first += blocks
  }

  /** Of the rows below `next`, those that a test names; undefined if the index cannot say. */
  find(test: FieldTest): Found | undefined {
    // Whether an index can say depends on the test alone.
    if (makeBlock(this.definition.schema, this.#blockRows).find(test, 0) === undefined) return undefined
    return foundByAny(this.#eachBlock(({ values }, base) => values.find(test, base) as Found))
  }

  /** How many values it has, in a block or several; undefined if it does not keep rows by their values. */
  get values(): number | undefined {
    if (makeBlock(this.definition.schema, this.#blockRows).values === undefined) return undefined
    return this.#blocks.reduce((sum, { values }) => sum + (values.values ?? 0), 0)
  }

  /** How many rows below `next` have a value of its type. */
  get having(): number {
    return this.#blocks.reduce((sum, { having }) => sum + having.count, 0)
  }

  /** Of each value, in each block, how many rows of a mask have it: of rows below `next` that are not missed. */
  *counts(mask: RowMask): Generator<[value: FacetValue, rows: number], void, void> {
    for (const counts of this.#eachBlock(({ values }, base) => values.counts?.(mask, base))) yield* counts ?? []
  }

  /** The values of each block in their order, with the number of its first row; none if they have no order. */
  sorted(): (SortedValues & { base: number })[] {
    return this.#eachBlock(({ values }, base) => {
      const sorted = values.sorted?.()
      return sorted ? [{ ...sorted, base }] : []
    }).flat()
  }

  /** Adds the rows of which `counts` and `sorted` have not all values that a facet, or an order, has. */
  addMissed(mask: RowMask): void {
    this.#eachBlock(({ missed }, base) => missed.addTo(mask, base))
  }

  /** How many rows of the mask have a value of the type. */
  rowsWithValue(mask: RowMask): number {
    const rows = mask.none()
    this.#eachBlock(({ having }, base) => having.addTo(rows, base))
    rows.keep(mask)
    return rows.count
  }

  #eachBlock<T>(visit: (block: Block, base: number) => T): T[] {
    return this.#blocks.map((block, n) => visit(block, (this.#first + n) * this.#blockRows))
  }
}

function makeBlock({ type, text }: IndexSchema, blockRows: number): IndexBlock {
  switch (type) {
    case 'keyword':
    case 'uuid':
      return new ValueBlock('string', blockRows)
    case 'bool':
      return new ValueBlock('boolean', blockRows)
    case 'integer':
    case 'float':
      return new NumberBlock('numbers', blockRows)
    case 'datetime':
      return new NumberBlock('times', blockRows)
    case 'geo':
      return new GeoBlock(blockRows)
    default:
      assertInvariant(text !== undefined, () => 'a text index has no options')
      return new TextBlock(text, blockRows)
  }
}

/** Visits the values at a path as conditions see them: of a list there, its elements. */
function valuesAt(path: JsonPath): (payload: unknown, visit: (value: unknown) => void) => void {
  let visited: (value: unknown) => void
  const passes = (value: unknown) => {
    if (Array.isArray(value)) value.forEach(visited)
    else visited(value)
    return false
  }
  const visitAll = compileField(path, { absent: false, passes })
  return (payload, visit) => {
    visited = visit
    visitAll(payload)
  }
}

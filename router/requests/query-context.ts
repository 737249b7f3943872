/** What the parsers of a query know beside its body. */
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Outside } from './request-options.ts'

export interface QueryContext {
  config: CollectionConfig
  /** Options outside of the body: of each query that has none of its own. */
  outside: Outside
  /** Place of the query in its body; undefined if it is the body itself. */
  at?: string
  vectors: QueryVectors
}

/** The memory of the vectors of a request that has one for each query, one after the other. */
export class QueryVectors {
  readonly #dimension: number
  readonly #queries: number
  #all: Float32Array | undefined
  #given = 0

  constructor(dimension: number, queries: number) {
    this.#dimension = dimension
    this.#queries = queries
  }

  /** The place of the next vector. */
  next(): Float32Array {
    this.#all ??= new Float32Array(this.#queries * this.#dimension)
    const at = this.#given++ * this.#dimension
    return this.#all.subarray(at, at + this.#dimension)
  }
}

/** The name of a field in an error. */
export function placeOf({ at }: QueryContext, field: string): string {
  return at === undefined ? field : `${at}.${field}`
}

/** The rows of a cell's answer, each with its vector and payload from the chunks. */
import { float32View } from '../../core/vector.ts'
import type { HitRow, RowHeader, RowsResponse, SearchResponse } from '../../protocol/shard-rpc.ts'
import type { CellAnswer } from './cell-read.ts'

export interface Wanted {
  withPayload: boolean
  withVector: boolean
}

export interface Point extends RowHeader {
  /** In the memory of the answer. */
  vector?: Float32Array
  /** JSON text, in the memory of the answer. */
  payload?: Buffer
}

/** A point that was read by its id, or in the order of ids. */
export interface PlacedPoint extends Point {
  /** That has the owner row. */
  cell: number
}

export interface ScoredPoint extends HitRow, Point {
  score: number
}

/** The hits of each query, in order; their scores are not computed yet. Yields after each query. */
export function* hitsOf(
  { header, chunks }: CellAnswer<SearchResponse>,
  dimension: number,
  wanted: readonly Wanted[],
): Generator<void, ScoredPoint[][], void> {
  const rows = new Rows(chunks, dimension)
  const found: ScoredPoint[][] = []
  for (const [i, hits] of header.hits.entries()) {
    found.push(rows.attach(hits, wanted[i] as Wanted).map((hit) => Object.assign(hit, { score: 0 })))
    yield
  }
  return found
}

export function rowsOf(
  { header, chunks, cell }: CellAnswer<RowsResponse>,
  dimension: number,
  wanted: Wanted,
): PlacedPoint[] {
  return new Rows(chunks, dimension).attach(header.rows, wanted).map((row) => Object.assign(row, { cell }))
}

/** Reads the chunks from their beginning, row after row. */
class Rows {
  readonly #vectors: Float32Array
  readonly #payloads: Buffer
  readonly #dimension: number
  #vectorAt = 0
  #payloadAt = 0

  constructor([vectors, payloads]: readonly Buffer[], dimension: number) {
    this.#vectors = float32View(vectors ?? Buffer.alloc(0))
    this.#payloads = payloads ?? Buffer.alloc(0)
    this.#dimension = dimension
  }

  attach<R extends { payloadBytes?: number }>(
    rows: readonly R[],
    { withVector, withPayload }: Wanted,
  ): (R & { vector?: Float32Array; payload?: Buffer })[] {
    for (const row of rows as (R & { vector?: Float32Array; payload?: Buffer })[]) {
      if (withVector) row.vector = this.#vectors.subarray(this.#vectorAt, (this.#vectorAt += this.#dimension))
      if (withPayload)
        row.payload = this.#payloads.subarray(this.#payloadAt, (this.#payloadAt += row.payloadBytes ?? 0))
    }
    return rows as (R & { vector?: Float32Array; payload?: Buffer })[]
  }
}

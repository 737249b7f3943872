/** Rows in the form in which they go to a router. */
import { checkLimit } from '../../core/limits.ts'
import type { EncodedRows, ReadRows } from './index-calls.ts'
import type { RowStore } from './row-store.ts'

/** The vectors of rows, one after the other. */
export function gather({ dimension, kernel }: RowStore, rows: readonly number[]): Float32Array {
  const vectors = new Float32Array(rows.length * dimension)
  rows.forEach((row, i) => kernel.read(row, vectors.subarray(i * dimension, (i + 1) * dimension)))
  return vectors
}

/**
 * Throws ANSWER_TOO_LARGE if vectors and payloads are more than an answer may have.
 * @param more further members of the header of a row, the `n`th of them
 */
export function encodeRows(
  store: RowStore,
  rows: readonly number[],
  more: (row: number, n: number) => object,
  { withPayload, withVector }: Pick<ReadRows, 'withPayload' | 'withVector'>,
): EncodedRows {
  const payloads = withPayload ? rows.map((row) => store.payloadBytesOf(row)) : []
  const vectorBytes = withVector ? 4 * store.dimension * rows.length : 0
  checkLimit(
    'ANSWER_BYTES_MAX',
    'the answer',
    payloads.reduce((sum, { length }) => sum + length, vectorBytes),
  )
  const headers = rows.map((row, n) => ({
    key: store.keyOf(row),
    version: store.bornOf(row),
    userVersion: store.userVersionOf(row),
    ...more(row, n),
    ...(withPayload ? { payloadBytes: payloads[n]?.length } : {}),
  }))
  return {
    headers: Buffer.from(JSON.stringify(headers)),
    vectors: withVector ? gather(store, rows) : new Float32Array(0),
    payloads: Buffer.concat(payloads),
  }
}

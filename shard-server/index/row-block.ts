/**
 * Rows as a file of a snapshot has them: columns one after the other, little-endian, and then the texts of ids and the payloads
 * one after the other. Nothing in it depends on the numbers of the rows.
 */
export interface RowBlock {
  rows: number
  born: Float64Array
  userVersions: Float64Array
  /** One after the other. */
  vectors: Float32Array
  /** Of ids that are integers, their two words. */
  high: Uint32Array
  low: Uint32Array
  /** Of ids that are texts, the bytes of the text; 0 for an integer. */
  textBytes: Uint32Array
  payloadBytes: Uint32Array
  flags: Uint8Array
  texts: Uint8Array
  payloads: Uint8Array
}

export function* blockParts(block: RowBlock): Generator<Uint8Array> {
  const { born, userVersions, vectors, high, low, textBytes, payloadBytes, flags, texts, payloads } = block
  for (const column of [born, userVersions, vectors, high, low, textBytes, payloadBytes, flags])
    yield new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
  yield texts
  yield payloads
}

/** Views of the bytes, or of a copy if they are not aligned. Throws RangeError if they are no block of so many rows. */
export function blockOf(given: Uint8Array, rows: number, dimension: number): RowBlock {
  const bytes = given.byteOffset % 8 === 0 ? given : new Uint8Array(given)
  let at = 0
  const take = (length: number) => {
    if (at + length > bytes.byteLength) throw new RangeError('the block ends before its rows do')
    at += length
    return bytes.subarray(at - length, at)
  }
  const words = () => {
    const part = take(4 * rows)
    return new Uint32Array(part.buffer, part.byteOffset, rows)
  }
  const doubles = () => {
    const part = take(8 * rows)
    return new Float64Array(part.buffer, part.byteOffset, rows)
  }
  const [born, userVersions] = [doubles(), doubles()]
  const floats = take(4 * rows * dimension)
  const vectors = new Float32Array(floats.buffer, floats.byteOffset, rows * dimension)
  const [high, low, textBytes, payloadBytes] = [words(), words(), words(), words()]
  const flags = take(rows)
  const texts = take(sum(textBytes))
  const payloads = take(sum(payloadBytes))
  if (at !== bytes.byteLength) throw new RangeError('the block has more than its rows')
  return { rows, born, userVersions, vectors, high, low, textBytes, payloadBytes, flags, texts, payloads }
}

function sum(lengths: Uint32Array): number {
  return lengths.reduce((total, length) => total + length, 0)
}

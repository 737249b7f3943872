/**
 * Rows as a file of a snapshot has them: blocks of `BLOCK_ROWS` rows, the last one of what is left. A block has its columns one after
 * the other, little-endian, then the texts of ids and the payloads one after the other, and zeros up to a multiple of 8.
 * Nothing in it depends on the numbers of the rows.
 */

/** Few enough that other calls wait for a block by a millisecond or two. */
export const BLOCK_ROWS = 512
const ALIGNMENT = 8

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
  checksums: Uint32Array
  flags: Uint8Array
  texts: Uint8Array
  payloads: Uint8Array
}

/** The bytes of a block. */
export function* blockParts(block: RowBlock): Generator<Uint8Array> {
  const { born, userVersions, vectors, high, low, textBytes, payloadBytes, checksums, flags, texts, payloads } = block
  const columns = [born, userVersions, vectors, high, low, textBytes, payloadBytes, checksums, flags]
  const parts: Uint8Array[] = columns.map(
    (column) => new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
  )
  parts.push(texts, payloads)
  const bytes = parts.reduce((total, { byteLength }) => total + byteLength, 0)
  yield* parts
  yield new Uint8Array(-bytes & (ALIGNMENT - 1))
}

/**
 * The blocks of a file, as views of its bytes, which begin at a multiple of 8 in their memory. Throws RangeError if they are not
 * blocks of so many rows.
 * @param rows of the whole file
 */
export function* blocksOf(bytes: Uint8Array, rows: number, dimension: number): Generator<RowBlock> {
  let at = 0
  for (let left = rows; left > 0; left -= BLOCK_ROWS) {
    const block = blockAt(bytes.subarray(at), Math.min(BLOCK_ROWS, left), dimension)
    yield block
    at +=
      ALIGNMENT * Math.ceil((block.payloads.byteOffset + block.payloads.byteLength - bytes.byteOffset - at) / ALIGNMENT)
  }
  if (at !== bytes.byteLength) throw new RangeError('the file has more than its rows')
}

function blockAt(bytes: Uint8Array, rows: number, dimension: number): RowBlock {
  let at = 0
  const take = (length: number) => {
    if (at + length > bytes.byteLength) throw new RangeError('the file ends before its rows do')
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
  const [high, low, textBytes, payloadBytes, checksums] = [words(), words(), words(), words(), words()]
  const flags = take(rows)
  const texts = take(sum(textBytes))
  const payloads = take(sum(payloadBytes))
  return { rows, born, userVersions, vectors, high, low, textBytes, payloadBytes, checksums, flags, texts, payloads }
}

function sum(lengths: Uint32Array): number {
  let total = 0
  for (const length of lengths) total += length
  return total
}

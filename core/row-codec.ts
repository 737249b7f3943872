/**
 * The bytes of a row in the log: format, three zero bytes, length of the payload, the vector as little-endian float32, the
 * payload as UTF-8 JSON text (empty if there is none). The vector stands first and at a multiple of 8, so that a reader of
 * aligned rows needs no copy of it. The metric's normalisation has been done before.
 */
import { bytesOf, float32View } from './vector.ts'

const FORMAT = 2
const HEADER_BYTES = 8
/** Rows that are kept one after the other begin at multiples of this. */
const ALIGNMENT = 8

export interface Row {
  vector: Float32Array
  /** JSON text of the payload, or '' for none. */
  payload: string
}

export function encodeRow(row: Row): Buffer {
  const payloadBytes = Buffer.byteLength(row.payload)
  const payloadAt = HEADER_BYTES + row.vector.byteLength
  const bytes = Buffer.allocUnsafe(payloadAt + payloadBytes)
  bytes.writeUInt32LE(FORMAT, 0)
  bytes.writeUInt32LE(payloadBytes, 4)
  bytes.set(bytesOf(row.vector), HEADER_BYTES)
  bytes.write(row.payload, payloadAt)
  return bytes
}

/**
 * The vector is a view of the bytes if these are aligned, else a copy. Throws on an unknown format or a length that does not
 * fit: such an entry must stop the replay, not be skipped.
 */
export function decodeRow(bytes: Uint8Array, dimension: number): Row {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const format = buffer.length >= HEADER_BYTES ? buffer.readUInt32LE(0) : -1
  if (format !== FORMAT) throw new Error(`row format ${format} is not known to this version`)
  const payloadAt = HEADER_BYTES + 4 * dimension
  if (buffer.length !== payloadAt + buffer.readUInt32LE(4))
    throw new Error(`a row of ${buffer.length} bytes does not fit dimension ${dimension}`)
  return { vector: float32View(buffer.subarray(HEADER_BYTES, payloadAt)), payload: buffer.toString('utf8', payloadAt) }
}

/** Rows one after the other, each aligned, and where each begins and ends. */
export function concatRows(rows: readonly Uint8Array[]): {
  bytes: Uint8Array<ArrayBuffer>
  places: { start: number; end: number }[]
} {
  let at = 0
  const places = rows.map(({ length }) => {
    const start = at
    at = Math.ceil((start + length) / ALIGNMENT) * ALIGNMENT
    return { start, end: start + length }
  })
  const bytes = new Uint8Array(at)
  rows.forEach((row, i) => bytes.set(row, (places[i] as { start: number }).start))
  return { bytes, places }
}

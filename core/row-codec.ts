/**
 * The bytes of a row in the log: format, three zero bytes, length of the payload, the vector as little-endian float32, the
 * payload as UTF-8 JSON text (empty if there is none). The vector stands first and at a multiple of 8, so that a reader of
 * aligned rows needs no copy of it. The metric's normalisation has been done before.
 */
import { bytesOf, float32View } from './vector.ts'

const FORMAT = 2
const HEADER_BYTES = 8

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

/** @param payloadBytes of the payload in UTF-8 */
export function rowBytesOf(dimension: number, payloadBytes: number): number {
  return HEADER_BYTES + 4 * dimension + payloadBytes
}

/**
 * Why the bytes are no row of the dimension; undefined if they are. Asserted before a row is appended to the log, where it is
 * refused, and again when it is applied, where it would end every pod of the cell.
 */
export function rowMisfit(bytes: Uint8Array, dimension: number): string | undefined {
  const format = bytes.length >= HEADER_BYTES ? uint32At(bytes, 0) : -1
  if (format !== FORMAT) return `row format ${format} is not known to this version`
  if (bytes.length !== rowBytesOf(dimension, uint32At(bytes, 4)))
    return `a row of ${bytes.length} bytes does not fit dimension ${dimension}`
  return undefined
}

/** Little-endian, without a view: it is read twice for each row. */
function uint32At(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at + 3] ?? 0) << 24) | ((bytes[at + 2] ?? 0) << 16)
  return (high | ((bytes[at + 1] ?? 0) << 8) | (bytes[at] ?? 0)) >>> 0
}

/**
 * The vector is a view of the bytes if these are aligned, else a copy. Throws on an unknown format or a length that does not
 * fit: such an entry must stop the replay, not be skipped.
 */
export function decodeRow(bytes: Uint8Array, dimension: number): Row {
  const { vector, payload } = rowViews(bytes, dimension)
  return { vector, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString() }
}

/** As `decodeRow`, with the payload in UTF-8, a view too. */
export function rowViews(bytes: Uint8Array, dimension: number): { vector: Float32Array; payload: Uint8Array } {
  const misfit = rowMisfit(bytes, dimension)
  if (misfit !== undefined) throw new Error(misfit)
  const payloadAt = HEADER_BYTES + 4 * dimension
  return { vector: float32View(bytes.subarray(HEADER_BYTES, payloadAt)), payload: bytes.subarray(payloadAt) }
}

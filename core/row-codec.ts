/**
 * The bytes of a row in the log: format, length of the payload, the payload as JSON text (empty where there is none),
 * the vector as little-endian float32. The metric's normalisation has been done before.
 */
import { bytesOf, float32View } from './vector.ts'

const FORMAT = 1
const HEADER_BYTES = 5

export interface Row {
  vector: Float32Array
  /** JSON text of the payload, or '' for none. */
  payload: string
}

export function encodeRow(row: Row): Buffer {
  const payloadBytes = Buffer.byteLength(row.payload)
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes + row.vector.byteLength)
  bytes.writeUInt8(FORMAT, 0)
  bytes.writeUInt32LE(payloadBytes, 1)
  bytes.write(row.payload, HEADER_BYTES)
  bytes.set(bytesOf(row.vector), HEADER_BYTES + payloadBytes)
  return bytes
}

/** Throws on an unknown format or a length that does not fit: such an entry must stop the replay, not be skipped. */
export function decodeRow(bytes: Uint8Array, dimension: number): Row {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const format = buffer.length > 0 ? buffer.readUInt8(0) : -1
  if (format !== FORMAT) throw new Error(`row format ${format} is not known to this version`)
  const payloadBytes = buffer.readUInt32LE(1)
  const vectorAt = HEADER_BYTES + payloadBytes
  if (buffer.length !== vectorAt + 4 * dimension)
    throw new Error(`a row of ${buffer.length} bytes does not fit dimension ${dimension}`)
  return { payload: buffer.toString('utf8', HEADER_BYTES, vectorAt), vector: float32View(buffer.subarray(vectorAt)) }
}

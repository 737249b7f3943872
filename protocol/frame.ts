/**
 * The body of a call between router and shard: `u32 headerBytes, u32 chunks, u32 bytes of each chunk, header JSON, chunks`.
 * Vectors and rows travel as chunks, so that no float is ever printed between two of our own processes.
 */
import { badRequest } from '../core/errors.ts'
import { parseInSlices, SLICE_BYTES } from '../core/json/sliced-json.ts'

export const FRAME_TYPE = 'application/x-maksdb-frame'
const CHUNKS_MAX = 100_000

export interface Frame<H> {
  header: H
  chunks: Buffer[]
}

/** @param header a value, or the bytes of its JSON text */
export function encodeFrame(header: unknown, chunks: readonly Uint8Array[] = []): Buffer {
  const json = header instanceof Uint8Array ? header : Buffer.from(JSON.stringify(header))
  const table = Buffer.allocUnsafe(8 + 4 * chunks.length)
  table.writeUInt32LE(json.length, 0)
  table.writeUInt32LE(chunks.length, 4)
  chunks.forEach((chunk, i) => table.writeUInt32LE(chunk.byteLength, 8 + 4 * i))
  return Buffer.concat([table, json, ...chunks])
}

/** Yields wherever it may be interrupted. Throws BAD_REQUEST where lengths do not add up. The header is trusted: only holders of the internal credential get here. */
export function* decodeFrame<H>(bytes: Buffer): Generator<void, Frame<H>, void> {
  if (bytes.length < 8) throw badRequest('the frame is too short')
  const headerBytes = bytes.readUInt32LE(0)
  const count = bytes.readUInt32LE(4)
  if (count > CHUNKS_MAX || bytes.length < 8 + 4 * count + headerBytes) throw badRequest('the frame is cut short')
  let at = 8 + 4 * count + headerBytes
  const text = bytes.subarray(at - headerBytes, at)
  const parse = (part: string): unknown => JSON.parse(part)
  const header = (
    headerBytes <= SLICE_BYTES ? parse(text.toString()) : yield* parseInSlices(text, { parse, limited: false })
  ) as H
  const chunks: Buffer[] = []
  for (let i = 0; i < count; i++) {
    const end = at + bytes.readUInt32LE(8 + 4 * i)
    if (end > bytes.length) throw badRequest('the frame is cut short')
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return { header, chunks }
}

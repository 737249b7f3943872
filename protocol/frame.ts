/**
 * The body of a call between router and shard: `u32 headerBytes, u32 chunks, u32 bytes of each chunk, header JSON, chunks`.
 * Vectors and rows travel as chunks, so that no float is ever printed between two of our own processes. Each chunk begins
 * at a multiple of 8 bytes: floats of a received frame are read in place.
 */
import { badRequest } from '../core/errors.ts'
import { parseInSlices, SLICE_BYTES } from '../core/json/sliced-json.ts'

export const FRAME_TYPE = 'application/x-maksdb-frame'
const CHUNKS_MAX = 100_000
/** Of the beginning of a chunk, bytes. */
const ALIGNMENT = 8

export interface Frame<H> {
  header: H
  chunks: Buffer[]
}

/** The bytes of a chunk, or its parts: they are written one after the other, straight into the frame. */
export type Chunk = Uint8Array | readonly Uint8Array[]

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT
}

function partsOf(chunk: Chunk): readonly Uint8Array[] {
  return chunk instanceof Uint8Array ? [chunk] : chunk
}

/** @param header a value, or the bytes of its JSON text, as one chunk */
export function encodeFrame(header: unknown, chunks: readonly Chunk[] = []): Buffer {
  const text = isText(header) ? partsOf(header) : [Buffer.from(JSON.stringify(header))]
  const all = [text, ...chunks.map(partsOf)]
  const sizes = all.map((parts) => parts.reduce((sum, part) => sum + part.byteLength, 0))
  const textAt = 8 + 4 * chunks.length
  let end = textAt
  const places = sizes.map((size, i) => {
    const at = i === 0 ? textAt : aligned(end)
    end = at + size
    return at
  })
  const frame = Buffer.allocUnsafe(end)
  frame.writeUInt32LE(sizes[0] as number, 0)
  frame.writeUInt32LE(chunks.length, 4)
  let written = textAt
  all.forEach((parts, i) => {
    let at = places[i] as number
    if (i > 0) frame.writeUInt32LE(sizes[i] as number, 4 + 4 * i)
    frame.fill(0, written, at)
    for (const part of parts) {
      frame.set(part, at)
      at += part.byteLength
    }
    written = at
  })
  return frame
}

function isText(header: unknown): header is Chunk {
  return header instanceof Uint8Array || (Array.isArray(header) && header[0] instanceof Uint8Array)
}

/**
 * Yields wherever it may be interrupted. Throws BAD_REQUEST where lengths do not add up. The header is trusted: only holders
 * of the internal credential get here.
 * @param bytes a view that begins at a multiple of 8 of its memory, as whole bodies do
 */
export function* decodeFrame<H>(bytes: Buffer): Generator<void, Frame<H>, void> {
  if (bytes.length < 8) throw badRequest('the frame is too short')
  const headerBytes = bytes.readUInt32LE(0)
  const count = bytes.readUInt32LE(4)
  const textAt = 8 + 4 * count
  let end = textAt + headerBytes
  if (count > CHUNKS_MAX || bytes.length < end) throw badRequest('the frame is cut short')
  const text = bytes.subarray(textAt, end)
  const parse = (part: string): unknown => JSON.parse(part)
  const header = (
    headerBytes <= SLICE_BYTES ? parse(text.toString()) : yield* parseInSlices(text, { parse, limited: false })
  ) as H
  const chunks: Buffer[] = []
  for (let i = 0; i < count; i++) {
    const at = aligned(end)
    end = at + bytes.readUInt32LE(8 + 4 * i)
    if (end > bytes.length) throw badRequest('the frame is cut short')
    chunks.push(bytes.subarray(at, end))
  }
  return { header, chunks }
}

/** Sends answers of any length: in slices, and no faster than the client reads them. */
import { once } from 'node:events'
import type { Response } from 'express'
import { Slice } from '../../runtime/slices.ts'

/** As `express` would write it; its own `send` looks for it in a table, for each answer. */
const JSON_TYPE = 'application/json; charset=utf-8'

/** A longer answer goes out in parts of this length, without a `content-length`. */
const PART_CHARS = 64 * 1024

/** Sends pieces of JSON text. Each piece must be quick to make: the event loop turns between two of them. */
export async function sendPieces(response: Response, pieces: Iterable<string>): Promise<void> {
  const slice = new Slice()
  let part = ''
  for (const piece of pieces) {
    part += piece
    if (slice.over) await slice.next()
    if (part.length < PART_CHARS) continue
    if (!response.headersSent) response.setHeader('content-type', JSON_TYPE)
    if (response.destroyed) return
    if (!response.write(part)) await drained(response)
    part = ''
  }
  if (!response.headersSent) {
    response.setHeader('content-type', JSON_TYPE)
    response.setHeader('content-length', Buffer.byteLength(part))
  }
  response.end(part)
}

/** Resolves if the client has read the bytes that were written, or has gone. */
async function drained(response: Response): Promise<void> {
  const done = new AbortController()
  await Promise.race([
    once(response, 'drain', { signal: done.signal }),
    once(response, 'close', { signal: done.signal }),
  ]).finally(() => done.abort())
}

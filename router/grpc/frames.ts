/** gRPC on a stream of HTTP/2: one message in, of a frame with its length; one message out, or none, and a status. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { asMaksError, badRequest, MaksError } from '../../core/errors.ts'

/** Of what an error says. */
const TEXT_CHARS_MAX = 1024
const FRAME_HEAD_BYTES = 5

/** `grpc-message` holds visible ASCII; other bytes stand as in a URL. */
export function messageText(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}

const UNITS_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** The time that a client gives a call in `grpc-timeout`, ms; undefined if it gives none. Throws BAD_REQUEST. */
export function timeoutOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? []
  if (digits === undefined || unit === undefined) throw badRequest('"grpc-timeout" must be digits and a unit')
  return Number(digits) * (UNITS_MS[unit] as number)
}

/**
 * The message of a unary call. Rejects with PAYLOAD_TOO_LARGE as soon as its length says so, with BAD_REQUEST for what is no such
 * message, and with UNSUPPORTED if it is compressed.
 * @param arrived is called with the bytes so far; what it throws ends the reading
 * @param limitMs time for the message to arrive
 */
export async function readFrame(
  stream: ServerHttp2Stream,
  bytesMax: number,
  limitMs: number,
  arrived: (bytes: number) => void,
): Promise<Buffer> {
  const whole = await new Promise<Buffer>((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    const late = () => fail(new MaksError('TIMEOUT', 'the message did not arrive in its time'))
    const timer = setTimeout(late, limitMs)
    const gone = () => fail(badRequest('the call was closed within its message'))
    const fail = (thrown: unknown) => {
      clearTimeout(timer)
      stream.off('data', take)
      reject(asMaksError(thrown))
    }
    const take = (part: Buffer) => {
      bytes += part.length
      parts.push(part)
      try {
        if (bytes > bytesMax + FRAME_HEAD_BYTES) throw tooLarge()
        arrived(bytes)
        // The head says how much is to come.
        if (bytes >= FRAME_HEAD_BYTES && bytes - part.length < FRAME_HEAD_BYTES)
          checkHead(Buffer.concat(parts), bytesMax)
      } catch (thrown) {
        fail(thrown)
      }
    }
    stream.on('data', take)
    stream.once('end', () => {
      clearTimeout(timer)
      stream.off('close', gone)
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, bytes))
    })
    stream.once('close', gone)
  })
  return messageOf(whole)
}

function tooLarge(): MaksError {
  return new MaksError('PAYLOAD_TOO_LARGE', 'the message is larger than the limit')
}

function checkHead(bytes: Buffer, bytesMax: number): void {
  if (bytes[0] !== 0) throw new MaksError('UNSUPPORTED', 'compressed messages are not supported')
  if (bytes.readUInt32BE(1) > bytesMax) throw tooLarge()
}

function messageOf(bytes: Buffer): Buffer {
  const length = bytes.length < FRAME_HEAD_BYTES ? -1 : bytes.readUInt32BE(1)
  if (length !== bytes.length - FRAME_HEAD_BYTES)
    throw badRequest('a call has one message, of the length that it names')
  return bytes.subarray(FRAME_HEAD_BYTES)
}

const HEADERS = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': 'identity' } as const

export type Trailers = Record<string, string>

export function sendMessage(stream: ServerHttp2Stream, message: Buffer, trailers: Trailers): void {
  if (stream.destroyed || stream.closed) return
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUInt32BE(message.length, 1)
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', ...trailers }))
  stream.respond(HEADERS, { waitForTrailers: true })
  stream.write(head)
  stream.end(message)
}

/** A status without a message. What was refused unread stays unread. */
export function sendStatus(stream: ServerHttp2Stream, status: number, text: string, trailers: Trailers): void {
  if (stream.destroyed || stream.closed) return
  if (stream.headersSent) return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  const message = { 'grpc-status': String(status), 'grpc-message': messageText(text.slice(0, TEXT_CHARS_MAX)) }
  stream.respond({ ...HEADERS, ...message, ...trailers }, { endStream: true })
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}

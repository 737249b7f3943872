/** The body of a request, up to its limit; what `express.raw` would read, at a fraction of its time for small bodies. */
import type { IncomingMessage } from 'node:http'
import { asMaksError, MaksError } from '../../core/errors.ts'

/**
 * Undefined if it is empty. Rejects with UNSUPPORTED_MEDIA_TYPE if it is compressed, and with PAYLOAD_TOO_LARGE, at once if its
 * length says so; what is refused stays unread. Rejects with BAD_REQUEST if the connection ends within it.
 * @param arrived is called with the bytes so far; what it throws ends the reading
 */
export function readRequestBody(
  request: IncomingMessage,
  bytesMax: number,
  arrived: (bytes: number) => void = () => undefined,
): Promise<Buffer | undefined> {
  const { 'content-length': length, 'transfer-encoding': transfer, 'content-encoding': encoding } = request.headers
  if (length === undefined && transfer === undefined) return Promise.resolve(undefined)
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return Promise.reject(new MaksError('UNSUPPORTED_MEDIA_TYPE', 'compressed bodies are not supported'))
  const tooLarge = () => new MaksError('PAYLOAD_TOO_LARGE', 'the body is larger than the limit')
  if (Number(length) > bytesMax) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    const take = (part: Buffer) => {
      bytes += part.length
      try {
        if (bytes > bytesMax) throw tooLarge()
        arrived(bytes)
        parts.push(part)
      } catch (thrown) {
        request.off('data', take)
        request.pause()
        reject(asMaksError(thrown))
      }
    }
    request.on('data', take)
    request.on('end', () => resolve(parts.length > 1 ? Buffer.concat(parts, bytes) : parts[0]))
    request.on('error', () => reject(new MaksError('BAD_REQUEST', 'request aborted')))
  })
}

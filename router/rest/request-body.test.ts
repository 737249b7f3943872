import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { MaksError } from '../../core/errors.ts'
import { readRequestBody } from './request-body.ts'

const BYTES_MAX = 10
let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** What is read of a request of these bytes, or the code of the error; the client closes its connection behind them if it is told to. */
async function readOf(sent: string, close = false): Promise<string | undefined> {
  const read = Promise.withResolvers<string | undefined>()
  server = createServer((request: IncomingMessage) => {
    readRequestBody(request, BYTES_MAX).then(
      (body) => read.resolve(body?.toString()),
      (error: unknown) => read.resolve((error as MaksError).code),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(sent)
  if (close) client.end()
  return read.promise.finally(() => client.destroy())
}

describe('the body of a request', () => {
  it.each([
    ['is absent', '\r\n', undefined],
    ['is empty', 'content-length: 0\r\n\r\n', undefined],
    ['is as long as it may be', 'content-length: 10\r\n\r\n0123456789', '0123456789'],
    ['comes in parts', 'transfer-encoding: chunked\r\n\r\n3\r\n012\r\n2\r\n34\r\n0\r\n\r\n', '01234'],
    ['says that it is longer', 'content-length: 11\r\n\r\n', 'PAYLOAD_TOO_LARGE'],
    ['proves longer', 'transfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n', 'PAYLOAD_TOO_LARGE'],
    ['is compressed', 'content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc', 'UNSUPPORTED_MEDIA_TYPE'],
    ['says that it is not compressed', 'content-encoding: Identity\r\ncontent-length: 3\r\n\r\nabc', 'abc'],
  ])('%s', async (_what, rest, read) => {
    expect(await readOf(`POST / HTTP/1.1\r\nhost: a\r\n${rest}`)).toBe(read)
  })

  it('is refused if the connection ends within it', async () => {
    expect(await readOf('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na', true)).toBe('BAD_REQUEST')
  })
})

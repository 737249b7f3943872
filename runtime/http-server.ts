/** A small HTTP server for calls between our own processes and for the admin port: limits, credential, errors as JSON. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { ANY_ADDRESS } from '../core/address.ts'
import { asMaksError, isErrorCode, MaksError } from '../core/errors.ts'
import { INTERNAL_HEADER, type RpcError } from '../protocol/shard-rpc.ts'
import { sleep } from './lifecycle.ts'
import { createServer } from './node-http.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

const HEADERS_TIMEOUT_MS = 10_000
/** Time for a request to arrive as a whole. */
export const REQUEST_TIMEOUT_MS = 60_000
const CONNECTIONS_MAX = 4096

/** Listens on the wished port, or on a free one where it is taken and `fallback` allows it. */
export async function listen(server: Server, host: string, port: number, fallback: boolean): Promise<number> {
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  return listenOn(server, host, port, fallback)
}

/** The same for a server of any protocol, which has its own times. */
export async function listenOn(server: NetServer, host: string, port: number, fallback: boolean): Promise<number> {
  server.maxConnections = CONNECTIONS_MAX
  const attempt = (wished: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // Without a host Node listens on `::` for both families, and on 0.0.0.0 where the machine has no IPv6.
      server.listen({ port: wished, ...(host === ANY_ADDRESS ? {} : { host }) }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  await attempt(port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || !fallback) throw error
    return attempt(0)
  })
  return (server.address() as AddressInfo).port
}

const CLOSE_POLL_MS = 20

/** Takes nothing new, lets what has begun come to its end for at most `limitMs`. */
export async function closeServer(server: Server, limitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection becomes idle when its last request is answered.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_POLL_MS)
  await Promise.race([closed, sleep(limitMs)])
  clearInterval(idle)
  server.closeAllConnections()
}

export function makeServer(handler: Handler): Server {
  return createServer((request, response) => {
    Promise.resolve()
      .then(() => handler(request, response, parseUrl(request.url)))
      .catch((error: unknown) => sendError(response, error))
  })
}

/** Throws BAD_REQUEST on what is no path, such as "//". */
function parseUrl(path = '/'): URL {
  try {
    return new URL(path, 'http://pod')
  } catch {
    throw new MaksError('BAD_REQUEST', 'the path of the request is not valid')
  }
}

/** Memory of a body that other threads read in place. */
export function sharedBytes(size: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(size))
}

/** Rejects with PAYLOAD_TOO_LARGE, or with the error of a connection that ends within the body. */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  allocate: (size: number) => Buffer = (size) => Buffer.allocUnsafe(size),
): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  // By events: an iterator over the parts costs more than the rest of a small call.
  return new Promise((resolve, reject) => {
    request.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= bytesMax) {
        parts.push(part)
        return
      }
      reject(new MaksError('PAYLOAD_TOO_LARGE', `the body has more than ${bytesMax} bytes`))
      request.destroy()
    })
    request.on('end', () => {
      try {
        const body = allocate(bytes)
        let at = 0
        for (const part of parts) at += part.copy(body, at)
        resolve(body)
      } catch (thrown) {
        reject(asMaksError(thrown))
      }
    })
    request.on('error', reject)
    request.on('close', () => {
      if (!request.complete) reject(new MaksError('BAD_REQUEST', 'the connection was closed within the body'))
    })
  })
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', Buffer.from(JSON.stringify(value)))
}

export function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': type, 'content-length': body.length })
  response.end(body)
}

export function sendError(response: ServerResponse, thrown: unknown): void {
  const error = asMaksError(thrown)
  const body: RpcError = {
    code: error.code,
    message: error.message,
    notExecuted: error.details?.notExecuted === true,
    ...(error.details === undefined ? {} : { details: error.details }),
  }
  sendJson(response, error.status, body)
}

/** The error in an answer of one of our own processes: what sendError wrote, as the thrown value again. */
export function errorOfReply(text: string): MaksError {
  const error = JSON.parse(text) as RpcError
  const code = isErrorCode(error.code) ? error.code : 'INTERNAL'
  return new MaksError(code, error.message, { details: { ...error.details, notExecuted: error.notExecuted } })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function sameSecret(given: string | undefined, expected: string): boolean {
  const a = Buffer.from(given ?? '')
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}

/** @param hashes SHA-256 of further tokens that are valid */
export function checkInternal(request: IncomingMessage, token: string, hashes: readonly string[] = []): void {
  const header = request.headers[INTERNAL_HEADER]
  const given = Array.isArray(header) ? header[0] : header
  if (!sameSecret(given, token) && !hashes.includes(sha256(given ?? ''))) {
    throw new MaksError('UNAUTHORIZED', 'this port needs the internal credential')
  }
}

/** HTTP of both versions, in the open or with a certificate that is read again when it changes: cert-manager renews it without a restart. */
import { readFileSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import {
  createServer as createHttp2Server,
  createSecureServer as createSecureHttp2Server,
  type Http2Server,
  type ServerOptions,
} from 'node:http2'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../runtime/logger.ts'
import { createServer } from '../runtime/node-http.ts'
import { watchFile } from '../runtime/watch-file.ts'

const WATCH_MS = 10_000

export function serverOf(app: RequestListener, tlsDir: string | undefined, logger: Logger, watchMs = WATCH_MS): Server {
  if (tlsDir === undefined) return createServer(app)
  return renewed(tlsDir, logger, watchMs, (certificate) => createSecureServer(certificate, app))
}

/** HTTP/2 alone: over TLS by ALPN, and in the open by what clients call prior knowledge. */
export function http2ServerOf(options: ServerOptions, tlsDir: string | undefined, logger: Logger): Http2Server {
  if (tlsDir === undefined) return createHttp2Server(options)
  return renewed(tlsDir, logger, WATCH_MS, (certificate) => createSecureHttp2Server({ ...options, ...certificate }))
}

interface Renewable {
  setSecureContext(options: SecureContextOptions): void
}

function renewed<S extends Renewable>(
  tlsDir: string,
  logger: Logger,
  watchMs: number,
  make: (certificate: SecureContextOptions) => S,
): S {
  const certificate = join(tlsDir, 'tls.crt')
  const read = (): SecureContextOptions => ({
    cert: readFileSync(certificate),
    key: readFileSync(join(tlsDir, 'tls.key')),
    minVersion: 'TLSv1.2',
  })
  let current = read()
  const server = make(current)
  const onChange = () => {
    const next = read()
    if (isDeepStrictEqual(next, current)) return
    server.setSecureContext(next)
    current = next
    logger.info('the certificate was renewed')
  }
  const onError = (error: unknown) =>
    logger.warn({ error: String(error) }, 'the certificate cannot be read; the old one stays')
  watchFile(certificate, watchMs, { onChange, onError })
  return server
}

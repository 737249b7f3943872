/** HTTP, or HTTPS with a certificate that is read again when it changes: cert-manager renews it without a restart. */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../runtime/logger.ts'
import { watchFile } from '../runtime/watch-file.ts'

const WATCH_MS = 10_000

export function serverOf(app: RequestListener, tlsDir: string | undefined, logger: Logger, watchMs = WATCH_MS): Server {
  if (tlsDir === undefined) return createServer(app)
  const certificate = join(tlsDir, 'tls.crt')
  const read = () => ({ cert: readFileSync(certificate), key: readFileSync(join(tlsDir, 'tls.key')) })
  let current = read()
  const server = createSecureServer({ ...current, minVersion: 'TLSv1.2' }, app)
  const onChange = () => {
    const next = read()
    if (isDeepStrictEqual(next, current)) return
    server.setSecureContext({ ...next, minVersion: 'TLSv1.2' })
    current = next
    logger.info('the certificate was renewed')
  }
  const onError = (error: unknown) =>
    logger.warn({ error: String(error) }, 'the certificate cannot be read; the old one stays')
  watchFile(certificate, watchMs, { onChange, onError })
  return server
}

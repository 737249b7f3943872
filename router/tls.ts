/** HTTP, or HTTPS with a certificate that is read again when it changes: cert-manager renews it without a restart. */
import { readFileSync, statSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import type { Logger } from '../runtime/logger.ts'

const WATCH_MS = 10_000

export function serverOf(app: RequestListener, tlsDir: string | undefined, logger: Logger, watchMs = WATCH_MS): Server {
  if (tlsDir === undefined) return createServer(app)
  const certificate = join(tlsDir, 'tls.crt')
  const read = () => ({ cert: readFileSync(certificate), key: readFileSync(join(tlsDir, 'tls.key')) })
  const stamp = () => statSync(certificate).mtimeMs
  const server = createSecureServer({ ...read(), minVersion: 'TLSv1.2' }, app)
  let seen = stamp()
  setInterval(() => {
    try {
      if (stamp() === seen) return
      server.setSecureContext({ ...read(), minVersion: 'TLSv1.2' })
      seen = stamp()
      logger.info('the certificate was renewed')
    } catch (error) {
      logger.warn({ error: String(error) }, 'the certificate cannot be read; the old one stays')
    }
  }, watchMs).unref()
  return server
}

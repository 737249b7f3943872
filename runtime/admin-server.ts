/** Health and metrics on their own port, open to probes and Prometheus. */
import type { Server } from 'node:http'
import { listen, makeServer, send, sendJson } from './http-server.ts'
import type { Metrics } from './metrics.ts'

export interface AdminOptions {
  host: string
  port: number
  metrics: Metrics
  /** Undefined when ready, else why not. */
  notReady: () => string | undefined
}

export async function startAdminServer(options: AdminOptions): Promise<{ server: Server; port: number }> {
  const server = makeServer(async (_request, response, url) => {
    if (url.pathname === '/metrics') {
      send(response, 200, options.metrics.registry.contentType, Buffer.from(await options.metrics.registry.metrics()))
    } else if (url.pathname === '/readyz') {
      const why = options.notReady()
      sendJson(response, why === undefined ? 200 : 503, why === undefined ? { ready: true } : { ready: false, why })
    } else if (url.pathname === '/healthz' || url.pathname === '/livez') {
      sendJson(response, 200, { live: true })
    } else {
      sendJson(response, 404, { error: 'not found' })
    }
  })
  return { server, port: await listen(server, options.host, options.port, true) }
}

/** Who may ask what: api keys, the Host header where there is no key, and the content type of bodies. */
import type { IncomingHttpHeaders } from 'node:http'
import type { NextFunction, Request, Response } from 'express'
import { MaksError } from '../core/errors.ts'
import type { RouterEnv } from '../protocol/env/config.ts'
import { sameSecret } from '../runtime/http-server.ts'
import { isLoopbackHost } from '../runtime/loopback.ts'

const OPEN_PATHS = new Set(['/', '/healthz', '/livez', '/readyz'])
/** POST routes that only read. */
export const READING_POST =
  /^\/collections\/[^/]+\/(facet|points(\/(query|search|recommend|discover)(\/(batch|groups))?|\/scroll|\/count)?)$/

export function checkAccess(env: RouterEnv) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    const writes =
      request.method !== 'GET' &&
      request.method !== 'HEAD' &&
      !(request.method === 'POST' && READING_POST.test(request.path))
    checkCaller(env, request.headers, request.headers.host, { open: OPEN_PATHS.has(request.path), writes })
    checkContentType(request)
    next()
  }
}

/**
 * Of a request of any protocol. Throws UNAUTHORIZED or FORBIDDEN.
 * @param host the name under which the caller knows this server
 * @param open needs it no key?
 */
export function checkCaller(
  env: RouterEnv,
  headers: IncomingHttpHeaders,
  host: string | undefined,
  { open, writes }: { open: boolean; writes: boolean },
): void {
  if (env.MAKSDB_API_KEY === undefined && env.MAKSDB_READ_ONLY_API_KEY === undefined) checkHost(host ?? '')
  else if (!open) checkKey(env, headers, writes)
}

/** Without a key, a page of another site must not reach us under a name of its own (DNS rebinding). */
function checkHost(host: string): void {
  if (!isLoopbackHost(host))
    throw new MaksError('FORBIDDEN', `the Host header "${host}" is not a loopback name, and no api key is set`)
}

function checkKey(env: RouterEnv, headers: IncomingHttpHeaders, writes: boolean): void {
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')
  const given = headers['api-key'] ?? bearer?.[1]
  const key = Array.isArray(given) ? given.join(', ') : given
  if (env.MAKSDB_API_KEY !== undefined && sameSecret(key, env.MAKSDB_API_KEY)) return
  if (env.MAKSDB_READ_ONLY_API_KEY === undefined || !sameSecret(key, env.MAKSDB_READ_ONLY_API_KEY)) {
    throw new MaksError('UNAUTHORIZED', key === undefined ? 'an api key is needed' : 'the api key is not valid')
  }
  if (writes) throw new MaksError('FORBIDDEN', 'the read-only key cannot write')
}

function checkContentType(request: Request): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  if (!hasBody) return
  const type = request.get('content-type') ?? ''
  if (!/^application\/(json|[\w.-]+\+json)\b/i.test(type))
    throw new MaksError('UNSUPPORTED_MEDIA_TYPE', `the body has the type "${type}", not application/json`)
  if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') {
    throw new MaksError('UNSUPPORTED_MEDIA_TYPE', 'compressed bodies are not supported')
  }
}

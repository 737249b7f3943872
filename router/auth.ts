/** Who may ask what: api keys, the Host header where there is no key, and the content type of bodies. */
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
    if (env.MAKSDB_API_KEY === undefined && env.MAKSDB_READ_ONLY_API_KEY === undefined) checkHost(request)
    else if (!OPEN_PATHS.has(request.path)) checkKey(request, env)
    checkContentType(request)
    next()
  }
}

/** Without a key, a page of another site must not reach us under a name of its own (DNS rebinding). */
function checkHost(request: Request): void {
  const host = request.headers.host ?? ''
  if (!isLoopbackHost(host))
    throw new MaksError('FORBIDDEN', `the Host header "${host}" is not a loopback name, and no api key is set`)
}

function checkKey(request: Request, env: RouterEnv): void {
  const bearer = /^Bearer (.+)$/i.exec(request.get('authorization') ?? '')
  const given = request.get('api-key') ?? bearer?.[1]
  const writes =
    request.method !== 'GET' &&
    request.method !== 'HEAD' &&
    !(request.method === 'POST' && READING_POST.test(request.path))
  if (env.MAKSDB_API_KEY !== undefined && sameSecret(given, env.MAKSDB_API_KEY)) return
  if (env.MAKSDB_READ_ONLY_API_KEY === undefined || !sameSecret(given, env.MAKSDB_READ_ONLY_API_KEY)) {
    throw new MaksError('UNAUTHORIZED', given === undefined ? 'an api key is needed' : 'the api key is not valid')
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

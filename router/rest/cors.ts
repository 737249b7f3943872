/** Which pages of other sites a browser lets call: none unless their origin is named. */
import type { NextFunction, Request, Response } from 'express'

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
/** What a script may read of an answer beside its body. */
const EXPOSED = 'retry-after, x-request-id'
const PREFLIGHT_AGE_S = 600

/** @param origins separated by commas, or `*` */
export function cors(origins: string | undefined) {
  const allowed = new Set((origins ?? '').split(',').flatMap((one) => one.trim().replace(/\/$/, '') || []))
  return (request: Request, response: Response, next: NextFunction): void => {
    if (allowed.size === 0) return next()
    // Also where the origin is not allowed: a cache must not hand that answer to one that is.
    response.vary('Origin')
    const origin = request.get('origin')
    if (origin === undefined || !(allowed.has('*') || allowed.has(origin))) return next()
    response.set('access-control-allow-origin', allowed.has('*') ? '*' : origin)
    response.set('access-control-expose-headers', EXPOSED)
    if (request.method !== 'OPTIONS' || request.get('access-control-request-method') === undefined) return next()
    // Those that are asked for: `*` would not cover `Authorization`.
    response.vary('Access-Control-Request-Headers')
    response.set({
      'access-control-allow-headers': request.get('access-control-request-headers') ?? '',
      'access-control-allow-methods': METHODS,
      'access-control-max-age': String(PREFLIGHT_AGE_S),
    })
    response.status(204).end()
  }
}

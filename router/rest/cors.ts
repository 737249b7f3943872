/** Cross-origin requests: a browser lets no page of another site call unless its origin is configured. */
import type { NextFunction, Request, Response } from 'express'

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
/** Headers of an answer that a script may read. */
const EXPOSED = 'retry-after, x-request-id'
const PREFLIGHT_AGE_S = 600

/** @param origins separated by commas, or `*` */
export function cors(origins: string | undefined) {
  const allowed = new Set((origins ?? '').split(',').flatMap((one) => one.trim().replace(/\/$/, '') || []))
  return (request: Request, response: Response, next: NextFunction): void => {
    if (allowed.size === 0) return next()
    // Also if the origin is not allowed: a cache must not give that answer to an allowed one.
    response.vary('Origin')
    const origin = request.get('origin')
    if (origin === undefined || !(allowed.has('*') || allowed.has(origin))) return next()
    response.set('access-control-allow-origin', allowed.has('*') ? '*' : origin)
    response.set('access-control-expose-headers', EXPOSED)
    if (request.method !== 'OPTIONS' || request.get('access-control-request-method') === undefined) return next()
    // The requested ones: `*` would not cover `Authorization`.
    response.vary('Access-Control-Request-Headers')
    response.set({
      'access-control-allow-headers': request.get('access-control-request-headers') ?? '',
      'access-control-allow-methods': METHODS,
      'access-control-max-age': String(PREFLIGHT_AGE_S),
    })
    response.status(204).end()
  }
}

/** Every failure of a call to the API server, in one shape: status, the server's reason and sentence, and when to come back. */
export class KubeError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  /** The server's word: NotFound, AlreadyExists, Conflict, Expired, Invalid, Forbidden ...; Unreachable without an answer. */
  readonly reason: string
  readonly retryAfterS: number | undefined

  constructor(status: number, reason: string, message: string, retryAfterS?: number, cause?: unknown) {
    super(message, { cause })
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
    this.retryAfterS = retryAfterS
  }

  /** A list or watch must start again: its resource version is gone. */
  get expired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone'
  }
}

/** An answer's body is a Status object, or text of a proxy between. */
export function errorOfAnswer(status: number, body: string, retryAfter: string | undefined): KubeError {
  let reason = ''
  let message = body.slice(0, 500)
  let seconds = retryAfter === undefined ? undefined : Number(retryAfter)
  try {
    const parsed = JSON.parse(body) as { reason?: string; message?: string; details?: { retryAfterSeconds?: number } }
    reason = parsed.reason ?? ''
    message = parsed.message ?? message
    seconds ??= parsed.details?.retryAfterSeconds
  } catch {
    // Not an answer of the API server itself; the status says what there is to say.
  }
  return new KubeError(
    status,
    reason || `HTTP${status}`,
    message,
    seconds !== undefined && Number.isFinite(seconds) ? seconds : undefined,
  )
}

/** What went wrong on the way, as a KubeError. */
export function asKubeError(thrown: unknown): KubeError {
  if (thrown instanceof KubeError) return thrown
  const text = thrown instanceof Error ? (thrown.cause instanceof Error ? thrown.cause.message : thrown.message) : ''
  return new KubeError(
    0,
    'Unreachable',
    `the API server cannot be reached: ${text || String(thrown)}`,
    undefined,
    thrown,
  )
}

/**
 * The API server has judged this very request and refused it. Not so where it did not answer, does not know us, or asks us to
 * come back later: then the next request will not fare better.
 */
export function isRefusal(thrown: unknown): thrown is KubeError {
  return thrown instanceof KubeError && ![0, 401, 429].includes(thrown.status)
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof KubeError && thrown.status === 404
}

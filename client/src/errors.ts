/** Everything that this client throws. `retriable` says whether the same call may succeed later; `hint` what to do. */
export class MaksDBError extends Error {
  /**
   * Code of the server's catalogue, or, for what never got an answer, NETWORK, ADDRESS (no further try helps), TIMEOUT and
   * ABORTED.
   */
  readonly code: string
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  readonly retriable: boolean
  /** How long to wait before the next try, where the server says so. */
  readonly retryAfterMs: number | undefined
  readonly hint: string | undefined
  readonly requestId: string | undefined

  constructor(
    message: string,
    fields: {
      code: string
      status: number
      retriable: boolean
      retryAfterMs?: number
      hint?: string
      requestId?: string
      cause?: unknown
    },
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = 'MaksDBError'
    this.code = fields.code
    this.status = fields.status
    this.retriable = fields.retriable
    this.retryAfterMs = fields.retryAfterMs
    this.hint = fields.hint
    this.requestId = fields.requestId
  }
}

/** 4xx: the request is wrong, or what it names is not there. */
export class RequestError extends MaksDBError {
  override readonly name = 'RequestError'
}
/** 401 and 403. */
export class AccessError extends MaksDBError {
  override readonly name = 'AccessError'
}
/** 409: the point has another version, or the collection exists already. */
export class ConflictError extends MaksDBError {
  override readonly name = 'ConflictError'
}
/** 429, 503 and 507: not now. Nothing of the request was applied. */
export class UnavailableError extends MaksDBError {
  override readonly name = 'UnavailableError'
}
/** 504: a part of a write may have been applied. */
export class UnknownOutcomeError extends MaksDBError {
  override readonly name = 'UnknownOutcomeError'
}
/** No answer: the connection failed, or the time was up. */
export class NetworkError extends MaksDBError {
  override readonly name = 'NetworkError'
}

interface ErrorBody {
  status?: { error?: string }
  maksdb?: { code?: string; retriable?: boolean; hint?: string; request_id?: string }
}

/** Of an answer that is no result. @param base the URL of the server as it may be shown */
export function errorOf(response: Response, base: string, body: unknown): MaksDBError {
  const { status, headers } = response
  const { status: told, maksdb } = (typeof body === 'object' && body !== null ? body : {}) as ErrorBody
  const waitS = Number(headers.get('retry-after') ?? Number.NaN)
  const foreign = typeof told?.error === 'string' ? undefined : foreignAnswer(response, base)
  const hint = maksdb?.hint ?? foreign?.hint
  const fields = {
    code: maksdb?.code ?? `HTTP_${status}`,
    status,
    retriable: maksdb?.retriable ?? (status === 429 || status === 503),
    // A proxy may send a date, which is no number.
    ...(Number.isFinite(waitS) ? { retryAfterMs: waitS * 1000 } : {}),
    ...(hint === undefined ? {} : { hint }),
    ...(maksdb?.request_id === undefined ? {} : { requestId: maksdb.request_id }),
  }
  const message = told?.error ?? (foreign as { message: string }).message
  if (status === 401 || status === 403) return new AccessError(message, fields)
  if (status === 409) return new ConflictError(message, fields)
  if (status === 429 || status === 503 || status === 507) return new UnavailableError(message, fields)
  if (status === 504) return new UnknownOutcomeError(message, fields)
  return new RequestError(message, fields)
}

/** Something else answers there, or something that stands before the server. */
function foreignAnswer({ status, headers }: Response, base: string): { message: string; hint: string } {
  if (status >= 300 && status < 400)
    return { message: `${base} redirects to ${headers.get('location') ?? 'another address'}`, hint: 'Use that URL.' }
  return { message: `${base} answered ${status}, which is no answer of MaksDB`, hint: 'Check the URL, with its path.' }
}

/**
 * The one catalogue of errors. Every error that crosses a module edge is a MaksError with a code from this table;
 * a row says the HTTP and gRPC status, whether the same request may succeed later, and what the user can do.
 */

/** gRPC status numbers: https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

interface ErrorRow {
  http: number
  grpc: number
  retriable: boolean
  /** Seconds for `Retry-After`, where waiting helps. */
  retryAfterS?: number
  hint: string
}

export const ERRORS = {
  BAD_REQUEST: {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    retriable: false,
    hint: 'Correct the named field and send the request again.',
  },
  UNSUPPORTED: {
    http: 400,
    grpc: GRPC.UNIMPLEMENTED,
    retriable: false,
    hint: 'Leave the named field out, or use another route; docs/reference/rest.md lists the supported fields and routes.',
  },
  UNAUTHORIZED: {
    http: 401,
    grpc: GRPC.UNAUTHENTICATED,
    retriable: false,
    hint: 'Send the key in the header "api-key" or as "Authorization: Bearer".',
  },
  FORBIDDEN: {
    http: 403,
    grpc: GRPC.PERMISSION_DENIED,
    retriable: false,
    hint: 'Use the read-write key, or, if no key is set, the host name 127.0.0.1 or localhost.',
  },
  KUBERNETES_OBJECT: {
    http: 403,
    grpc: GRPC.PERMISSION_DENIED,
    retriable: false,
    hint: 'On Kubernetes each collection is a VectorCluster: create and delete it with kubectl.',
  },
  NOT_FOUND: {
    http: 404,
    grpc: GRPC.NOT_FOUND,
    retriable: false,
    hint: 'Check the name; GET /collections lists the collections.',
  },
  ALREADY_EXISTS: {
    http: 409,
    grpc: GRPC.ALREADY_EXISTS,
    retriable: false,
    hint: 'Use the existing collection, or delete it first.',
  },
  CONFLICT: {
    http: 409,
    grpc: GRPC.ABORTED,
    retriable: false,
    hint: 'Read the point again and repeat the write with its current version.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    http: 409,
    grpc: GRPC.ABORTED,
    retriable: false,
    hint: 'Give each request its own idempotency key; only an identical request may be sent again with the same key.',
  },
  PAYLOAD_TOO_LARGE: {
    http: 413,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: false,
    hint: 'Send a smaller request; docs/reference/limits.md lists the limits.',
  },
  ANSWER_TOO_LARGE: {
    http: 413,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: false,
    hint: 'Request fewer points, or request them without vectors or payloads.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    http: 415,
    grpc: GRPC.INVALID_ARGUMENT,
    retriable: false,
    hint: 'Send the body with "Content-Type: application/json".',
  },
  OVERLOADED: {
    http: 429,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: true,
    retryAfterS: 1,
    hint: 'Lower the request rate and send the request again.',
  },
  TOO_MANY_COLLECTIONS: {
    http: 429,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: false,
    retryAfterS: 60,
    hint: 'Delete a collection that you no longer need.',
  },
  WAL_BUDGET: {
    http: 429,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: true,
    retryAfterS: 1,
    hint: 'The log of the cell has reached its budget and is trimmed after the next snapshot; lower the write rate and send the write again.',
  },
  WAL_FULL: {
    http: 507,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: true,
    retryAfterS: 5,
    hint: 'Redis has reached its memory limit; give it more memory or lower the write rate.',
  },
  MEMORY_FULL: {
    http: 507,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    retriable: true,
    retryAfterS: 5,
    hint: 'Delete points, or give the shards more memory (spec.resources.limits.memory, or MAKSDB_MEMORY_LIMIT_BYTES of a local cluster). Until there is room, upserts, edits of payloads and updates of vectors are refused; reads and deletes continue.',
  },
  NO_PRIMARY: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'The write was not applied; the pods of the cell are electing a primary. Send the write again.',
  },
  NOT_PRIMARY: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'The write was not applied; another pod leads this cell. Send the write again.',
  },
  CELL_UNAVAILABLE: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'No pod of a probed cell answers; wait, or accept partial results with params.partial.',
  },
  SESSION_RESET: {
    http: 409,
    grpc: GRPC.ABORTED,
    retriable: false,
    hint: 'Redis lost data and an administrator accepted the loss; begin a new session without a token.',
  },
  STALE: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'The pod does not hold the version of this read, as after cleaning; send the read again.',
  },
  STALE_TOPOLOGY: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'The request was not applied; the cells of the collection have changed. Send the request again.',
  },
  REDIS_UNAVAILABLE: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'Redis does not answer; searches continue, writes stop until Redis answers again.',
  },
  REDIS_NOT_INSTALLED: {
    http: 503,
    grpc: GRPC.FAILED_PRECONDITION,
    retriable: false,
    hint: 'Install redis-server 7.0 or newer (Debian, Ubuntu: sudo apt-get install redis-server), or name a Redis in the manifest (spec.redis.external).',
  },
  GATE_CLOSED: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'Redis has restarted and the pods are comparing their rows with the log; send the request again.',
  },
  WAL_REGRESSED: {
    http: 503,
    grpc: GRPC.FAILED_PRECONDITION,
    retriable: true,
    retryAfterS: 5,
    hint: 'The log in Redis is behind a shard. Once all shards have answered, the missing entries are recovered from them automatically. If no shard has an entry, restore Redis or run "maksdb accept-loss".',
  },
  DATA_OF_ANOTHER_SHAPE: {
    http: 503,
    grpc: GRPC.FAILED_PRECONDITION,
    retriable: false,
    hint: 'Give the VectorCluster the shape of the data, and the data is adopted. If the data is no longer needed, delete it yourself (docs/kubernetes/failure-modes.md, "Data of another shape").',
  },
  DATA_OF_ANOTHER_OWNER: {
    http: 503,
    grpc: GRPC.FAILED_PRECONDITION,
    retriable: false,
    hint: 'Use another name or another Redis. If that owner no longer exists, adopt its data by its uid (docs/kubernetes/failure-modes.md, "Data of another owner").',
  },
  NOT_READY: {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    retriable: true,
    retryAfterS: 1,
    hint: 'The process is still starting; send the request again.',
  },
  UNKNOWN_OUTCOME: {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    retriable: false,
    hint: 'Part of the write may have been applied; read the points before you send them again (an upsert may be repeated).',
  },
  TIMEOUT: {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    retriable: true,
    hint: 'Reduce the request, or raise the timeout.',
  },
  INTERNAL: {
    http: 500,
    grpc: GRPC.INTERNAL,
    retriable: false,
    hint: 'This is a bug in MaksDB; the log of the process contains the details.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

export class MaksError extends Error {
  readonly code: ErrorCode
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MaksError'
    this.code = code
    this.details = options.details
  }

  get row(): ErrorRow {
    return ERRORS[this.code]
  }

  get status(): number {
    return this.row.http
  }

  get retriable(): boolean {
    return this.row.retriable
  }
}

export function badRequest(message: string): MaksError {
  return new MaksError('BAD_REQUEST', message)
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code)
}

/** Any thrown value as a MaksError; what is not one is a fault of ours. */
export function asMaksError(error: unknown): MaksError {
  if (error instanceof MaksError) return error
  return new MaksError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
}

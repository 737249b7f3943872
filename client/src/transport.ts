/** One call over fetch: a deadline for all its tries, and another try only where the call may be repeated. */
import { errorOf, MaksDBError, NetworkError } from './errors.ts'
import { parse, stringify } from './json.ts'
import { unreachable } from './network-reason.ts'
import type { ServerUrl } from './server-url.ts'

export interface TransportOptions {
  server: ServerUrl
  apiKey: string | undefined
  /** For all tries of a call. */
  timeoutMs: number
  /** For all tries of a call, until the server has answered for the first time. */
  connectTimeoutMs: number
}

export interface CallOptions {
  signal?: AbortSignal
  timeoutMs?: number
  headers?: Record<string, string>
}

export interface Answer<T> {
  result: T
  maksdb?: Record<string, unknown>
}

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 2000

export class Transport {
  readonly #options: TransportOptions
  #answered = false
  /** What a session has seen, '' at its beginning; undefined outside of one. */
  #token: string | undefined

  constructor(options: TransportOptions, token?: string) {
    this.#options = options
    this.#token = token
  }

  /** Calls that see what calls before them wrote or saw. */
  session(): Transport {
    return new Transport(this.#options, '')
  }

  /** @param repeatable a call that may be sent again although an earlier one may have been executed: reads, upserts by id, deletes by id */
  async call<T>(
    method: string,
    path: string,
    body: unknown,
    repeatable: boolean,
    options: CallOptions = {},
  ): Promise<Answer<T>> {
    const started = Date.now()
    const deadline = started + (options.timeoutMs ?? this.#options.timeoutMs)
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(RETRY_MAX_MS, wait * 2)) {
      try {
        return await this.#once<T>(method, path, body, deadline, options)
      } catch (error) {
        if (!(error instanceof MaksDBError) || options.signal?.aborted) throw error
        const passing = error instanceof NetworkError ? error.code !== 'ADDRESS' : error.status === 504
        const pause = Math.max(error.retryAfterMs ?? 0, wait * (0.5 + Math.random() / 2))
        const until = this.#answered ? deadline : Math.min(deadline, started + this.#options.connectTimeoutMs)
        if (!(error.retriable || (repeatable && passing)) || Date.now() + pause > until) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  async #once<T>(
    method: string,
    path: string,
    body: unknown,
    deadline: number,
    options: CallOptions,
  ): Promise<Answer<T>> {
    const left = Math.max(1, deadline - Date.now())
    const timeout = AbortSignal.timeout(left)
    const { base, authorization } = this.#options.server
    const headers: Record<string, string> = { ...(authorization && { authorization }), ...options.headers }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (this.#options.apiKey !== undefined) headers['api-key'] = this.#options.apiKey
    if (this.#token !== undefined)
      Object.assign(headers, { 'maksdb-consistency': 'session', 'maksdb-token': this.#token })
    let response: Response
    let text: string
    try {
      response = await fetch(`${base}${path}`, {
        method,
        headers,
        // Another address would get the key, and fetch would make a GET of a POST.
        redirect: 'manual',
        ...(body === undefined ? {} : { body: stringify(body) }),
        signal: options.signal ? AbortSignal.any([timeout, options.signal]) : timeout,
      })
      text = await response.text()
    } catch (error) {
      if (options.signal?.aborted)
        throw new NetworkError('the call was aborted', { code: 'ABORTED', status: 0, retriable: false, cause: error })
      if (timeout.aborted)
        throw new NetworkError(`no answer within ${left} ms`, {
          code: 'TIMEOUT',
          status: 0,
          retriable: false,
          cause: error,
        })
      throw unreachable(base, error)
    }
    this.#answered = true
    let value: unknown
    try {
      value = parse(text)
    } catch {
      value = undefined
    }
    if (!response.ok || typeof value !== 'object' || value === null || !('result' in value))
      throw errorOf(response, base, value)
    const answer = value as Answer<T>
    if (this.#token !== undefined) this.#token = laterToken(this.#token, answer.maksdb?.token)
    return answer
  }
}

/** Answers of calls that ran together may come in any order. Tokens are `s1.<generation>.<version>`. */
function laterToken(a: string, b: unknown): string {
  if (typeof b !== 'string' || a === '') return typeof b === 'string' ? b : a
  const numbers = (token: string) => token.split('.').slice(1).map(Number)
  const [eraA = 0, versionA = 0] = numbers(a)
  const [eraB = 0, versionB = 0] = numbers(b)
  return eraB > eraA || (eraB === eraA && versionB > versionA) ? b : a
}

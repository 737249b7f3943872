/**
 * A call: the time by which its answer is needed, and a signal that ends the work for it. A request makes one call, and
 * each stage that works for the request gets it, in other processes too. No stage begins the time again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MaksError } from '../core/errors.ts'
import { TIMEOUT_HEADER } from '../protocol/shard-rpc.ts'

export interface Call {
  /** By `performance.now()` of this process. */
  readonly deadline: number
  /** Aborted at the deadline, or earlier if the answer is not needed any more; then its reason is `Cancelled`. */
  readonly signal: AbortSignal
}

/** The caller needs no answer any more: that its work ends is no error of the one that works. */
export class Cancelled extends Error {
  constructor(why: string) {
    // Each request makes one when it is answered, and nobody reads its stack, which takes longer than all else of a signal.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(why)
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Of a call whose request names no time. */
const TIMEOUT_MS = 60_000

export class OpenCall implements Call {
  readonly deadline: number
  readonly #over = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number) {
    this.deadline = performance.now() + timeoutMs
    this.#timer = setTimeout(
      () => this.#over.abort(new Error('the time of the call is over')),
      timerMs(timeoutMs),
    ).unref()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Ends the work for the call, and its timer; without effect on a call that has ended. */
  cancel(why: string): void {
    clearTimeout(this.#timer)
    this.#over.abort(new Cancelled(why))
  }
}

/** A call that no request of another process began. */
export function callWithin(timeoutMs: number, given?: AbortSignal): Call {
  const signal = AbortSignal.timeout(timerMs(timeoutMs))
  return {
    deadline: performance.now() + timeoutMs,
    signal: given ? AbortSignal.any([given, signal]) : signal,
  }
}

/** A part of a call, which ends with the call, or earlier if it is cancelled. Ends by one of `cancel` and `release`. */
export class CallPart implements Call {
  readonly deadline: number
  readonly #of: AbortSignal
  readonly #over = new AbortController()
  readonly #follow = () => this.#over.abort(this.#of.reason)

  constructor({ deadline, signal }: Call) {
    this.deadline = deadline
    this.#of = signal
    // Not AbortSignal.any: what it keeps for the garbage collector costs more than the rest of a small request's call.
    if (signal.aborted) this.#follow()
    else signal.addEventListener('abort', this.#follow, { once: true })
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  cancel(why: string): void {
    this.release()
    this.#over.abort(new Cancelled(why))
  }

  /** Nothing works for it any more, and nobody waits for its signal. */
  release(): void {
    this.#of.removeEventListener('abort', this.#follow)
  }
}

/** A part of a call, which ends with the call, or earlier by a signal of its own. */
export function endingWith(call: Call, signal: AbortSignal): Call {
  return { deadline: call.deadline, signal: AbortSignal.any([call.signal, signal]) }
}

/**
 * For work that must come to its end even if the caller has gone: it ends at the deadline of the call, and is not cancelled
 * with it. Cancel it when the work is done.
 */
export function untilDeadline(call: Call): OpenCall {
  return new OpenCall(remainingMs(call))
}

/** Timers take whole milliseconds, at least one. They count from the beginning of the turn of the event loop. */
function timerMs(timeoutMs: number): number {
  return Math.max(1, Math.ceil(timeoutMs))
}

export function remainingMs({ deadline }: Pick<Call, 'deadline'>): number {
  return Math.max(0, deadline - performance.now())
}

/** Throws TIMEOUT if the call has ended. For places where nothing has been executed yet. */
export function checkWaiting({ signal }: Call): void {
  if (signal.aborted)
    throw new MaksError('TIMEOUT', `nobody waits for the answer: ${(signal.reason as Error).message}`, {
      details: { notExecuted: true },
    })
}

/** The call of a request of another of our processes: it ends with its connection. */
export function callOf(request: IncomingMessage, response: ServerResponse): OpenCall {
  const given = request.headers[TIMEOUT_HEADER]
  const timeoutMs = Number(given)
  const call = new OpenCall(given !== undefined && timeoutMs >= 0 ? timeoutMs : TIMEOUT_MS)
  endWithResponse(call, response)
  return call
}

/** Cancels a call when its request is answered, or when the connection of its caller closes. */
export function endWithResponse(call: OpenCall, response: ServerResponse): void {
  const end = () => call.cancel(response.writableFinished ? 'it is answered' : 'the caller has gone')
  if (response.destroyed) end()
  else response.once('close', end)
}

/**
 * A call: how long its answer is waited for, and whether anybody still waits. Made once, where a request comes in, and given
 * from there to each stage that works for it, in other processes too. No stage begins the time again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MaksError } from '../core/errors.ts'
import { TIMEOUT_HEADER } from '../protocol/shard-rpc.ts'

export interface Call {
  /** By `performance.now()` of this process. */
  readonly deadline: number
  /** Aborted at the deadline, or earlier where the caller has gone. */
  readonly signal: AbortSignal
}

/** Of a call without a time of its own. */
const TIMEOUT_MS = 60_000

export class OpenCall implements Call {
  readonly deadline: number
  readonly #over = new AbortController()
  readonly #timer: NodeJS.Timeout

  /** @param startedAt when the request came in, by `performance.now()` */
  constructor(timeoutMs: number, startedAt = performance.now()) {
    this.deadline = startedAt + timeoutMs
    this.#timer = setTimeout(
      () => this.cancel('the time of the call is over'),
      Math.max(1, Math.ceil(remainingMs(this))),
    ).unref()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** What still works for the call ends; without effect on one that has ended. */
  cancel(why: string): void {
    clearTimeout(this.#timer)
    this.#over.abort(new Error(why))
  }
}

/** A call of this process' own, that nobody but itself waits for. */
export function callWithin(timeoutMs: number, given?: AbortSignal): Call {
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))
  return {
    deadline: performance.now() + timeoutMs,
    signal: given ? AbortSignal.any([given, signal]) : signal,
  }
}

/** The call within another one that ends with it, or by a signal of its own. */
export function endingWith(call: Call, signal: AbortSignal): Call {
  return { deadline: call.deadline, signal: AbortSignal.any([call.signal, signal]) }
}

/** For work that is brought to its end though the caller may have gone: it ends at the same deadline. */
export function untilDeadline(call: Call): Call {
  return { deadline: call.deadline, signal: AbortSignal.timeout(Math.max(1, Math.ceil(remainingMs(call)))) }
}

export function remainingMs({ deadline }: Pick<Call, 'deadline'>): number {
  return Math.max(0, deadline - performance.now())
}

/** Throws TIMEOUT where nobody waits for the answer any more. */
export function checkWaiting({ signal }: Call): void {
  if (signal.aborted)
    throw new MaksError('TIMEOUT', `nobody waits for the answer: ${(signal.reason as Error).message}`, {
      details: { notExecuted: true },
    })
}

/** The call of a request of another of our processes: it ends with its connection. */
export function callOf(request: IncomingMessage, response: ServerResponse): OpenCall {
  const given = Number(request.headers[TIMEOUT_HEADER])
  const call = new OpenCall(given > 0 ? given : TIMEOUT_MS)
  response.on('close', () => call.cancel(response.writableFinished ? 'it is answered' : 'the caller has gone'))
  return call
}

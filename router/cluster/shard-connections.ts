/**
 * Requests of a router over kept connections to shards. They use undici below its `request`, which makes a stream of every
 * answer: a shard's answers are read whole.
 */
import { Agent, type Dispatcher } from 'undici'
import type { HttpAnswer, HttpCall } from '../../runtime/http-call.ts'

const CONNECTIONS_PER_SHARD = 128
const KEEP_ALIVE_MS = 10_000
const CONNECT_TIMEOUT_MS = 1000

export class ShardConnections {
  readonly #agent = new Agent({
    connections: CONNECTIONS_PER_SHARD,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  /** Throws the reason of the signal, or the error of the connection. */
  readonly send = (url: string, call: HttpCall): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const { method, headers, body, signal } = call
      const at = url.indexOf('/', url.indexOf('//') + 2)
      const request = { origin: url.slice(0, at), path: url.slice(at), method, headers, body: body ?? null }
      this.#agent.dispatch(request, new AnswerReader(resolve, reject, signal))
    })

  close(): Promise<void> {
    return this.#agent.close()
  }
}

/** Collects an answer, and ends its request at the signal. */
class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void
  readonly #reject: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #parts: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #statusCode = 0

  constructor(
    resolve: (answer: HttpAnswer) => void,
    reject: (error: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    if (signal?.aborted === true) this.#end()
    else signal?.addEventListener('abort', this.#end, { once: true })
  }

  readonly #end = () => {
    this.#reject(this.#signal?.reason)
    this.#controller?.abort(this.#signal?.reason as Error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal?.aborted === true) controller.abort(this.#signal.reason as Error)
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    this.#statusCode = statusCode
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#parts.push(part)
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#end)
    // A copy even of one part: floats are read in place, from a multiple of 8 bytes on.
    this.#resolve({ statusCode: this.#statusCode, bytes: Buffer.concat(this.#parts) })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#end)
    this.#reject(error)
  }
}

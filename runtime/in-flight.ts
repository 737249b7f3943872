/**
 * Requests that are on their way in a process, and the bytes of their bodies: memory that no other queue counts, since a body
 * is read before what it asks for is known. Beyond a limit a further request is refused before its body is read.
 */
import type { IncomingMessage } from 'node:http'
import { checkQueue, type QueueName } from '../core/limits.ts'

export interface InFlightLimits {
  /** Of requests; absent: their number has no limit of its own. */
  requests?: QueueName
  /** Of the bytes of all bodies; a body is taken if no other is on its way. */
  bytes: QueueName
}

/** What a body counts at first that does not name its length; more as more of it comes. */
const UNNAMED_BYTES = 64 * 1024

export class InFlight {
  readonly #limits: InFlightLimits
  readonly #bodyBytesMax: number
  #requests = 0
  #bytes = 0

  /** @param bodyBytesMax what a body counts at most: a longer one is refused by its own limit, unread */
  constructor(limits: InFlightLimits, bodyBytesMax: number) {
    this.#limits = limits
    this.#bodyBytesMax = bodyBytesMax
  }

  get requests(): number {
    return this.#requests
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Counts the request until it is answered or its client has gone. Returns a function that is to be called with the bytes that
   * have come of the body so far, for a body that does not name its length. Both throw OVERLOADED.
   * @param withBody has it a body even if nothing names its length?
   */
  enter(
    { headers }: Pick<IncomingMessage, 'headers'>,
    response: { once(event: 'close', listener: () => void): unknown },
    withBody = headers['transfer-encoding'] !== undefined,
  ): (arrived: number) => void {
    let bytes = this.#lengthOf(headers, withBody)
    const { requests: requestsMax, bytes: bytesMax } = this.#limits
    if (requestsMax !== undefined) checkQueue(requestsMax, this.#requests + 1)
    if (bytes > 0 && this.#bytes > 0) checkQueue(bytesMax, this.#bytes + bytes)
    this.#requests++
    this.#bytes += bytes
    response.once('close', () => {
      this.#requests--
      this.#bytes -= bytes
    })
    return (arrived) => {
      if (arrived <= bytes) return
      const others = this.#bytes - bytes
      if (others > 0) checkQueue(bytesMax, others + arrived)
      this.#bytes = others + arrived
      bytes = arrived
    }
  }

  #lengthOf(headers: IncomingMessage['headers'], withBody: boolean): number {
    if (withBody && headers['content-length'] === undefined) return Math.min(UNNAMED_BYTES, this.#bodyBytesMax)
    const length = Number(headers['content-length'] ?? 0)
    return Number.isFinite(length) ? Math.min(Math.max(0, length), this.#bodyBytesMax) : this.#bodyBytesMax
  }
}

/**
 * Requests that are on their way in a process, and the bytes of their bodies: memory that no other queue counts, since a body
 * is read before what it asks for is known. Beyond a limit a further request is refused before its body is read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkQueue, type QueueName } from '../core/limits.ts'

export interface InFlightLimits {
  /** Of requests; absent: their number has no limit of its own. */
  requests?: QueueName
  /** Of the bytes of all bodies; a body is taken if no other is on its way. */
  bytes: QueueName
}

export class InFlight {
  readonly #limits: InFlightLimits
  readonly #bodyBytesMax: number
  #requests = 0
  #bytes = 0

  /** @param bodyBytesMax what a body counts that does not name its length */
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

  /** Counts the request until it is answered or its client has gone. Throws OVERLOADED. */
  enter({ headers }: Pick<IncomingMessage, 'headers'>, response: Pick<ServerResponse, 'once'>): void {
    const bytes = this.#lengthOf(headers)
    const { requests: requestsMax, bytes: bytesMax } = this.#limits
    if (requestsMax !== undefined) checkQueue(requestsMax, this.#requests + 1)
    if (bytes > 0 && this.#bytes > 0) checkQueue(bytesMax, this.#bytes + bytes)
    this.#requests++
    this.#bytes += bytes
    response.once('close', () => {
      this.#requests--
      this.#bytes -= bytes
    })
  }

  #lengthOf(headers: IncomingMessage['headers']): number {
    if (headers['transfer-encoding'] !== undefined) return this.#bodyBytesMax
    const length = Number(headers['content-length'] ?? 0)
    // One that is too long is refused by its own limit, unread.
    return Number.isFinite(length) ? Math.min(Math.max(0, length), this.#bodyBytesMax) : this.#bodyBytesMax
  }
}

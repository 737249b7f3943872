/**
 * Requests by Node's own client, for programs whose calls are few: undici, which carries the calls of routers and which `fetch`
 * loads, would take some 10 MiB of each shard, and longer to load than a command of the command line needs for the rest.
 */
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { request } from './node-http.ts'

/** A connection on which nothing moves for so long is given up, ms. A call has its own, shorter time. */
const SILENT_MS = 300_000

export interface HttpCall {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: Uint8Array
  /** Ends the connection. */
  signal?: AbortSignal
}

export interface HttpAnswer {
  statusCode: number
  bytes: Buffer
}

/** The head of the answer, with its body to be read. Throws the reason of the signal, or the error of the connection. */
export function openHttp(url: string, { method, headers, body, signal }: HttpCall): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, timeout: SILENT_MS, ...(signal ? { signal } : {}) }, resolve)
    sent.on('timeout', () => sent.destroy(new Error(`${new URL(url).host} is silent`)))
    sent.on('error', (error) => reject(signal?.aborted ? signal.reason : error))
    sent.end(body)
  })
}

/**
 * The answer of a program on this machine to a question about itself; undefined if none comes in time.
 * @param limitMs for the whole answer
 */
export async function askHttp(
  url: string,
  headers: Record<string, string>,
  limitMs: number,
): Promise<HttpAnswer | undefined> {
  const call = { method: 'GET', headers, signal: AbortSignal.timeout(limitMs) } as const
  return callHttp(url, call).catch(() => undefined)
}

export function isOk(answer: HttpAnswer | undefined): answer is HttpAnswer {
  return answer !== undefined && answer.statusCode >= 200 && answer.statusCode < 300
}

/** The whole answer. Throws as `openHttp` does. */
export async function callHttp(url: string, call: HttpCall): Promise<HttpAnswer> {
  const answer = await openHttp(url, call)
  try {
    return { statusCode: answer.statusCode ?? 0, bytes: await buffer(answer) }
  } catch (error) {
    throw call.signal?.aborted ? call.signal.reason : error
  }
}

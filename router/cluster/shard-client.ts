/** Calls to shards. `notExecuted` of an error is true if it is proven that nothing was executed. */
import { httpUrl } from '../../core/address.ts'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import type { Chunk, Frame } from '../../protocol/frame.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { type Call, Cancelled } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import { ShardConnections } from './shard-connections.ts'

export class ShardClient {
  readonly #token: string
  readonly #connections = new ShardConnections()
  readonly #onError: (code: ErrorCode) => void

  /** @param onError called for each call that fails, except those that the router itself cancels */
  constructor(token: string, onError: (code: ErrorCode) => void) {
    this.#token = token
    this.#onError = onError
  }

  async call<A>(
    shard: Heartbeat,
    path: string,
    header: unknown,
    chunks: readonly Chunk[],
    call: Call,
  ): Promise<Frame<A>> {
    try {
      return await callFrame<A>({
        url: `${httpUrl(shard.address, shard.port)}${path}`,
        token: this.#token,
        header,
        chunks,
        call,
        send: this.#connections.send,
      })
    } catch (error) {
      const thrown = error instanceof MaksError ? error : connectionError(shard, error)
      // That the router ended the call is no error of the shard.
      if (!(call.signal.reason instanceof Cancelled)) this.#onError(thrown.code)
      throw thrown
    }
  }

  close(): Promise<void> {
    return this.#connections.close()
  }
}

/** A connection that was never made carried nothing; any other failure may have come after the request was read. */
function connectionError(shard: Heartbeat, error: unknown): MaksError {
  const code = (error as { code?: string }).code ?? ''
  const notExecuted =
    code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'EHOSTUNREACH' || code === 'ENOTFOUND'
  return new MaksError(
    'CELL_UNAVAILABLE',
    `pod ${shard.pod} does not answer: ${error instanceof Error ? error.message : String(error)}`,
    {
      cause: error,
      details: { notExecuted },
    },
  )
}

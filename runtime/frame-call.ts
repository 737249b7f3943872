/** A call of one of our programs to another: a frame over HTTP with the internal credential. */
import { type Chunk, decodeFrame, encodeFrame, FRAME_TYPE, type Frame } from '../protocol/frame.ts'
import { INTERNAL_HEADER, TIMEOUT_HEADER } from '../protocol/shard-rpc.ts'
import { type Call, checkWaiting, remainingMs } from './call.ts'
import { callHttp, type HttpAnswer, type HttpCall } from './http-call.ts'
import { errorOfReply } from './http-server.ts'
import { inSlices } from './slices.ts'

export interface FrameCall {
  url: string
  token: string
  header: unknown
  chunks?: readonly Chunk[]
  /** Its signal ends the connection; the other program gets the time that is left. */
  call: Call
  /** Sends it over connections of the caller's own; absent: over those of Node's client. */
  send?: (url: string, call: HttpCall) => Promise<HttpAnswer>
}

/**
 * Throws the MaksError of the other program's answer, the error of the connection, or TIMEOUT if the call has ended
 * before.
 */
export async function callFrame<A>({
  url,
  token,
  header,
  chunks = [],
  call,
  send = callHttp,
}: FrameCall): Promise<Frame<A>> {
  checkWaiting(call)
  const { statusCode, bytes } = await send(url, {
    method: 'POST',
    headers: { 'content-type': FRAME_TYPE, [INTERNAL_HEADER]: token, [TIMEOUT_HEADER]: String(remainingMs(call)) },
    body: encodeFrame(header, chunks),
    signal: call.signal,
  })
  if (statusCode === 200) return inSlices(decodeFrame<A>(bytes))
  throw errorOfReply(bytes.toString())
}

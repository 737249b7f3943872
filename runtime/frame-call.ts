/** A call of one of our programs to another: a frame over HTTP with the internal credential. */
import { type Dispatcher, request } from 'undici'
import { type Chunk, decodeFrame, encodeFrame, FRAME_TYPE, type Frame } from '../protocol/frame.ts'
import { INTERNAL_HEADER, TIMEOUT_HEADER } from '../protocol/shard-rpc.ts'
import { type Call, remainingMs } from './call.ts'
import { errorOfReply } from './http-server.ts'
import { inSlices } from './slices.ts'

export interface FrameCall {
  url: string
  token: string
  header: unknown
  chunks?: readonly Chunk[]
  /** Ends with it; the other program gets what is left of its time. */
  call: Call
  /** Connections of the caller's own; absent: those that all calls of the process share. */
  dispatcher?: Dispatcher
}

/** Throws the MaksError that the other program answered with, or whatever the connection died of. */
export async function callFrame<A>({
  url,
  token,
  header,
  chunks = [],
  call,
  dispatcher,
}: FrameCall): Promise<Frame<A>> {
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': FRAME_TYPE, [INTERNAL_HEADER]: token, [TIMEOUT_HEADER]: String(remainingMs(call)) },
    body: encodeFrame(header, chunks),
    signal: call.signal,
    ...(dispatcher ? { dispatcher } : {}),
  })
  const bytes = Buffer.from(await body.arrayBuffer())
  if (statusCode === 200) return inSlices(decodeFrame<A>(bytes))
  throw errorOfReply(bytes.toString())
}

/** Calls to other shards: frames over HTTP with the internal credential; errors come back as codes of the catalogue. */
import { request } from 'undici'
import { decodeFrame, encodeFrame, FRAME_TYPE, type Frame } from '../protocol/frame.ts'
import { type Heartbeat, INTERNAL_HEADER } from '../protocol/shard-rpc.ts'
import { errorOfReply } from '../runtime/http-server.ts'
import type { RedisLink } from '../store/redis-link.ts'
import { readTopology } from '../store/topology.ts'
import type { Pod } from './pod.ts'

export async function callPeer<A>(
  pod: Pod,
  peer: Heartbeat,
  path: string,
  header: unknown,
  chunks: Uint8Array[] = [],
  timeoutMs = 10_000,
): Promise<Frame<A>> {
  const response = await request(`http://${peer.address}:${peer.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': FRAME_TYPE, [INTERNAL_HEADER]: pod.env.MAKSDB_INTERNAL_TOKEN },
    body: encodeFrame(header, chunks),
    signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
  })
  const body = Buffer.from(await response.body.arrayBuffer())
  if (response.statusCode === 200) return decodeFrame<A>(body)
  throw errorOfReply(body.toString())
}

/** The pods that lead each cell now, undefined where none does. */
export async function leaders(pod: Pod, link: RedisLink): Promise<(Heartbeat | undefined)[]> {
  const { namespace, name, clusters } = pod.config
  const topology = await link.use((redis) => readTopology(redis, { namespace, name, clusters }))
  return topology.cells.map((cell) =>
    cell.leased ? topology.members.find((member) => member.pod === cell.leader) : undefined,
  )
}

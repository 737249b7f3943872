/** Calls to other shards: frames over HTTP with the internal credential; errors come back as codes of the catalogue. */
import { httpUrl } from '../../core/address.ts'
import { leaderOf } from '../../core/log/leader.ts'
import type { Frame } from '../../protocol/frame.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { callWithin } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import type { RedisLink } from '../../store/redis-link.ts'
import { readTopology } from '../../store/topology.ts'
import type { Pod } from './pod.ts'

export async function callPeer<A>(
  pod: Pod,
  peer: Heartbeat,
  path: string,
  header: unknown,
  chunks: Uint8Array[] = [],
  timeoutMs = 10_000,
): Promise<Frame<A>> {
  return callFrame<A>({
    url: `${httpUrl(peer.address, peer.port)}${path}`,
    token: pod.env.MAKSDB_INTERNAL_TOKEN,
    header,
    chunks,
    call: callWithin(timeoutMs),
  })
}

/** The pods that lead each cell now, undefined while no pod does. */
export async function leaders(pod: Pod, link: RedisLink): Promise<(Heartbeat | undefined)[]> {
  const topology = await link.use((redis) => readTopology(redis, pod.log.scope))
  return topology.cells.map((_, cell) => leaderOf(topology, cell))
}

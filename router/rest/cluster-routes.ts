/**
 * What stock tools of Qdrant ask about a cluster before they work: the least form of its cluster and telemetry. The router
 * itself is no member of a Qdrant cluster; `/v1/collections/:c/topology` has the real pods.
 */
import { randomUUID } from 'node:crypto'
import type { Request, Router } from 'express'
import { QDRANT_VERSION } from '../../protocol/version.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import type { Send } from './reply.ts'

/** The one peer that a collection shows: its router. */
const PEER = 0

export function clusterRoutes(router: Router, collections: Collections, send: Send): void {
  const of = (request: Request) => collections.get(String(request.params.c))
  const id = randomUUID()
  const startup = new Date().toISOString()
  router.get(
    '/cluster',
    send(async () => ({ result: { status: 'disabled' } })),
  )
  router.get(
    '/telemetry',
    send(async () => ({ result: telemetry(collections, id, startup) })),
  )
  router.get(
    '/collections/:c/cluster',
    send(async (request) => ({ result: await cellsAsShards(of(request)) })),
  )
}

function telemetry(collections: Collections, id: string, startup: string): unknown {
  return {
    id,
    app: { name: 'maksdb', version: QDRANT_VERSION, startup },
    collections: { number_of_collections: collections.names.length },
    cluster: { enabled: false },
    requests: { rest: { responses: {} }, grpc: { responses: {} } },
  }
}

/** Each cell as a shard of the one peer: active if it has a primary. */
async function cellsAsShards(collection: Collection): Promise<unknown> {
  if (!collection.topology) await collection.refresh()
  const { clusters } = collection.config
  return {
    peer_id: PEER,
    shard_count: clusters,
    local_shards: Array.from({ length: clusters }, (_, cell) => ({
      shard_id: cell,
      points_count: collection.pods(cell)[0]?.points ?? 0,
      state: collection.leader(cell) ? 'Active' : 'Dead',
    })),
    remote_shards: [],
    shard_transfers: [],
  }
}

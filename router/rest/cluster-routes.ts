/**
 * What stock tools of Qdrant ask about a cluster before they work: the least form of its cluster, telemetry and aliases. The
 * router itself is no member of a Qdrant cluster; `/v1/collections/:c/topology` has the real pods.
 */
import { randomUUID } from 'node:crypto'
import type { Request, Router } from 'express'
import { MaksError } from '../../core/errors.ts'
import { QDRANT_VERSION } from '../../protocol/version.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import { Fields, isEmpty } from './json-fields.ts'
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
    '/aliases',
    send(async () => ({ result: { aliases: [] } })),
  )
  router.post(
    '/collections/aliases',
    send(async (request) => {
      checkNoActions(request.body)
      return { result: true }
    }),
  )
  router.get(
    '/collections/:c/aliases',
    send(async (request) => {
      of(request)
      return { result: { aliases: [] } }
    }),
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

/** Throws UNSUPPORTED for every action: there are no aliases yet. */
function checkNoActions(body: unknown): void {
  const fields = new Fields(body, 'the body')
  if (!isEmpty(fields.take('actions'))) throw new MaksError('UNSUPPORTED', 'aliases are not supported yet')
  fields.end()
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

/** Routes on collections: list, describe, topology and centroids; collection-admin.ts creates and deletes. */
import type { Request, Router } from 'express'
import { asMaksError, MaksError } from '../../core/errors.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { cellHealth, centroidOf } from '../../core/partition.ts'
import { bytesOf, parseCentroids, vectorJson } from '../../core/vector.ts'
import { type CentroidsRequest, type PodMemory, RPC } from '../../protocol/shard-rpc.ts'
import { type Call, untilDeadline } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import { within } from '../../runtime/until.ts'
import { changeSettings, type Settings } from '../../store/settings.ts'
import { acceptLoss } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import { type CollectionParts, createCollection, removeCollection } from '../manage/collection-admin.ts'
import { countOf, describe } from '../manage/collection-description.ts'
import { parsePatch } from '../manage/collection-settings.ts'
import { Fields } from '../requests/json-fields.ts'
import { payloadIndexRoutes } from './payload-index-routes.ts'
import { listPieces } from './point-json.ts'
import type { Send } from './reply.ts'

/** Time for the pods to repair the log, before the answer to accepted loss. */
const ACCEPT_WAIT_MS = 30_000
const ACCEPT_POLL_MS = 200

export function collectionRoutes(router: Router, parts: CollectionParts, send: Send): void {
  const { collections } = parts
  router.get(
    '/collections',
    send(async () => ({ result: { collections: collections.names.map((known) => ({ name: known })) } })),
  )
  router.get(
    '/collections/:c/exists',
    send(async (request) => ({ result: { exists: collections.find(name(request)) !== undefined } })),
  )
  router.get(
    '/collections/:c',
    send(async (request, call) => {
      const collection = collections.get(name(request))
      return { pieces: [exactStringify(await describe(collection, await countOf(parts.points, collection, call)))] }
    }),
  )
  router.put(
    '/collections/:c',
    send(async (request, call) => ({ result: await createCollection(parts, name(request), request.body, call) })),
  )
  router.delete(
    '/collections/:c',
    send(async (request) => ({ result: await removeCollection(parts, name(request)) })),
  )
  router.patch(
    '/collections/:c',
    send(async (request) => {
      const collection = collections.get(name(request))
      await change(collection, parsePatch(request.body, collection.config))
      return { result: true }
    }),
  )
  payloadIndexRoutes(router, collections, send)
  router.get(
    '/v1/collections/:c/topology',
    send(async (request) => ({ result: await topology(collections.get(name(request))) })),
  )
  router.get(
    '/v1/collections/:c/centroids',
    send(async (request) => ({ pieces: centroids(collections.get(name(request))) })),
  )
  router.post(
    '/v1/collections/:c/centroids/train',
    send(async (request, call) => ({ result: await install(parts, request, 'train', call) })),
  )
  router.put(
    '/v1/collections/:c/centroids',
    send(async (request, call) => ({ result: await install(parts, request, 'upload', call) })),
  )
  router.post(
    '/v1/collections/:c/accept-loss',
    send(async (request) => {
      const collection = collections.get(name(request))
      noFields(request.body)
      const reply = await collection.link.use((redis) => acceptLoss(redis, collection.scope))
      const open = await within({ limitMs: ACCEPT_WAIT_MS, everyMs: ACCEPT_POLL_MS }, async () => {
        await collection.refresh()
        return collection.topology?.gateOpen
      })
      return { result: { accepted: reply[0] === 'OK', lost: reply[1] || null, open: open === true } }
    }),
  )
  for (const later of ['recluster', 'snapshots', 'recall']) {
    router.all(
      `/v1/collections/:c/${later}`,
      send(async () => {
        throw new MaksError('UNSUPPORTED', `"${later}" is not supported yet`)
      }),
    )
  }
}

/** For routes without fields. */
function noFields(body: unknown): void {
  new Fields(body ?? {}, 'the body').end()
}

async function change({ link, scope }: Collection, settings: Settings): Promise<void> {
  if (settings.size > 0) await link.use((redis) => changeSettings(redis, scope, settings))
}

function name(request: Request): string {
  return String(request.params.c)
}

async function topology(collection: Collection): Promise<unknown> {
  await collection.refresh()
  const { config, topology: view, partition } = collection
  if (!view) throw new MaksError('REDIS_UNAVAILABLE', 'Redis does not answer')
  return {
    collection: config.collection,
    clusters: config.clusters,
    replicas: config.replicas,
    centroids: { source: config.centroidSource, version: partition.version, cells_still_moving: view.moving },
    points: view.rows,
    redundant_storage: {
      bound: config.redundantStorage,
      redundant_rows: view.redundantRows,
      average: view.rows === 0 ? 1 : 1 + view.redundantRows / view.rows,
    },
    gate: view.regressed === '' ? (view.gateOpen ? 'open' : 'claiming') : 'regressed',
    regressed: view.regressed === '' ? null : view.regressed,
    last_repair: view.repaired === '' ? null : JSON.parse(view.repaired),
    cells: view.cells.map((cell, number) => {
      const pods = collection.pods(number)
      const points = pods[0]?.points ?? 0
      return {
        cell: number,
        health: partition.version === 0 ? 'ok' : cellHealth(points, view.rows, config.clusters),
        points,
        redundant_rows: pods[0]?.redundantRows ?? 0,
        epoch: cell.epoch,
        primary: cell.leased ? cell.leader : null,
        head: cell.head.seq,
        trimmed_below: cell.trim.seq,
        wal_bytes: cell.walBytes,
        pods: pods.map(({ pod, address, port, applied, oldestSnapshot, newestSnapshot, memory }) => ({
          pod,
          address,
          port,
          applied,
          oldest_snapshot: oldestSnapshot,
          newest_snapshot: newestSnapshot,
          memory: memory === undefined ? null : memoryJson(memory),
        })),
      }
    }),
  }
}

function memoryJson({ resident, rows, heaps, limited }: PodMemory): object {
  return {
    resident_bytes: resident,
    row_bytes: rows,
    heap_bytes: heaps,
    ...(limited
      ? {
          limit_bytes: limited.limit,
          used_bytes: limited.used,
          room_bytes: Math.max(0, limited.room),
          full: limited.room <= 0,
        }
      : {}),
  }
}

function* centroids({ partition }: Collection): Generator<string> {
  const cells = partition.version === 0 ? [] : Array.from({ length: partition.clusters }, (_, cell) => cell)
  yield `{"version":${partition.version},"centroids":`
  yield* listPieces(cells, (cell) => [vectorJson(centroidOf(partition, cell))])
  yield '}'
}

async function install(
  parts: CollectionParts,
  request: Request,
  action: CentroidsRequest['action'],
  call: Call,
): Promise<unknown> {
  const collection = parts.collections.get(name(request))
  const { config } = collection
  const header: CentroidsRequest = { action }
  const chunks: Uint8Array[] = []
  if (action === 'upload') {
    const fields = new Fields(request.body, 'the body')
    const given = fields.take('centroids')
    fields.end()
    chunks.push(bytesOf(await inSlices(parseCentroids(given, config))))
  } else noFields(request.body)
  const leader = collection.leader(0)
  if (!leader) throw new MaksError('NO_PRIMARY', 'cell 0 has no primary')
  // The shard installs what it was sent, so the router waits for the outcome even if the client has gone.
  const sending = untilDeadline(call)
  try {
    const { header: answer } = await parts.shards.call<{ version: number }>(
      leader,
      RPC.centroids,
      header,
      chunks,
      sending,
    )
    return { version: answer.version }
  } catch (thrown) {
    const error = asMaksError(thrown)
    throw error.code === 'CELL_UNAVAILABLE' ? new MaksError('UNKNOWN_OUTCOME', error.message, { cause: error }) : error
  } finally {
    sending.cancel('the centroids are installed or refused')
  }
}

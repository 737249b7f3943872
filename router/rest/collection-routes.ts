/** Routes on collections: list, describe, topology and centroids; collection-admin.ts creates and deletes. */
import type { Request, Router } from 'express'
import { asMaksError, MaksError } from '../../core/errors.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { QDRANT_DISTANCE } from '../../core/metric.ts'
import { cellHealth, centroidOf } from '../../core/partition.ts'
import { bytesOf, parseCentroids, vectorJson } from '../../core/vector.ts'
import { type CentroidsRequest, type PodMemory, RPC } from '../../protocol/shard-rpc.ts'
import { type Call, untilDeadline } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import { within } from '../../runtime/until.ts'
import { acceptLoss } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import { type CollectionParts, createCollection, removeCollection } from './collection-admin.ts'
import { asObject, Fields } from './json-fields.ts'
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
    send(async (request) => ({ result: await describe(collections.get(name(request))) })),
  )
  router.put(
    '/collections/:c',
    send(async (request, call) => ({ result: await createCollection(parts, request, call) })),
  )
  router.delete(
    '/collections/:c',
    send(async (request) => ({ result: await removeCollection(parts, request) })),
  )
  router.put(
    '/collections/:c/index',
    send(async (request) => {
      collections.get(name(request))
      checkIndex(request.body)
      return { result: { operation_id: 0, status: 'completed' } }
    }),
  )
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

/** The body of an index of a payload field. It is checked, and without meaning yet. */
function checkIndex(body: unknown): void {
  const fields = new Fields(body, 'the body')
  parseJsonPath(fields.take('field_name'), 'field_name')
  const schema = fields.take('field_schema') ?? fields.take('field_type')
  if (schema !== undefined && typeof schema !== 'string') asObject(schema, 'field_schema')
  fields.ignore('field_type')
  fields.end()
}

/** For routes without fields. */
function noFields(body: unknown): void {
  new Fields(body ?? {}, 'the body').end()
}

function name(request: Request): string {
  return String(request.params.c)
}

/**
 * The fields that the models of qdrant-client require; `vectors` has the form of the request that created the
 * collection.
 */
async function describe(collection: Collection): Promise<unknown> {
  if (!collection.topology) await collection.refresh()
  const { config, topology: view } = collection
  const vectors = { size: config.vectors[''].size, distance: QDRANT_DISTANCE[config.vectors[''].metric] }
  const led = view?.cells.every((cell) => cell.leased) ?? false
  return {
    status: view === undefined || view.regressed !== '' ? 'red' : led && view.moving === 0 ? 'green' : 'yellow',
    optimizer_status: 'ok',
    points_count: view?.rows ?? 0,
    indexed_vectors_count: view?.rows ?? 0,
    segments_count: config.clusters,
    config: {
      params: {
        vectors: config.vectorName === undefined ? vectors : { [config.vectorName]: vectors },
        shard_number: config.clusters,
        replication_factor: config.replicas,
        write_consistency_factor: 1,
        on_disk_payload: false,
      },
      hnsw_config: { m: 0, ef_construct: 4, full_scan_threshold: 0, max_indexing_threads: 0, on_disk: false },
      optimizer_config: {
        deleted_threshold: 0.5,
        vacuum_min_vector_number: 2048,
        default_segment_number: config.clusters,
        flush_interval_sec: 1,
      },
      wal_config: { wal_capacity_mb: Math.max(1, Math.floor(config.walBudgetBytes / 1e6)), wal_segments_ahead: 0 },
      quantization_config: null,
    },
    payload_schema: {},
  }
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

function memoryJson({ resident, rows, heaps }: PodMemory): object {
  return { resident_bytes: resident, row_bytes: rows, heap_bytes: heaps }
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

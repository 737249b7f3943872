/** Routes on collections: list, describe, create and delete (local mode only), topology and centroids. */
import type { Request, Router } from 'express'
import { request as call } from 'undici'
import { asMaksError, badRequest, isErrorCode, MaksError } from '../core/errors.ts'
import { metricOfQdrant, QDRANT_DISTANCE } from '../core/metric.ts'
import { cellHealth } from '../core/partition.ts'
import { bytesOf, parseVector, vectorJson } from '../core/vector.ts'
import type { RouterEnv } from '../protocol/config.ts'
import { type CentroidsRequest, INTERNAL_HEADER, RPC } from '../protocol/shard-rpc.ts'
import { COLLECTION_NAME } from '../protocol/vector-cluster.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { acceptLoss } from '../store/topology.ts'
import type { Collection } from './collection.ts'
import { asObject, Fields } from './fields.ts'
import type { Registry } from './registry.ts'
import { type Limits, timeoutMs } from './request-options.ts'
import type { Send } from './rest.ts'
import type { ShardClient } from './shard-client.ts'

export interface CollectionParts {
  env: RouterEnv
  limits: Limits
  registry: Registry
  shards: ShardClient
}

const READY_POLL_MS = 30

export function collectionRoutes(router: Router, parts: CollectionParts, send: Send): void {
  const { registry } = parts
  router.get(
    '/collections',
    send(async () => ({ result: { collections: registry.names.map((known) => ({ name: known })) } })),
  )
  router.get(
    '/collections/:c/exists',
    send(async (request) => ({ result: { exists: registry.find(name(request)) !== undefined } })),
  )
  router.get(
    '/collections/:c',
    send(async (request) => ({ result: await describe(registry.get(name(request))) })),
  )
  router.put(
    '/collections/:c',
    send(async (request) => ({ result: await create(parts, request) })),
  )
  router.delete(
    '/collections/:c',
    send(async (request) => ({ result: await remove(parts, request) })),
  )
  router.put(
    '/collections/:c/index',
    send(async (request) => {
      registry.get(name(request))
      asObject(request.body, 'the body')
      return { result: { operation_id: 0, status: 'completed' } }
    }),
  )
  router.get(
    '/v1/collections/:c/topology',
    send(async (request) => ({ result: await topology(registry.get(name(request))) })),
  )
  router.get(
    '/v1/collections/:c/centroids',
    send(async (request) => ({ json: centroids(registry.get(name(request))) })),
  )
  router.post(
    '/v1/collections/:c/centroids/train',
    send(async (request) => ({ result: await install(parts, request, 'train') })),
  )
  router.put(
    '/v1/collections/:c/centroids',
    send(async (request) => ({ result: await install(parts, request, 'upload') })),
  )
  router.post(
    '/v1/collections/:c/accept-loss',
    send(async (request) => {
      const collection = registry.get(name(request))
      const reply = await collection.link.use((redis) => acceptLoss(redis, collection.scope))
      return { result: { accepted: reply[0] === 'OK', lost: reply[1] ?? null } }
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

function name(request: Request): string {
  return String(request.params.c)
}

/** The fields that qdrant-client's models require; `vectors` in the form in which the collection was created. */
async function describe(collection: Collection): Promise<unknown> {
  if (!collection.topology) await collection.refresh()
  const { config, topology: view } = collection
  const vectors = { size: config.dimension, distance: QDRANT_DISTANCE[config.metric] }
  const led = view?.cells.every((cell) => cell.leased) ?? false
  return {
    status: view === undefined || view.regressed !== '' ? 'red' : led && view.moving === 0 ? 'green' : 'yellow',
    optimizer_status: 'ok',
    points_count: view?.rows ?? 0,
    indexed_vectors_count: view?.rows ?? 0,
    segments_count: config.clusters,
    config: {
      params: {
        vectors: config.namedVector ? { '': vectors } : vectors,
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

async function create(parts: CollectionParts, request: Request): Promise<boolean> {
  const { env, registry } = parts
  const collection = name(request)
  if (!COLLECTION_NAME.test(collection)) throw badRequest(`"${collection}" is not a valid name for a collection`)
  const spec = parseCreate(request.body)
  if (registry.find(collection))
    throw new MaksError('ALREADY_EXISTS', `Wrong input: Collection \`${collection}\` already exists!`)
  if (env.MAKSDB_SUPERVISOR_URL === undefined) {
    throw new MaksError(
      'FORBIDDEN',
      `collections are VectorClusters here; apply a manifest with kubectl: {"apiVersion":"maksdb.io/v1alpha1","kind":"VectorCluster","metadata":{"name":"${collection}"},"spec":${JSON.stringify(spec)}}`,
    )
  }
  await supervisor(env, 'POST', '/collections', { collection, ...spec })
  const deadline = performance.now() + timeoutMs(request, parts.limits)
  while (performance.now() < deadline) {
    registry.reload()
    const made = registry.find(collection)
    await made?.refresh()
    if (made?.topology?.gateOpen && made.topology.cells.every((cell) => cell.leased)) return true
    await sleep(READY_POLL_MS)
  }
  throw new MaksError('TIMEOUT', `collection ${collection} was created, but is not ready yet`)
}

/** Fields of PUT /collections: what shapes the collection, what means nothing here, and what is refused. */
function parseCreate(body: unknown): { spec: Record<string, unknown>; namedVector: boolean } {
  const fields = new Fields(body, 'the body')
  const given = asObject(fields.take('vectors'), 'vectors')
  const own = fields.take('maksdb')
  fields.ignore(
    'hnsw_config',
    'optimizers_config',
    'wal_config',
    'quantization_config',
    'on_disk_payload',
    'shard_number',
    'replication_factor',
    'write_consistency_factor',
    'timeout',
    'strict_mode_config',
    'metadata',
  )
  fields.refuse('', 'sparse_vectors', 'init_from', 'sharding_method')
  fields.end()
  const namedVector = Object.hasOwn(given, '')
  if (namedVector && Object.keys(given).length > 1)
    throw new MaksError('UNSUPPORTED', 'only one vector for each point is supported')
  if (!namedVector && !Object.hasOwn(given, 'size'))
    throw new MaksError('UNSUPPORTED', 'named vectors are not supported; give "vectors" a size and a distance')
  const vector = new Fields(namedVector ? given[''] : given, 'vectors')
  const dimension = vector.number('size', { min: 1, max: 65_536, integer: true })
  const distance = vector.take('distance')
  vector.ignore('hnsw_config', 'quantization_config', 'on_disk')
  vector.refuse('', 'multivector_config', 'datatype')
  vector.end()
  if (dimension === undefined) throw badRequest('vectors: "size" is missing')
  const metric = metricOfQdrant(String(distance))
  if (metric === undefined)
    throw new MaksError('UNSUPPORTED', `distance "${String(distance)}" is not supported; use Euclid, Cosine or Dot`)
  return { spec: { ...(own === undefined ? {} : asObject(own, 'maksdb')), dimension, metric }, namedVector }
}

async function remove(parts: CollectionParts, request: Request): Promise<boolean> {
  const { env, registry } = parts
  const collection = name(request)
  if (!registry.find(collection)) return false
  if (env.MAKSDB_SUPERVISOR_URL === undefined) {
    throw new MaksError('FORBIDDEN', `collections are VectorClusters here; run: kubectl delete vc ${collection}`)
  }
  await supervisor(env, 'DELETE', `/collections/${encodeURIComponent(collection)}`)
  registry.reload()
  return true
}

async function supervisor(env: RouterEnv, method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const response = await call(`${env.MAKSDB_SUPERVISOR_URL}${path}`, {
    method,
    headers: { [INTERNAL_HEADER]: env.MAKSDB_INTERNAL_TOKEN },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new MaksError('NOT_READY', `the supervisor does not answer: ${String(error)}`)
  })
  if (response.statusCode === 200) return response.body.dump().then(() => undefined)
  const error = (await response.body.json()) as { code?: string; message?: string }
  throw new MaksError(isErrorCode(error.code) ? error.code : 'INTERNAL', error.message ?? 'the supervisor failed')
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
      copies: view.copies,
      average: view.rows === 0 ? 1 : 1 + view.copies / view.rows,
    },
    gate: view.regressed === '' ? (view.gateOpen ? 'open' : 'claiming') : 'regressed',
    regressed: view.regressed === '' ? null : view.regressed,
    cells: view.cells.map((cell, number) => {
      const pods = collection.pods(number)
      const points = pods[0]?.points ?? 0
      return {
        cell: number,
        health: partition.version === 0 ? 'ok' : cellHealth(points, view.rows, config.clusters),
        points,
        copies: pods[0]?.copies ?? 0,
        epoch: cell.epoch,
        primary: cell.leased ? cell.leader : null,
        head: cell.head.seq,
        trimmed_below: cell.trim.seq,
        wal_bytes: cell.walBytes,
        pods: pods.map(({ pod, address, port, applied, oldestSnapshot, newestSnapshot }) => ({
          pod,
          address,
          port,
          applied,
          oldest_snapshot: oldestSnapshot,
          newest_snapshot: newestSnapshot,
        })),
      }
    }),
  }
}

function centroids(collection: Collection): string {
  const { version, centroids: flat, dimension, clusters } = collection.partition
  const rows =
    version === 0
      ? []
      : Array.from({ length: clusters }, (_, cell) =>
          vectorJson(flat.subarray(cell * dimension, (cell + 1) * dimension)),
        )
  return `{"version":${version},"centroids":[${rows.join(',')}]}`
}

async function install(parts: CollectionParts, request: Request, action: CentroidsRequest['action']): Promise<unknown> {
  const collection = parts.registry.get(name(request))
  const { config } = collection
  const budgetMs = timeoutMs(request, parts.limits)
  const header: CentroidsRequest = { action, timeoutMs: budgetMs }
  const chunks: Uint8Array[] = []
  if (action === 'upload') {
    const fields = new Fields(request.body, 'the body')
    const given = fields.take('centroids')
    fields.end()
    if (!Array.isArray(given) || given.length !== config.clusters)
      throw badRequest(`"centroids" must be a list of ${config.clusters} vectors`)
    const flat = new Float32Array(config.clusters * config.dimension)
    given.forEach((vector, cell) =>
      flat.set(parseVector(vector, config.dimension, config.metric, `centroids[${cell}]`), cell * config.dimension),
    )
    chunks.push(bytesOf(flat))
  }
  const leader = collection.leader(0)
  if (!leader) throw new MaksError('NO_PRIMARY', 'cell 0 has no primary')
  try {
    const { header: answer } = await parts.shards.call<{ version: number }>(
      leader,
      RPC.centroids,
      header,
      chunks,
      budgetMs,
    )
    return { version: answer.version }
  } catch (thrown) {
    const error = asMaksError(thrown)
    throw error.code === 'CELL_UNAVAILABLE' ? new MaksError('UNKNOWN_OUTCOME', error.message, { cause: error }) : error
  }
}

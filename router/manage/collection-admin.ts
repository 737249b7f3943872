/** Creating and removing collections: the supervisor does both in local mode, kubectl on Kubernetes. */
import { request as fetch } from 'undici'
import { badRequest, MaksError } from '../../core/errors.ts'
import { metricOfQdrant } from '../../core/metric.ts'
import { DIMENSION_MAX } from '../../core/vector.ts'
import type { RouterEnv } from '../../protocol/env/config.ts'
import {
  API_VERSION,
  clusterNameFor,
  collectionNameFault,
  KIND,
  parseVectorCluster,
} from '../../protocol/manifest/vector-cluster.ts'
import { INTERNAL_HEADER } from '../../protocol/shard-rpc.ts'
import { type Call, remainingMs } from '../../runtime/call.ts'
import { errorOfReply } from '../../runtime/http-server.ts'
import { within } from '../../runtime/until.ts'
import { changeSettings, type Settings } from '../../store/settings.ts'
import type { AliasChanges } from '../cluster/alias-changes.ts'
import type { Collections } from '../cluster/collections.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import type { Points } from '../points.ts'
import { asObject, Fields, type JsonObject, NAME_SHOWN } from '../requests/json-fields.ts'
import { SettingsChange, takeSettings, takeVectorSettings } from './collection-settings.ts'

export interface CollectionParts {
  env: RouterEnv
  collections: Collections
  aliasChanges: AliasChanges
  shards: ShardClient
  points: Points
}

interface WantedCollection {
  spec: Record<string, unknown>
  settings: Settings
}

const READY_POLL_MS = 30

/** Throws TIMEOUT if the collection is made, but not ready before the call ends. */
export async function createCollection(
  parts: CollectionParts,
  collection: string,
  body: unknown,
  call: Call,
): Promise<boolean> {
  const { env, collections } = parts
  const fault = collectionNameFault(collection)
  if (fault !== undefined)
    throw badRequest(`the name ${JSON.stringify(collection)} is not valid for a collection: it ${fault}`)
  // Before its body is read: whatever a client asks of a collection that exists, "already exists" is what it looks for.
  if (collections.named(collection))
    throw new MaksError('ALREADY_EXISTS', `Wrong input: Collection \`${collection}\` already exists!`)
  if (collections.find(collection))
    throw badRequest(
      `Wrong input: Can't create collection with name ${collection}. Alias with the same name already exists`,
    )
  const wanted = parseCreate(body)
  if (env.MAKSDB_SUPERVISOR_URL === undefined) {
    const manifest = JSON.stringify(manifestOf(collection, wanted.spec))
    throw new MaksError(
      'KUBERNETES_OBJECT',
      `collections are VectorClusters here; apply this manifest with kubectl apply -f: ${manifest}`,
    )
  }
  return collections.claims.during([collection], () => create(parts, collection, wanted, call))
}

async function create(
  { env, collections }: CollectionParts,
  collection: string,
  wanted: WantedCollection,
  call: Call,
): Promise<boolean> {
  await supervisor(env, 'POST', '/collections', { collection, spec: wanted.spec })
  const ready = await within({ limitMs: remainingMs(call), everyMs: READY_POLL_MS }, async () => {
    if (call.signal.aborted) return 'ended'
    collections.reload()
    const made = collections.named(collection)
    await made?.refresh()
    return made?.topology?.gateOpen && made.topology.cells.every((_, cell) => made.leader(cell)) && 'ready'
  })
  const made = collections.named(collection)
  if (ready === 'ready' && made) {
    if (wanted.settings.size > 0) await made.link.use((redis) => changeSettings(redis, made.scope, wanted.settings))
    return true
  }
  throw new MaksError('TIMEOUT', `collection ${collection} was created, but is not ready yet`)
}

/** The VectorCluster to apply on Kubernetes for a collection. Throws BAD_REQUEST if the API server would refuse it. */
function manifestOf(collection: string, spec: Record<string, unknown>): object {
  const name = clusterNameFor(collection)
  const named = name === collection ? spec : { ...spec, collection }
  const manifest = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: named }
  parseVectorCluster(manifest)
  return manifest
}

/**
 * The body of PUT /collections/:c: the spec of a VectorCluster, without its name, and what else a client reads back. Throws
 * BAD_REQUEST or UNSUPPORTED.
 */
export function parseCreate(body: unknown): WantedCollection {
  const change = new SettingsChange()
  const fields = new Fields(body, 'the body')
  const given = asObject(fields.take('vectors'), 'vectors')
  const own = fields.take('maksdb')
  takeSettings(fields, change)
  change.set('on_disk_payload', fields.boolean('on_disk_payload'))
  fields.ignore('shard_number', 'replication_factor', 'write_consistency_factor', 'timeout')
  fields.refuse('', 'sparse_vectors', 'init_from', 'sharding_method', 'strict_mode_config')
  fields.end()
  const vectorName = nameOfVector(given)
  const vector = new Fields(vectorName === undefined ? given : given[vectorName], 'vectors')
  const dimension = vector.number('size', { min: 1, max: DIMENSION_MAX, integer: true })
  const distance = vector.take('distance')
  takeVectorSettings(vector, change)
  vector.refuse('', 'multivector_config', 'datatype')
  vector.end()
  if (dimension === undefined) throw badRequest('vectors: "size" is missing')
  if (distance === undefined) throw badRequest('vectors: "distance" is missing; use Euclid, Cosine or Dot')
  if (typeof distance !== 'string') throw badRequest('vectors: "distance" must be a text')
  const metric = metricOfQdrant(distance)
  if (metric === undefined)
    throw new MaksError(
      'UNSUPPORTED',
      `distance "${distance.slice(0, NAME_SHOWN)}" is not supported; use Euclid, Cosine or Dot`,
    )
  const name = vectorName === undefined ? {} : { vectorName }
  const spec = { ...(own === undefined ? {} : asObject(own, 'maksdb')), dimension, metric, ...name }
  return { spec, settings: change.settings }
}

/** The name under which `vectors` has its one vector; undefined if it has the vector itself. Throws UNSUPPORTED for several. */
function nameOfVector(vectors: JsonObject): string | undefined {
  const isField = (name: string) =>
    Object.hasOwn(vectors, name) && (typeof vectors[name] !== 'object' || vectors[name] === null)
  const [name, another] = Object.keys(vectors)
  if (name === undefined || isField('size') || isField('distance')) return undefined
  if (another !== undefined) throw new MaksError('UNSUPPORTED', 'only one vector for each point is supported')
  return name
}

/** An alias is no collection: as in Qdrant, nothing is removed by it. */
export async function removeCollection(parts: CollectionParts, collection: string): Promise<boolean> {
  const { env, collections, aliasChanges } = parts
  const there = collections.named(collection)
  if (!there) return false
  if (env.MAKSDB_SUPERVISOR_URL === undefined) {
    const { namespace, name } = there.config
    throw new MaksError(
      'KUBERNETES_OBJECT',
      `collections are VectorClusters here; run: kubectl delete vc ${name} -n ${namespace}`,
    )
  }
  await aliasChanges.forget(collection)
  await supervisor(env, 'DELETE', `/collections/${encodeURIComponent(collection)}`)
  collections.reload()
  return true
}

async function supervisor(env: RouterEnv, method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${env.MAKSDB_SUPERVISOR_URL}${path}`, {
    method,
    headers: { [INTERNAL_HEADER]: env.MAKSDB_INTERNAL_TOKEN },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new MaksError('NOT_READY', `the supervisor does not answer: ${String(error)}`)
  })
  if (response.statusCode === 200) return response.body.dump().then(() => undefined)
  throw errorOfReply(await response.body.text())
}

/** Manifests of local mode: YAML files with VectorClusters and the ConfigMaps and Secrets that they name. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { badRequest, MaksError } from '../core/errors.ts'
import {
  API_VERSION,
  clusterNameFor,
  KIND,
  parseVectorCluster,
  type VectorCluster,
  vectorClusterSchema,
} from '../protocol/manifest/vector-cluster.ts'
import type { DataDir, StoredCluster } from './data-dir.ts'
import { fileProblem } from './file-problem.ts'

const namedSchema = z.object({
  kind: z.enum(['ConfigMap', 'Secret']),
  metadata: z.object({ name: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
  stringData: z.record(z.string(), z.string()).optional(),
})

export interface Manifests {
  clusters: StoredCluster[]
  /** Supplied centroids as JSON, by the name of the VectorCluster. */
  centroids: Map<string, string>
}

/** The VectorClusters of files, what they name resolved. Throws one sentence that names file and field. */
export function readManifests(files: readonly string[]): Manifests {
  const documents = files.flatMap(readDocuments)
  const values = new Map<string, string>()
  for (const document of documents) {
    const named = namedSchema.safeParse(document)
    if (!named.success) continue
    const { kind, metadata, data = {}, stringData = {} } = named.data
    const decoded =
      kind === 'Secret'
        ? Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]))
        : data
    for (const [key, text] of Object.entries({ ...decoded, ...stringData }))
      values.set(`${kind}/${metadata.name}/${key}`, text)
  }
  const clusters = documents
    .filter((document) => (document as { kind?: unknown } | null)?.kind === KIND)
    .map(parseVectorCluster)
  if (clusters.length === 0) throw badRequest(`${files.join(', ')}: the files contain no ${KIND}`)
  const centroids = new Map<string, string>()
  return { clusters: clusters.map((manifest) => resolve(manifest, values, centroids)), centroids }
}

/** Puts supplied centroids where the shards read them. */
export function storeCentroids(dir: DataDir, centroids: ReadonlyMap<string, string>): void {
  for (const [name, text] of centroids) {
    mkdirSync(dir.clusterDir(name), { recursive: true, mode: 0o700 })
    dir.write(join('clusters', name, 'centroids.json'), text)
  }
}

function readDocuments(file: string): unknown[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw fileProblem(file, 'read', error)
  }
  try {
    return parseAllDocuments(text).map((document) => {
      if (document.errors[0]) throw document.errors[0]
      return document.toJS() as unknown
    })
  } catch (error) {
    // Of a message only the first line: the lines after it draw the place.
    throw badRequest(`${file} is not YAML: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  }
}

function resolve(manifest: VectorCluster, values: Map<string, string>, centroids: Map<string, string>): StoredCluster {
  const { spec, metadata } = manifest
  checkBuilt(manifest)
  const external = spec.redis.external?.urlSecretRef
  const redisUrl = external === undefined ? null : values.get(`Secret/${external.name}/${external.key}`)
  if (redisUrl === undefined)
    throw badRequest(
      `${metadata.name}: spec.redis.external.urlSecretRef: there is no Secret ${external?.name} with ${external?.key} in the files`,
    )
  const ref = spec.centroids.configMapRef
  if (ref !== undefined) {
    const text = values.get(`ConfigMap/${ref.name}/${ref.key}`)
    if (text === undefined)
      throw badRequest(
        `${metadata.name}: spec.centroids.configMapRef: there is no ConfigMap ${ref.name} with ${ref.key} in the files`,
      )
    checkCentroids(manifest, text)
    centroids.set(metadata.name, text)
  }
  return { manifest, extras: { redisUrl, hasCentroids: ref !== undefined } }
}

function checkCentroids({ metadata, spec }: VectorCluster, text: string): void {
  const shape = z
    .array(z.array(z.number().refine((x) => Number.isFinite(Math.fround(x)))).length(spec.dimension))
    .length(spec.clusters)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (!shape.safeParse(value).success)
    throw badRequest(
      `${metadata.name}: the supplied centroids must be ${spec.clusters} lists of ${spec.dimension} finite float32 numbers, as JSON`,
    )
}

/** What the schema allows and this version does not do yet is refused by name. */
export function checkBuilt({ metadata, spec }: VectorCluster): void {
  for (const field of ['tls', 'auth'] as const) {
    if (spec[field] !== undefined)
      throw new MaksError('UNSUPPORTED', `${metadata.name}: spec.${field} has no effect in local mode; use --api-key`)
  }
}

const storedSchema = z.array(
  z.object({
    manifest: vectorClusterSchema,
    extras: z.object({ redisUrl: z.string().nullable(), hasCentroids: z.boolean() }),
  }),
)

export function parseStoredClusters(value: unknown): StoredCluster[] {
  return storedSchema.parse(value)
}

export interface CollectionRequest {
  collection: string
  spec: Record<string, unknown>
}

/** The VectorCluster behind `PUT /collections/{c}`: its name is made from the collection's, which may hold any character. */
export function clusterOfCollection({ collection, spec }: CollectionRequest): StoredCluster {
  const manifest = parseVectorCluster({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: clusterNameFor(collection) },
    spec: { ...spec, collection },
  })
  checkBuilt(manifest)
  if (manifest.spec.redis.external)
    throw new MaksError('UNSUPPORTED', 'maksdb.redis: an external Redis needs a manifest')
  return { manifest, extras: { redisUrl: null, hasCentroids: false } }
}

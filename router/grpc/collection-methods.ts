/** The service `qdrant.Collections`. */
import { exactParse, exactStringify } from '../../core/json/exact-json.ts'
import { createCollection, removeCollection } from '../manage/collection-admin.ts'
import { countOf, describe } from '../manage/collection-description.ts'
import { type Answer, type Asked, collectionOf, type Run } from './methods.ts'
import type { Message } from './wire/decode.ts'

/** The names of a description that have another name in messages. */
interface Described {
  status: string
  points_count: number
  indexed_vectors_count: number
  segments_count: number
  config: Message & { params: Message & { vectors: Message } }
  payload_schema: Record<string, { data_type: string; points: number }>
}

function createOf({ vectors_config: vectors = {}, metadata, ...body }: Message): Message {
  return { ...body, vectors, ...(metadata === undefined ? {} : { metadata }) }
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)

async function info(asked: Asked): Promise<Answer> {
  const collection = collectionOf(asked)
  const counted = await countOf(asked.parts.points, collection, asked.call)
  // As REST shows it: what of it is no JSON is left out.
  const shown = exactParse(exactStringify(await describe(collection, counted))) as Described
  const { vectors, ...params } = shown.config.params
  const config = { ...shown.config, params: { ...params, vectors_config: vectorsConfig(vectors) } }
  const schema = Object.entries(shown.payload_schema).map(([field, { data_type, points }]): [string, object] => [
    field,
    { data_type: capital(data_type), points },
  ])
  const result = {
    ...shown,
    status: capital(shown.status),
    optimizer_status: { ok: true },
    config,
    payload_schema: Object.fromEntries(schema),
  }
  return { message: { result } }
}

function vectorsConfig(vectors: Message): object {
  return typeof vectors.size === 'number' ? { params: vectors } : { params_map: { map: vectors } }
}

export const COLLECTION_METHODS: Readonly<Record<string, Run>> = {
  Get: { writes: false, run: info },
  List: {
    writes: false,
    run: async ({ parts }) => ({ message: { collections: parts.collections.names.map((name) => ({ name })) } }),
  },
  CollectionExists: {
    writes: false,
    run: async ({ parts, collection }) => ({
      message: { result: { exists: parts.collections.find(collection) !== undefined } },
    }),
  },
  Create: {
    writes: true,
    run: async ({ parts, collection, body, call }) => ({
      message: { result: await createCollection(parts, collection, createOf(body), call) },
    }),
  },
  Delete: {
    writes: true,
    run: async ({ parts, collection }) => ({ message: { result: await removeCollection(parts, collection) } }),
  },
}

/**
 * What platforms send, as read from their sources, request by request: the platforms themselves are too large to install, or are
 * no packages. The second argument names one.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { check } from './checks.ts'

const [url, platform] = process.argv.slice(2) as [string, string]
const NAME = `replay-${platform}`

interface Answer {
  status: number
  result: unknown
  error: string
}

async function send(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const json = (await response.json()) as { result?: unknown; status?: { error?: string } }
  return { status: response.status, result: json.result, error: json.status?.error ?? '' }
}

/** Fails with the server's reason, unless it answers with 200. */
async function ok(method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, result, error } = await send(method, path, body)
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${error}`)
  return result
}

const post = (path: string, body: unknown) => ok('POST', `/collections/${NAME}${path}`, body)
const put = (path: string, body: unknown) => ok('PUT', `/collections/${NAME}${path}`, body)
const index = (field_name: string, field_schema: unknown) => put('/index?wait=true', { field_name, field_schema })
const ids = (result: unknown) => {
  const points = (result as { points?: { id: unknown }[] }).points ?? (result as { id: unknown }[])
  return points.map(({ id }) => id)
}
const tenant = (key: string, value: string) => ({ key, match: { value } })

async function create(body: unknown): Promise<void> {
  await send('DELETE', `/collections/${NAME}`)
  await ok('PUT', `/collections/${NAME}`, body)
}

const three = [
  {
    id: 1,
    vector: [1, 0],
    payload: { tenant_id: 'a', metadata: { user_id: 'u1', n: 1 }, page_content: 'red apples', group_id: 'g1' },
  },
  {
    id: 2,
    vector: [0.8, 0.6],
    payload: { tenant_id: 'a', metadata: { user_id: 'u2', n: 2 }, page_content: 'Green pears', group_id: 'g1' },
  },
  {
    id: 3,
    vector: [0, 1],
    payload: { tenant_id: 'b', metadata: { user_id: 'u1', n: 3 }, page_content: 'red wine', group_id: 'g2' },
  },
]

const PLATFORMS: Record<string, () => Promise<void>> = {
  /** open_webui/retrieval/vector/dbs/qdrant_multitenancy.py, 0.12.4 */
  'open-webui': async () => {
    await check('create a collection with a tenant index', async () => {
      await create({ vectors: { size: 2, distance: 'Cosine', on_disk: false }, hnsw_config: { payload_m: 16, m: 0 } })
      await index('tenant_id', { type: 'keyword', is_tenant: true, on_disk: false })
      const again = await send('PUT', `/collections/${NAME}`, { vectors: { size: 2, distance: 'Cosine' } })
      equal(again.status, 409)
      match(again.error, /already exists/)
    })
    await check('upload points, search of a tenant with a limit of 999999999', async () => {
      await put('/points?wait=true', { points: three })
      const filter = { must: [tenant('tenant_id', 'a')] }
      deepEqual(
        ids(await post('/points/query', { query: [1, 0], limit: 999_999_999, filter, with_payload: true })),
        [1, 2],
      )
      deepEqual(ids(await post('/points/query', { limit: 999_999_999, filter })), [1, 2])
    })
    await check('count and scroll of a tenant', async () => {
      const filter = { must: [tenant('tenant_id', 'a'), tenant('metadata.user_id', 'u2')] }
      deepEqual(await post('/points/count', { filter, exact: true }), { count: 1 })
      deepEqual(ids(await post('/points/scroll', { filter, limit: 100, with_payload: true })), [2])
    })
    await check('delete by ids within a tenant', async () => {
      await post('/points/delete?wait=true', { filter: { must: [tenant('tenant_id', 'a'), { has_id: [1, 3] }] } })
      deepEqual(ids(await post('/points/scroll', {})), [2, 3])
    })
    await check('a should beside a must needs one of each', async () => {
      const filter = { must: [tenant('tenant_id', 'a')], should: [tenant('metadata.user_id', 'u9')] }
      deepEqual(ids(await post('/points/scroll', { filter })), [])
    })
  },
  /** api/core/rag/datasource/vdb/qdrant/qdrant_vector.py, 312be5e */
  dify: async () => {
    await check('create a collection with its four indexes', async () => {
      await create({
        vectors: { size: 2, distance: 'Cosine' },
        hnsw_config: { m: 0, payload_m: 16 },
        replication_factor: 1,
      })
      for (const field of ['group_id', 'metadata.doc_id', 'metadata.document_id']) await index(field, 'keyword')
      const text = { type: 'text', tokenizer: 'multilingual', min_token_len: 2, max_token_len: 20, lowercase: true }
      await index('page_content', text)
      await put('/points?wait=true', { points: three })
    })
    await check('search of a group with a threshold', async () => {
      const filter = { must: [tenant('group_id', 'g1')] }
      const body = { vector: [1, 0], filter, limit: 4, with_payload: true, with_vector: true, score_threshold: 0.9 }
      deepEqual(ids(await post('/points/search', body)), [1])
    })
    await check('full text by scroll', async () => {
      const filter = { must: [tenant('group_id', 'g1'), { key: 'page_content', match: { text: 'pears' } }] }
      deepEqual(ids(await post('/points/scroll', { filter, limit: 4, with_payload: true })), [2])
    })
    await check('delete by filter', async () => {
      await post('/points/delete', { filter: { must: [tenant('group_id', 'g1')] } })
      deepEqual(ids(await post('/points/scroll', {})), [3])
    })
  },
  /** mem0/vector_stores/qdrant.py, 2.2.1 */
  mem0: async () => {
    await check('create a collection with sparse vectors for bm25', async () => {
      await create({ vectors: { size: 2, distance: 'Cosine' }, sparse_vectors: { bm25: { modifier: 'idf' } } })
    })
    await check('insert under the empty name, search of a user', async () => {
      await create({ vectors: { size: 2, distance: 'Cosine' } })
      await index('user_id', 'keyword')
      const point = {
        id: '550e8400-e29b-41d4-a716-446655440000',
        vector: { '': [1, 0] },
        payload: { user_id: 'u1', data: 'x' },
      }
      await put('/points?wait=true', { points: [point] })
      const filter = { must: [tenant('user_id', 'u1')] }
      deepEqual(ids(await post('/points/query', { query: [1, 0], filter, limit: 5 })), [point.id])
    })
    await check('set payload, update vectors', async () => {
      const id = '550e8400-e29b-41d4-a716-446655440000'
      await post('/points/payload?wait=true', { payload: { data: 'y' }, points: [id] })
      await put('/points/vectors?wait=true', { points: [{ id, vector: { '': [0, 1] } }] })
      const [point] = (await post('/points', { ids: [id], with_payload: true, with_vector: true })) as unknown[]
      deepEqual(point, { id, payload: { user_id: 'u1', data: 'y' }, vector: [0, 1] })
    })
    await check('reset', async () => {
      await ok('DELETE', `/collections/${NAME}`)
    })
  },
  /** mem0-ts/src/oss/src/vector_stores/qdrant.ts, 03b9e1d */
  'mem0-ts': async () => {
    await check('a zero vector of one number under Cosine, as a marker of the user', async () => {
      await create({ vectors: { size: 1, distance: 'Cosine' } })
      await put('/points?wait=true', { points: [{ id: 1, vector: [0], payload: { user_id: 'u' } }] })
      deepEqual(ids(await post('/points/scroll', { limit: 1, with_payload: true })), [1])
    })
  },
  /** crewai/rag/qdrant/client.py, 1.15.30 */
  crewai: async () => {
    await check('search with a metadata filter and its threshold', async () => {
      await create({
        vectors: { size: 2, distance: 'Cosine' },
        quantization_config: { scalar: { type: 'int8', always_ram: true } },
      })
      await put('/points?wait=true', { points: three })
      const filter = { must: [tenant('tenant_id', 'a')] }
      const body = { query: [1, 0], filter, limit: 5, score_threshold: 0.6, with_payload: true, with_vector: false }
      deepEqual(ids(await post('/points/query', body)), [1, 2])
    })
  },
  /** qdrant_txtai/ann/qdrant.py, 2.0.0 */
  txtai: async () => {
    await check('batch upsert, search/batch, count, delete', async () => {
      await create({ vectors: { size: 2, distance: 'Cosine' } })
      await put('/points?wait=true', {
        batch: {
          ids: [0, 1],
          vectors: [
            [1, 0],
            [0, 1],
          ],
        },
      })
      const searches = [
        { vector: [1, 0], limit: 1 },
        { vector: [0, 1], limit: 1 },
      ]
      deepEqual(((await post('/points/search/batch', { searches })) as unknown[]).map(ids), [[0], [1]])
      await post('/points/delete?wait=true', { points: [0] })
      deepEqual(await post('/points/count', { exact: true }), { count: 1 })
    })
  },
  /** src/services/code-index/vector-store/qdrant-client.ts, 24ffa82 */
  'roo-code': async () => {
    await check('indexes of path segments, a marker of zeros', async () => {
      await create({
        vectors: { size: 2, distance: 'Cosine', on_disk: true },
        hnsw_config: { m: 64, ef_construct: 512, on_disk: true },
      })
      for (let i = 0; i < 5; i++) await index(`pathSegments.${i}`, 'keyword')
      await index('type', 'keyword')
      await put('/points?wait=true', {
        points: [{ id: 9, vector: [0, 0], payload: { type: 'metadata', indexing_complete: true } }],
      })
      const code = { id: 1, vector: [1, 0], payload: { filePath: 'src/a.ts', pathSegments: { 0: 'src', 1: 'a.ts' } } }
      await put('/points?wait=true', { points: [code] })
    })
    await check('points_count says at once whether there is data', async () => {
      const { points_count, indexed_vectors_count } = (await ok('GET', `/collections/${NAME}`)) as Record<
        string,
        unknown
      >
      deepEqual([points_count, indexed_vectors_count], [2, 2])
    })
    await check('search within a folder, without the marker', async () => {
      const filter = { must: [tenant('pathSegments.0', 'src')], must_not: [tenant('type', 'metadata')] }
      const params = { hnsw_ef: 128, exact: false }
      const with_payload = { include: ['filePath', 'pathSegments'] }
      deepEqual(
        ids(
          await post('/points/query', { query: [1, 0], filter, score_threshold: 0.4, limit: 50, params, with_payload }),
        ),
        [1],
      )
    })
    await check('delete by files, then everything', async () => {
      const should = [{ must: [tenant('pathSegments.0', 'src'), tenant('pathSegments.1', 'a.ts')] }]
      await post('/points/delete?wait=true', { filter: { should } })
      deepEqual(ids(await post('/points/scroll', {})), [9])
      await post('/points/delete?wait=true', { filter: { must: [] } })
      deepEqual(await post('/points/count', { exact: true }), { count: 0 })
    })
  },
  /** server/utils/vectorDbProviders/qdrant/index.js, 51171951042 */
  'anything-llm': async () => {
    await check('ask for the cluster, batch upsert, search', async () => {
      await create({ vectors: { size: 2, distance: 'Cosine' } })
      deepEqual(await ok('GET', '/cluster'), { status: 'disabled' })
      await put('/points?wait=true', { batch: { ids: [1], vectors: [[1, 0]], payloads: [{ text: 'x' }] } })
      deepEqual(ids(await post('/points/search', { vector: [1, 0], limit: 4, with_payload: true })), [1])
      deepEqual(await post('/points/count', { exact: true }), { count: 1 })
    })
  },
  /** agent_framework_qdrant, 1.0.0a */
  'agent-framework': async () => {
    await check('a named vector, metadata that is read back, has_id of an empty list', async () => {
      await create({ vectors: { text: { size: 2, distance: 'Cosine' } }, hnsw_config: { m: 16 } })
      const { config } = (await ok('GET', `/collections/${NAME}`)) as {
        config: Record<string, { m?: number; vectors?: unknown }>
      }
      equal(config.hnsw_config?.m, 16)
      deepEqual(config.params?.vectors, { text: { size: 2, distance: 'Cosine' } })
      await put('/points?wait=true', { points: [{ id: 1, vector: { text: [1, 0] }, payload: { tags: ['x'] } }] })
      deepEqual(ids(await post('/points/scroll', { filter: { must: [{ has_id: [] }] } })), [])
      deepEqual(
        ids(await post('/points/scroll', { filter: { must: [{ key: 'tags', values_count: { gte: 0 } }] } })),
        [1],
      )
    })
    await check('a collection that is absent is named as such', async () => {
      const { status, error } = await send('POST', '/collections/absent-one/points/query', { query: [1, 0] })
      equal(status, 404)
      match(error, /doesn't exist/)
    })
  },
}

await PLATFORMS[platform]?.()
await send('DELETE', `/collections/${NAME}`)

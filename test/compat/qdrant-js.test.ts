/** Unmodified clients of Qdrant: its own for JavaScript, and LangChain's store on top of it. */
import { FakeEmbeddings } from '@langchain/core/utils/testing'
import { QdrantVectorStore } from '@langchain/qdrant'
import { QdrantClient } from '@qdrant/js-client-rest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
let qdrant: QdrantClient
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
  qdrant = new QdrantClient({ url: cluster.url })
})
afterAll(() => cluster.close())

describe('@qdrant/js-client-rest', () => {
  it('creates, writes, reads, searches, scrolls, counts, deletes', async () => {
    await qdrant.createCollection('js', { vectors: { size: 4, distance: 'Cosine' } })
    expect(await qdrant.collectionExists('js')).toEqual({ exists: true })
    expect((await qdrant.getCollections()).collections.map(({ name }) => name).sort()).toEqual(['js', 'things'])
    expect((await qdrant.getCollection('js')).config.params.vectors).toEqual({ size: 4, distance: 'Cosine' })
    const written = await qdrant.upsert('js', {
      wait: true,
      points: [
        { id: 1, vector: [1, 0, 0, 0], payload: { city: 'Berlin' } },
        { id: '550e8400-e29b-41d4-a716-446655440000', vector: [0, 1, 0, 0], payload: { city: 'Rome' } },
        { id: 3, vector: [0.9, 0.1, 0, 0] },
      ],
    })
    expect(written.status).toBe('completed')
    const found = await qdrant.query('js', { query: [1, 0, 0, 0], limit: 2, with_payload: true })
    expect(found.points.map(({ id }) => id)).toEqual([1, 3])
    expect(found.points[0]).toMatchObject({
      score: 1,
      payload: { city: 'Berlin' },
      version: expect.any(Number) as number,
    })
    expect(
      (
        await qdrant.queryBatch('js', {
          searches: [
            { query: 1, limit: 1 },
            { query: { nearest: [0, 1, 0, 0] }, limit: 1 },
          ],
        })
      ).map(({ points }) => points[0]?.id),
    ).toEqual([3, '550e8400-e29b-41d4-a716-446655440000'])
    expect(
      (await qdrant.retrieve('js', { ids: [1, 99], with_vector: true })).map(({ id, vector }) => [id, vector]),
    ).toEqual([[1, [1, 0, 0, 0]]])
    const page = await qdrant.scroll('js', { limit: 2 })
    expect([page.points.map(({ id }) => id), page.next_page_offset]).toEqual([
      [1, 3],
      '550e8400-e29b-41d4-a716-446655440000',
    ])
    expect(await qdrant.count('js', { exact: true })).toEqual({ count: 3 })
    await qdrant.delete('js', { wait: true, points: [3] })
    expect(await qdrant.count('js')).toEqual({ count: 2 })
    await qdrant.createPayloadIndex('js', { field_name: 'city', field_schema: 'keyword', wait: true })
    expect(await qdrant.deleteCollection('js')).toBe(true)
    expect(await qdrant.collectionExists('js')).toEqual({ exists: false })
  })

  it('names its one vector, and gets it back by this name', async () => {
    await qdrant.createCollection('named', { vectors: { text: { size: 2, distance: 'Cosine' } } })
    expect((await qdrant.getCollection('named')).config.params.vectors).toEqual({
      text: { size: 2, distance: 'Cosine' },
    })
    const points = [
      { id: 1, vector: { text: [0.6, 0.8] }, payload: { n: 1 } },
      // As Roo Code and mem0 write their markers.
      { id: 2, vector: { text: [0, 0] } },
    ]
    await qdrant.upsert('named', { wait: true, points })
    const found = await qdrant.query('named', { query: [3, 4], using: 'text', with_vector: ['text'] })
    expect(found.points.map(({ id, score, vector }) => [id, score, vector])).toEqual([
      [1, 1, { text: [0.6, 0.8] }],
      [2, 0, { text: [0, 0] }],
    ])
    const page = await qdrant.scroll('named', { with_vector: true, limit: 999_999_999 })
    expect(page.points.map(({ vector }) => vector)).toEqual([{ text: [0.6, 0.8] }, { text: [0, 0] }])
    expect((await qdrant.query('named', {})).points.map(({ id }) => id)).toEqual([1, 2])
    await qdrant.deleteCollection('named')
  })

  it('reads back what it gave a collection when it made it, and later', async () => {
    const metadata = { app: 'store', version: 1 }
    const vectors = { size: 2, distance: 'Dot', hnsw_config: { m: 8 } } as const
    await qdrant.createCollection('tuned', { vectors, hnsw_config: { m: 24 }, metadata })
    await qdrant.updateCollection('tuned', { quantization_config: { binary: { always_ram: true } } })
    await qdrant.updateCollection('tuned', { metadata: { version: 2 }, optimizers_config: { max_segment_size: 9 } })
    await qdrant.createPayloadIndex('tuned', {
      field_name: 'user_id',
      field_schema: { type: 'keyword', is_tenant: true },
    })
    await qdrant.createPayloadIndex('tuned', { field_name: 'metadata.year', field_schema: 'integer' })
    const { config, payload_schema } = await qdrant.getCollection('tuned')
    expect(config).toMatchObject({
      params: { vectors },
      hnsw_config: { m: 24, ef_construct: 100 },
      quantization_config: { binary: { always_ram: true } },
      optimizer_config: { max_segment_size: 9 },
      metadata: { app: 'store', version: 2 },
    })
    expect(payload_schema).toMatchObject({
      user_id: { data_type: 'keyword', params: { type: 'keyword', is_tenant: true } },
      'metadata.year': { data_type: 'integer' },
    })
    await qdrant.deletePayloadIndex('tuned', 'metadata.year')
    expect(Object.keys((await qdrant.getCollection('tuned')).payload_schema)).toEqual(['user_id'])
    await qdrant.deleteCollection('tuned')
  })

  it('asks of the cluster what its tools ask', async () => {
    expect((await cluster.fetch('GET', '/cluster')).json.result).toEqual({ status: 'disabled' })
    expect(await qdrant.collectionClusterInfo('things')).toMatchObject({ shard_count: 1, remote_shards: [] })
  })

  it('works on collections by aliases, and switches them at once, though each collection has its own Redis', async () => {
    const vectors = { size: 3, distance: 'Euclid' } as const
    await qdrant.createCollection('green', { vectors })
    await qdrant.upsert('green', { wait: true, points: [{ id: 900, vector: [9, 9, 9] }] })
    const change = (...actions: Parameters<typeof qdrant.updateCollectionAliases>[0]['actions']) =>
      qdrant.updateCollectionAliases({ actions })
    const create = (alias_name: string, collection_name: string) => ({ create_alias: { alias_name, collection_name } })
    expect(await qdrant.getAliases()).toEqual({ aliases: [] })
    expect(await change(create('live', 'things'), create('old', 'things'))).toBe(true)
    expect((await qdrant.collectionExists('live')).exists).toBe(true)
    expect((await qdrant.count('live')).count).toBe((await qdrant.count('things')).count)
    await change({ delete_alias: { alias_name: 'live' } }, create('live', 'green'))
    expect((await qdrant.scroll('live')).points.map(({ id }) => id)).toEqual([900])
    expect((await qdrant.getCollection('live')).config.params.vectors).toEqual(vectors)
    expect(await qdrant.getCollectionAliases('things')).toEqual({
      aliases: [{ alias_name: 'old', collection_name: 'things' }],
    })
    await expect(change(create('things', 'green'))).rejects.toMatchObject({ status: 409 })
    await expect(qdrant.createCollection('live', { vectors })).rejects.toMatchObject({ status: 400 })
    await change({ rename_alias: { old_alias_name: 'old', new_alias_name: 'older' } })
    expect(await qdrant.deleteCollection('live')).toBe(false)
    await qdrant.deleteCollection('green')
    expect(await qdrant.getAliases()).toEqual({ aliases: [{ alias_name: 'older', collection_name: 'things' }] })
    await expect(qdrant.count('live')).rejects.toMatchObject({ status: 404 })
    await change({ delete_alias: { alias_name: 'older' } })
  })

  it('shows our errors as its own', async () => {
    await expect(qdrant.upsert('things', { points: [{ id: 1, vector: [1] }] })).rejects.toMatchObject({ status: 400 })
    const absent = qdrant.getCollection('absent')
    const says = (text: string) => ({ status: { error: expect.stringContaining(text) as unknown } })
    await expect(absent).rejects.toMatchObject({ status: 404, data: says("doesn't exist") })
    const again = qdrant.createCollection('things', { vectors: { size: 2, distance: 'Dot' } })
    await expect(again).rejects.toMatchObject({ status: 409, data: says('already exists') })
  })
})

describe('LangChain', () => {
  it('adds documents, finds the similar ones and deletes by id', async () => {
    const store = await QdrantVectorStore.fromTexts(
      ['one', 'two', 'three'],
      [{ n: 1 }, { n: 2 }, { n: 3 }],
      new FakeEmbeddings(),
      { url: cluster.url, collectionName: 'langchain' },
    )
    const found = await store.similaritySearch('one', 2)
    expect(found).toHaveLength(2)
    expect(found[0]?.metadata).toHaveProperty('n')
    await store.delete({ ids: found.map(({ id }) => id as string) })
    expect(await qdrant.count('langchain')).toEqual({ count: 1 })
  })
})

/** The requests of LangChain and LlamaIndex for Python, as they were captured, where they need no filter and no MMR. */
describe('captured requests of Python clients', () => {
  const call = async (method: string, path: string, body?: unknown) => (await cluster.fetch(method, path, body)).json

  it('LangChain: a collection with the vector named "", written and asked by that name', async () => {
    await call('PUT', '/collections/lc-py', { vectors: { '': { size: 4, distance: 'Cosine' } }, sparse_vectors: {} })
    expect(
      await call('PUT', '/collections/lc-py/points?wait=true', {
        points: [
          {
            id: 'f4ef0cbb8a7c4d5c9d8b3a1f2e4d5c6b',
            vector: { '': [1, 0, 0, 0] },
            payload: { page_content: 'x', metadata: { k: 1 } },
          },
        ],
      }),
    ).toMatchObject({ result: { status: 'completed' }, status: 'ok' })
    const found = await call('POST', '/collections/lc-py/points/query', {
      query: [1, 0, 0, 0],
      using: '',
      filter: null,
      params: null,
      score_threshold: null,
      limit: 4,
      offset: 0,
      with_payload: true,
      with_vector: false,
      lookup_from: null,
      shard_key: null,
    })
    expect(found.result).toMatchObject({
      points: [{ id: 'f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6b', payload: { page_content: 'x', metadata: { k: 1 } } }],
    })
    expect(
      await call('POST', '/collections/lc-py/points', {
        ids: ['f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6b'],
        with_payload: true,
        with_vector: null,
      }),
    ).toMatchObject({ result: [{ payload: { page_content: 'x' } }] })
  })

  it('LlamaIndex: an unnamed collection, an index on doc_id, points with the vector named ""', async () => {
    await call('PUT', '/collections/li-py', { vectors: { size: 4, distance: 'Cosine' } })
    expect(
      await call('PUT', '/collections/li-py/index?wait=true', { field_name: 'doc_id', field_schema: 'keyword' }),
    ).toMatchObject({ status: 'ok' })
    expect(
      await call('PUT', '/collections/li-py/points?wait=true', {
        points: [
          { id: 'f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6c', vector: { '': [0, 1, 0, 0] }, payload: { doc_id: 'd' } },
        ],
      }),
    ).toMatchObject({ status: 'ok' })
    expect(
      await call('POST', '/collections/li-py/points/query', {
        query: { nearest: [0, 1, 0, 0] },
        filter: { must: [] },
        limit: 2,
        with_payload: true,
      }),
    ).toMatchObject({ result: { points: [{ payload: { doc_id: 'd' } }] } })
    expect(
      await call('POST', '/collections/li-py/points/delete?wait=true&ordering=weak', {
        points: ['f4ef0cbb8a7c4d5c9d8b3a1f2e4d5c6c'],
      }),
    ).toMatchObject({ result: { status: 'completed' } })
  })
})

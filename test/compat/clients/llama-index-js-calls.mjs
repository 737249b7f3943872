/** What programs do with LlamaIndex's store for Qdrant in JavaScript. */
import { deepEqual } from 'node:assert/strict'
import { TextNode } from '@llamaindex/core/schema'
import { QdrantVectorStore } from '@llamaindex/qdrant'
import { check } from './checks.ts'

const collectionName = 'calls-llama-js'
const store = new QdrantVectorStore({ collectionName, url: process.argv[2], embedModel: { embedBatchSize: 10 } })
const IDS = [0, 1, 2, 3].map((i) => `f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6${i}`)
const nodes = IDS.map((id_, i) => {
  const node = new TextNode({ id_, text: `text ${i}`, metadata: { n: i, color: i % 2 === 0 ? 'red' : 'blue' } })
  node.relationships = { SOURCE: { nodeId: `doc-${i % 2}`, metadata: {} } }
  node.embedding = [1, i]
  return node
})
const found = async (filters) =>
  (
    await store.query({ queryEmbedding: [1, 0], similarityTopK: 10, mode: 'default', ...(filters ? { filters } : {}) })
  ).ids.sort()

await check('create a collection, add nodes', async () => {
  await store
    .client()
    .deleteCollection(collectionName)
    .catch(() => undefined)
  deepEqual(await store.add(nodes), IDS)
})
await check('query', async () => deepEqual(await found(), IDS))
await check('query with metadata filters', async () => {
  deepEqual(await found({ filters: [{ key: 'color', value: 'red', operator: '==' }] }), [IDS[0], IDS[2]])
  deepEqual(
    await found({
      filters: [
        { key: 'n', value: 1, operator: '>' },
        { key: 'color', value: 'red', operator: '==' },
      ],
      condition: 'and',
    }),
    [IDS[2]],
  )
  deepEqual(await found({ filters: [{ key: 'color', value: ['red'], operator: 'in' }] }), [IDS[0], IDS[2]])
})
await check('delete a document', async () => {
  await store.delete('doc-1')
  await store.client().deleteCollection(collectionName)
})

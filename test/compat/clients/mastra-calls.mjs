/** What programs do with Mastra's store of vectors for Qdrant. */
import { deepEqual, equal } from 'node:assert/strict'
import { QdrantVector } from '@mastra/qdrant'
import { check } from './checks.ts'

const store = new QdrantVector({ id: 'maksdb', url: process.argv[2] })
const indexName = 'calls-mastra'
const IDS = [0, 1, 2, 3].map((i) => `f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6${i}`)
const found = async (filter) =>
  (await store.query({ indexName, queryVector: [1, 0], topK: 10, ...(filter ? { filter } : {}) }))
    .map(({ id }) => id)
    .sort()

await check('create an index', async () => {
  await store.deleteIndex({ indexName }).catch(() => undefined)
  await store.createIndex({ indexName, dimension: 2, metric: 'cosine' })
  equal((await store.listIndexes()).includes(indexName), true)
})
await check('upsert, describe', async () => {
  const metadata = IDS.map((_, i) => ({ n: i, color: i % 2 === 0 ? 'red' : 'blue', tags: i < 2 ? ['a'] : ['b', 'c'] }))
  await store.upsert({
    indexName,
    vectors: [
      [1, 0],
      [1, 1],
      [0, 1],
      [-1, 0.5],
    ],
    metadata,
    ids: IDS,
  })
  deepEqual(await store.describeIndex({ indexName }), { dimension: 2, count: 4, metric: 'cosine' })
})
await check('query', async () => deepEqual(await found(), IDS))
await check('query with an empty filter', async () => deepEqual(await found({}), IDS))
await check('query with filters', async () => {
  deepEqual(await found({ color: 'red' }), [IDS[0], IDS[2]])
  deepEqual(await found({ n: { $gte: 2 } }), IDS.slice(2))
  deepEqual(await found({ $or: [{ n: 0 }, { $and: [{ color: 'blue' }, { n: { $gt: 1 } }] }] }), [IDS[0], IDS[3]])
  deepEqual(await found({ color: { $nin: ['red'] } }), [IDS[1], IDS[3]])
  deepEqual(await found({ tags: { $in: ['c'] } }), IDS.slice(2))
  deepEqual(await found({ tags: { $count: { $gt: 1 } } }), IDS.slice(2))
  deepEqual(await found({ $hasId: [IDS[1]] }), [IDS[1]])
})
await check('update a vector and its metadata', async () => {
  await store.updateVector({ indexName, id: IDS[0], update: { vector: [0, 2], metadata: { color: 'green' } } })
  deepEqual(await found({ color: 'green' }), [IDS[0]])
})
await check('payload indexes', async () => {
  await store.createPayloadIndex({ indexName, fieldName: 'color', fieldSchema: 'keyword', wait: true })
  await store.deletePayloadIndex({ indexName, fieldName: 'color', wait: true })
})
await check('delete a vector, and by filter', async () => {
  await store.deleteVector({ indexName, id: IDS[1] })
  await store.deleteVectors({ indexName, filter: { n: { $gte: 3 } } })
  equal((await found()).includes(IDS[1]) || (await found()).includes(IDS[3]), false)
})
await check('delete the index', async () => {
  await store.deleteIndex({ indexName })
})

/** What programs do with @qdrant/js-client-rest. */
import { deepEqual, equal } from 'node:assert/strict'
import { QdrantClient } from '@qdrant/js-client-rest'
import { check } from './checks.ts'

const NAME = 'calls-js'
const qdrant = new QdrantClient({ url: process.argv[2] as string, timeout: 60_000 })
const red = { must: [{ key: 'color', match: { value: 'red' } }] }
const ids = (points: readonly { id: unknown }[]) => points.map(({ id }) => id)

await check('create a collection', async () => {
  await qdrant.deleteCollection(NAME).catch(() => undefined)
  await qdrant.createCollection(NAME, { vectors: { size: 2, distance: 'Dot' } })
  equal((await qdrant.collectionExists(NAME)).exists, true)
})
await check('upsert, count', async () => {
  const points = Array.from({ length: 8 }, (_, i) => ({
    id: i,
    vector: [i, 1],
    payload: { color: i % 2 === 0 ? 'red' : 'blue', n: i, group: Math.floor(i / 4) },
  }))
  await qdrant.upsert(NAME, { wait: true, points })
  equal((await qdrant.count(NAME, { exact: true, filter: red })).count, 4)
})
await check('query, query/batch with filters', async () => {
  deepEqual(ids((await qdrant.query(NAME, { query: [1, 0], filter: red, limit: 2 })).points), [6, 4])
  const searches = [
    { query: [1, 0], limit: 1 },
    { query: 3, filter: red, limit: 1 },
  ]
  deepEqual(
    (await qdrant.queryBatch(NAME, { searches })).map(({ points }) => ids(points)),
    [[7], [6]],
  )
})
await check('recommend in a query', async () => {
  const query = { recommend: { positive: [5], negative: [0] } }
  deepEqual(ids((await qdrant.query(NAME, { query, filter: red, limit: 2 })).points), [6, 4])
})
await check('query/groups', async () => {
  const { groups } = await qdrant.queryGroups(NAME, { query: [1, 0], group_by: 'group', limit: 2, group_size: 1 })
  deepEqual(
    groups.map(({ id, hits }) => [id, ids(hits)]),
    [
      [1, [7]],
      [0, [3]],
    ],
  )
})
await check('facet', async () => {
  const { hits } = await qdrant.facet(NAME, { key: 'color', filter: { must: [{ key: 'n', range: { lt: 3 } }] } })
  deepEqual(
    hits.map(({ value, count }) => [value, count]),
    [
      ['red', 2],
      ['blue', 1],
    ],
  )
})
await check('scroll with a filter', async () => {
  const page = await qdrant.scroll(NAME, { filter: red, limit: 3 })
  deepEqual([ids(page.points), page.next_page_offset], [[0, 2, 4], 6])
})
await check('scroll with order_by', async () => {
  const page = await qdrant.scroll(NAME, { order_by: { key: 'n', direction: 'desc' }, limit: 3 })
  deepEqual(ids(page.points), [7, 6, 5])
})
await check('payload indexes', async () => {
  await qdrant.createPayloadIndex(NAME, { field_name: 'color', field_schema: 'keyword', wait: true })
  deepEqual(Object.keys((await qdrant.getCollection(NAME)).payload_schema), ['color'])
  await qdrant.deletePayloadIndex(NAME, 'color', { wait: true })
})
await check('set, overwrite, delete, clear payload', async () => {
  await qdrant.setPayload(NAME, { wait: true, payload: { n: 70 }, points: [7] })
  await qdrant.overwritePayload(NAME, { wait: true, payload: { color: 'green' }, points: [6] })
  await qdrant.deletePayload(NAME, { wait: true, keys: ['group'], points: [5] })
  await qdrant.clearPayload(NAME, { wait: true, points: [4] })
  const found = await qdrant.retrieve(NAME, { ids: [4, 5, 6, 7], with_payload: true })
  deepEqual(Object.fromEntries(found.map(({ id, payload }) => [id, payload])), {
    4: {},
    5: { color: 'blue', n: 5 },
    6: { color: 'green' },
    7: { color: 'blue', n: 70, group: 1 },
  })
})
await check('update vectors', async () => {
  await qdrant.updateVectors(NAME, { wait: true, points: [{ id: 1, vector: [9, 9] }] })
  deepEqual((await qdrant.retrieve(NAME, { ids: [1], with_vector: true }))[0]?.vector, [9, 9])
})
await check('points/batch', async () => {
  await qdrant.batchUpdate(NAME, {
    wait: true,
    operations: [{ upsert: { points: [{ id: 20, vector: [0, 0] }] } }, { delete: { points: [0] } }],
  })
  deepEqual(ids(await qdrant.retrieve(NAME, { ids: [0, 20] })), [20])
})
await check('aliases', async () => {
  const alias_name = 'calls-js-alias'
  await qdrant.updateCollectionAliases({ actions: [{ create_alias: { collection_name: NAME, alias_name } }] })
  equal((await qdrant.count(alias_name)).count, (await qdrant.count(NAME)).count)
  await qdrant.updateCollectionAliases({ actions: [{ delete_alias: { alias_name } }] })
})
await check('delete by filter and ids', async () => {
  await qdrant.delete(NAME, { wait: true, filter: { must: [{ key: 'n', range: { gte: 2 } }] } })
  await qdrant.delete(NAME, { wait: true, points: [1] })
  deepEqual(ids(await qdrant.retrieve(NAME, { ids: [1, 3] })), [])
})
await check('delete the collection', async () => {
  equal(await qdrant.deleteCollection(NAME), true)
})

/** What programs do with LangChain's store for Qdrant in JavaScript, n8n and Flowise among them. */
import { deepEqual, equal } from 'node:assert/strict'
import { Embeddings } from '@langchain/core/embeddings'
import { QdrantVectorStore } from '@langchain/qdrant'
import { check } from './checks.ts'

/** The length of a text, and one. */
class Lengths extends Embeddings {
  constructor() {
    super({})
  }
  embedQuery(text: string): Promise<number[]> {
    return Promise.resolve([text.length, 1])
  }
  embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.all(texts.map((text) => this.embedQuery(text)))
  }
}

const url = process.argv[2] as string
const embeddings = new Lengths() as unknown as ConstructorParameters<typeof QdrantVectorStore>[0]
const store = new QdrantVectorStore(embeddings, { url, collectionName: 'calls-langchain-js' })
const colored = (color: string) => ({ must: [{ key: 'metadata.color', match: { value: color } }] })
const texts = (found: readonly { pageContent: string }[]) => found.map(({ pageContent }) => pageContent)

await check('create a collection, add documents', async () => {
  await store.client.deleteCollection('calls-langchain-js').catch(() => undefined)
  await store.addDocuments([
    { pageContent: 'a', metadata: { color: 'red' } },
    { pageContent: 'four', metadata: { color: 'blue' } },
    { pageContent: 'a longer text', metadata: { color: 'red' } },
  ])
})
await check('similarity search', async () => {
  deepEqual(texts(await store.similaritySearch('four', 1)), ['four'])
})
await check('similarity search with a filter, and with an empty one', async () => {
  deepEqual(texts(await store.similaritySearch('a longer text', 3, colored('red'))), ['a longer text', 'a'])
  equal((await store.similaritySearch('a', 3, {})).length, 3)
})
await check('maximal marginal relevance', async () => {
  const found = await store.maxMarginalRelevanceSearch('four', { k: 2, fetchK: 3, lambda: 0.5 })
  equal(found.length, 2)
})
await check('delete by filter', async () => {
  await store.delete({ filter: colored('red') })
  deepEqual(texts(await store.similaritySearch('a', 3)), ['four'])
})
await check('delete the collection', async () => {
  equal(await store.client.deleteCollection('calls-langchain-js'), true)
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CollectionConfig, collectionConfigSchema, LIVE_FIELDS, startConfigOf } from '../../protocol/env/config.ts'
import { until } from '../../runtime/until.ts'
import { followCollectionConfig } from './live-config.ts'

const before: Required<CollectionConfig> = {
  collection: 'films',
  namespace: 'default',
  name: 'films',
  uid: 'u1',
  owner: 'VectorCluster default/films',
  since: 1,
  ownRedis: true,
  vectors: { '': { size: 2, metric: 'L2' } },
  clusters: 1,
  replicas: 1,
  centroidSource: 'Random',
  seed: 1,
  sampleSize: 10,
  centroidsFile: '/a',
  recallTarget: 0.9,
  probes: 1,
  redundantStorage: 1,
  durability: 'Fsync',
  redisUrl: 'redis://a',
  walBudgetBytes: 1,
  tokenHashes: ['a'],
  vectorName: '',
}
const after: Required<CollectionConfig> = {
  collection: 'books',
  namespace: 'other',
  name: 'books',
  uid: 'u2',
  owner: 'VectorCluster other/books',
  since: 2,
  ownRedis: false,
  vectors: { '': { size: 3, metric: 'Cosine' } },
  clusters: 2,
  replicas: 2,
  centroidSource: 'Dynamic',
  seed: 2,
  sampleSize: 20,
  centroidsFile: '/b',
  recallTarget: 0.8,
  probes: 2,
  redundantStorage: 2,
  durability: 'Journal',
  redisUrl: 'redis://b',
  walBudgetBytes: 2,
  tokenHashes: ['b'],
  vectorName: 'text',
}
const FIELDS = Object.keys(collectionConfigSchema.shape) as (keyof CollectionConfig)[]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a changed field of the configuration of a collection', () => {
  it.each(FIELDS)('%s either restarts the shards or is taken over by them, and never both or neither', (field) => {
    expect(after[field]).not.toEqual(before[field])
    const changed = { ...before, [field]: after[field] }
    const restarts = JSON.stringify(startConfigOf(changed)) !== JSON.stringify(startConfigOf(before))
    expect(restarts).not.toBe((LIVE_FIELDS as readonly string[]).includes(field))
  })

  it('is taken over by a running shard if it needs no restart; every other one stays as it was at the start', async () => {
    const file = join(folder, 'collection.json')
    writeFileSync(file, JSON.stringify(before))
    const config = structuredClone(before)
    followCollectionConfig(file, config, pino({ level: 'silent' }))
    writeFileSync(file, JSON.stringify(after))
    const live = Object.fromEntries(LIVE_FIELDS.map((field) => [field, after[field]]))
    await until('the change', () => LIVE_FIELDS.every((field) => isDeepStrictEqual(config[field], after[field])))
    expect(config).toEqual({ ...before, ...live })
  })
})

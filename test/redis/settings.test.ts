/** Settings of a collection in Redis: changed one by one, all or none, by the owner alone (rule L25). */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { changeSettings, readSettings } from '../../store/settings.ts'
import { identity, LogHarness } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())
beforeEach(async () => {
  h = new LogHarness(redis.client, 1)
  await h.create()
})

const scope = (uid = identity(1).uid) => ({ namespace: 'test', name: h.name, clusters: 1, uid })
const change = (settings: Record<string, string>, uid?: string) =>
  changeSettings(redis.client, scope(uid), new Map(Object.entries(settings)))
const all = async () => Object.fromEntries(await readSettings(redis.client, scope()))
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`metadata.${i}`, '1']))

it('a change leaves the settings that it does not name, and an empty value removes one', async () => {
  expect(await all()).toEqual({})
  await change({ 'hnsw_config.m': '32', 'metadata.__proto__': '"ä"' })
  await change({ 'hnsw_config.m': '16', quantization_config: '{}', 'index.absent': '' })
  expect(await all()).toEqual({ 'hnsw_config.m': '16', 'metadata.__proto__': '"ä"', quantization_config: '{}' })
  await change({ 'hnsw_config.m': '', quantization_config: '' })
  expect(await all()).toEqual({ 'metadata.__proto__': '"ä"' })
})

it('a change that would make too many is refused as a whole, and one that makes room for itself is not', async () => {
  const most = LIMITS.SETTINGS_MAX.value
  await change(many(most))
  const before = await all()
  await expect(change({ 'metadata.0': '2', 'metadata.more': '1' })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: `settings of the collection: ${most + 1} is more than ${most} (SETTINGS_MAX)`,
  })
  expect(await all()).toEqual(before)
  await change({ 'metadata.0': '', 'metadata.more': '1' })
  expect(Object.keys(await all())).toHaveLength(most)
})

it('each change has a version of its own, which pods see in the replies to their heartbeats', async () => {
  const first = await change({ 'hnsw_config.m': '16' })
  expect(await change({ 'hnsw_config.m': '' })).toBeGreaterThan(first)
  await expect(change({ 'hnsw_config.m': '1' }, 'uid-2')).rejects.toMatchObject({ code: 'NOT_READY' })
  const last = await change({ 'index.a': '"keyword"' })
  const beat = { pod: '0/0' } as Heartbeat
  expect(await h.cell(0).heartbeat(redis.client, beat)).toMatchObject({ settings: last })
})

it('more payload indexes than a collection may have are refused, and other settings are not', async () => {
  const most = LIMITS.PAYLOAD_INDEXES_MAX.value
  await change(Object.fromEntries(Array.from({ length: most }, (_, i) => [`index.${i}`, '"keyword"'])))
  await expect(change({ 'index.more': '"integer"' })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: `payload indexes of the collection: ${most + 1} is more than ${most} (PAYLOAD_INDEXES_MAX)`,
  })
  await change({ 'metadata.a': '1', 'index.0': '"text"' })
  await change({ 'index.0': '', 'index.more': '"integer"' })
  expect(Object.keys(await all()).filter((name) => name.startsWith('index.'))).toHaveLength(most)
})

it('another VectorCluster of the same name changes nothing (L25)', async () => {
  await change({ 'hnsw_config.m': '32' })
  await expect(change({ 'hnsw_config.m': '16' }, 'uid-2')).rejects.toMatchObject({ code: 'NOT_READY' })
  expect(await all()).toEqual({ 'hnsw_config.m': '32' })
})

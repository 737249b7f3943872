/** The correction of the directory: only what was compared is changed, only by who leads, and never half of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { bucketOf } from '../../protocol/keys.ts'
import { correctDirectory, scanDirectory } from '../../store/directory-audit.ts'
import { readDirectoryTexts } from '../../store/topology.ts'
import { LogHarness, type PlayedPod, remove, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
let h: LogHarness
let pods: PlayedPod[]
beforeEach(async () => {
  redis = await TestRedis.start()
  h = new LogHarness(redis.client, 2)
  await h.create()
  pods = [await h.lead(0), await h.lead(1)]
  await h.commit(pods[0] as PlayedPod, [upsert(1, 0, '"a"', { copy: 1 }), upsert(2, 0, '"b"')])
})
afterEach(() => redis.close())

const scope = () => ({ namespace: 'test', name: h.name, clusters: 2, cell: 0 })
const key = idKey(1)
const bucket = () => h.cell(0).keys.directory(bucketOf(key))
const said = async () => (await readDirectoryTexts(redis.client, scope(), [key]))?.texts[0]
const value = { owner: 0, spill: null, source: null, userVersion: 1, version: 1 }
const token = () => (pods[0] as PlayedPod).lead.token

describe('the directory', () => {
  it('tells which ids it lists in a cell, page by page', async () => {
    const found: string[] = []
    let pages = 0
    for (let from: number | null = 0; from !== null; pages++) {
      const page: Awaited<ReturnType<typeof scanDirectory>> = await scanDirectory(redis.client, scope(), 1, from, 1)
      found.push(...page.keys)
      from = page.next
    }
    expect([found, pages > 2]).toEqual([[key], true])
  })

  it('is corrected, and a stale row told to go, while it says what was compared', async () => {
    const expected = (await said()) as string
    expect(expected).toBe('0|1||1|1')
    const amended = await correctDirectory(redis.client, scope(), token(), await h.timeline(), [
      { key, expected, value, stale: [1] },
    ])
    expect([amended, await said()]).toEqual([[true], '0|||1|1'])
    expect((await h.entries(1)).at(-1)).toMatchObject({ type: 'T', key, flag: '-' })
    expect((await h.fold(1)).has(key)).toBe(false)
  })

  it('is left alone where it has changed since', async () => {
    const expected = (await said()) as string
    await h.commit(pods[0] as PlayedPod, [remove(1)])
    const before = await h.dump()
    expect(
      await correctDirectory(redis.client, scope(), token(), await h.timeline(), [
        { key, expected, value, stale: [1] },
      ]),
    ).toEqual([false])
    expect(await h.dump()).toEqual(before)
  })

  it.each([
    ['by a pod that leads no longer', async () => 'another token', async () => {}],
    ['after a restart of Redis', async () => token(), () => redis.restart()],
    [
      'after the gate has opened anew',
      async () => token(),
      () => redis.client.hincrby(h.cell(0).keys.meta, 'timeline', 1),
    ],
    ['where the log of a cell is gone', async () => token(), () => redis.client.del(h.cell(1).keys.log(1))],
  ])('is not corrected %s', async (_what, by, happens) => {
    const expected = (await said()) as string
    const name = await by()
    const timeline = await h.timeline()
    await happens()
    expect(
      await correctDirectory(redis.client, scope(), name, timeline, [{ key, expected, value, stale: [1] }]),
    ).toBeUndefined()
    expect(await redis.client.hget(bucket(), key)).toBe(expected)
  })

  it('gets its counters back', async () => {
    await correctDirectory(redis.client, scope(), token(), await h.timeline(), [], { rows: 3, copies: -1 })
    expect(await redis.client.hmget(h.cell(0).keys.meta, 'rows', 'redundant')).toEqual(['5', '0'])
  })
})

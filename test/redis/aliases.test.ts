/** Aliases in Redis: all actions of a change or none, on one server and on two, by the owner alone (rules L25, L26, R25). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AliasAction } from '../../core/aliases.ts'
import { LIMITS } from '../../core/limits.ts'
import { AliasChanges } from '../../router/cluster/alias-changes.ts'
import { Collections } from '../../router/cluster/collections.ts'
import { changeAliases, readAliases } from '../../store/aliases.ts'
import { eraseKeys } from '../../store/ownership.ts'
import { identity, LogHarness } from '../support/log-harness.ts'
import { configOf } from '../support/played-shards.ts'
import { TestRedis } from '../support/redis.ts'

const logger = pino({ level: 'silent' })
let first: TestRedis
let second: TestRedis
let folder: string
beforeAll(async () => {
  ;[first, second] = await Promise.all([TestRedis.start(), TestRedis.start()])
  folder = mkdtempSync(join(tmpdir(), 'maksdb-aliases-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await Promise.all([first.close(), second.close()])
})

/** `blue` and `green` are on the first server, `red` is on the second. */
let logs: Record<'blue' | 'green' | 'red', LogHarness>
const routers: Router[] = []
beforeEach(async () => {
  logs = {
    blue: new LogHarness(first.client, 1),
    green: new LogHarness(first.client, 1),
    red: new LogHarness(second.client, 1),
  }
  for (const log of Object.values(logs)) await log.create()
})
afterEach(() => {
  for (const router of routers.splice(0)) router.collections.close()
})

interface Router {
  collections: Collections
  change: (...actions: AliasAction[]) => Promise<void>
  forget: (collection: string) => Promise<void>
  aliases: () => Record<string, string>
}

async function startRouter(): Promise<Router> {
  const file = join(folder, `router-${routers.length}.json`)
  const of = (name: keyof typeof logs, { url }: TestRedis) => ({
    ...configOf(logs[name].name, 1, url),
    collection: name,
  })
  writeFileSync(file, JSON.stringify({ collections: [of('blue', first), of('green', first), of('red', second)] }))
  const collections = new Collections(file, logger)
  await Promise.all(collections.all().map((collection) => collection.refresh()))
  const changes = new AliasChanges(collections, logger)
  const made: Router = {
    collections,
    change: (...actions) => changes.change(actions),
    forget: (collection) => changes.forget(collection),
    aliases: () => Object.fromEntries(collections.aliases),
  }
  routers.push(made)
  return made
}

const create = (alias: string, collection: string): AliasAction => ({ type: 'create', alias, collection })
const remove = (alias: string): AliasAction => ({ type: 'delete', alias })
const rename = (alias: string, to: string): AliasAction => ({ type: 'rename', alias, to })
const scope = (name: keyof typeof logs, uid = identity(1).uid) => ({
  namespace: 'test',
  name: logs[name].name,
  clusters: 1,
  uid,
})
const kept = async (name: keyof typeof logs) =>
  [...(await readAliases(name === 'red' ? second.client : first.client, scope(name))).names.keys()].sort()
/** What a router that has just started sees. */
const seenAnew = async () => (await startRouter()).aliases()

describe('a change of aliases', () => {
  it('makes, moves, renames and deletes, and a router that starts later sees the same', async () => {
    const { change, aliases, collections } = await startRouter()
    await change(create('live', 'blue'), create('test', 'green'), create('__proto__', 'blue'), remove('__proto__'))
    expect(collections.get('live').config.collection).toBe('blue')
    await change(rename('live', 'former'), create('live', 'green'), remove('test'), remove('absent'))
    expect(aliases()).toEqual({ former: 'blue', live: 'green' })
    expect(await seenAnew()).toEqual(aliases())
    expect(collections.get('live').config.collection).toBe('green')
    expect(() => collections.get('test')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  })

  it('of which one action is refused changes nothing', async () => {
    const { change, aliases } = await startRouter()
    await change(create('live', 'blue'))
    await expect(change(create('live', 'green'), rename('absent', 'a'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(change(remove('live'), create('blue', 'green'))).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    expect(aliases()).toEqual({ live: 'blue' })
    expect(await seenAnew()).toEqual({ live: 'blue' })
  })

  it('that would give a collection too many is refused by the name of the limit', async () => {
    const { change } = await startRouter()
    const most = LIMITS.ALIASES_MAX.value
    const many = Array.from({ length: most }, (_, i) => create(`a${i}`, 'blue'))
    await change(...many)
    await expect(change(create('more', 'blue'))).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringContaining('(ALIASES_MAX)') as unknown,
    })
    await change(remove('a0'), create('more', 'blue'))
    expect(await kept('blue')).toHaveLength(most)
  })

  it('exchanges two aliases on one server at once', async () => {
    const { change, aliases } = await startRouter()
    await change(create('a', 'blue'), create('b', 'green'))
    await change(create('a', 'green'), create('b', 'blue'))
    expect(aliases()).toEqual({ a: 'green', b: 'blue' })
    expect([await kept('blue'), await kept('green')]).toEqual([['b'], ['a']])
  })
})

describe('aliases of collections on different servers', () => {
  it('move from one to the other by one record, and nothing is left behind', async () => {
    const { change, aliases } = await startRouter()
    await change(create('live', 'blue'), create('test', 'blue'))
    await change(remove('live'), create('live', 'red'), create('test', 'red'))
    expect(aliases()).toEqual({ live: 'red', test: 'red' })
    expect(await seenAnew()).toEqual(aliases())
    expect([await kept('blue'), await kept('red')]).toEqual([[], ['live', 'test']])
  })

  it('are not exchanged: the change is refused, says why and changes nothing', async () => {
    const { change, aliases } = await startRouter()
    await change(create('a', 'blue'))
    await change(create('b', 'red'))
    const refused = {
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/on different Redis servers \((red|blue); /) as unknown,
    }
    await expect(change(create('a', 'red'), create('b', 'blue'))).rejects.toMatchObject(refused)
    await expect(change(remove('a'), remove('b'))).rejects.toMatchObject(refused)
    expect(aliases()).toEqual({ a: 'blue', b: 'red' })
    expect(await seenAnew()).toEqual(aliases())
  })

  it('whose former record stayed behind end with it, also if their collection is deleted', async () => {
    const { change, forget, aliases } = await startRouter()
    await change(create('live', 'blue'), create('next', 'blue'))
    const key = logs.blue.cell(0).keys.aliases
    const former = await first.client.hgetall(key)
    await change(create('live', 'red'), create('next', 'red'))
    // As if the router had ended between the two steps of the move.
    await first.client.hset(key, former)
    await change(remove('next'))
    expect(await kept('blue')).toEqual([])
    expect(aliases()).toEqual({ live: 'red' })
    await first.client.hset(key, former)
    await forget('red')
    expect(await kept('blue')).toEqual(['next'])
    await eraseKeys(second.client, scope('red'))
    expect(await seenAnew()).toEqual({ next: 'blue' })
  })
})

it('two routers that change aliases at the same time both get their change', async () => {
  const [one, two] = [await startRouter(), await startRouter()]
  const changes = Array.from({ length: 6 }, (_, i) =>
    (i % 2 === 0 ? one : two).change(create(`a${i}`, 'blue'), create(`b${i}`, 'green')),
  )
  await Promise.all(changes)
  expect(Object.keys(await seenAnew())).toHaveLength(12)
  await one.collections.lookUp('a5')
  expect(one.collections.find('a5')?.config.collection).toBe('blue')
})

it('another VectorCluster of the same name changes nothing (L25)', async () => {
  const change = (uid: string) =>
    changeAliases(first.client, [{ scope: scope('blue', uid), expected: 0, set: ['live'], remove: [] }], 1)
  await expect(change('uid-2')).rejects.toMatchObject({ code: 'NOT_READY' })
  expect(await kept('blue')).toEqual([])
  expect(await change(identity(1).uid)).toBe(true)
  expect(await change(identity(1).uid)).toBe(false)
  expect(await kept('blue')).toEqual(['live'])
})

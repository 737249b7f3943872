/** Calls to a real index thread. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { encodeFilter } from '../../core/filter/filter.ts'
import { parseIndexSchema } from '../../core/filter/index-schema.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { idKey } from '../../core/ids.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { QUEUES, SCANS_AT_ONCE_MAX } from '../../core/limits.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { OpenCall } from '../../runtime/call.ts'
import { type EntryBlock, entryBlock } from '../../store/entry-block.ts'
import type { LogEntry } from '../../store/log-entry.ts'
import { IndexActor } from './index-actor.ts'

let folder: string
let index: IndexActor

async function opened(cell: number, onDeath: (error: Error) => void, dimension = 2): Promise<IndexActor> {
  const actor = new IndexActor(onDeath)
  await actor.call('open', {
    owner: `default/films/${cell}`,
    dimension,
    metric: 'L2',
    vectors: { '': { size: dimension, metric: 'L2' } },
    scratchDir: join(folder, `scratch-${cell}`),
  })
  return actor
}

/** As the replay hands them over; the thread does not look at their hashes. */
function blockOf(entries: readonly Pick<LogEntry, 'type' | 'version' | 'key' | 'flag' | 'row'>[]): EntryBlock {
  const rest = (version: number) => ({ userVersion: version, idempotency: '', position: { epoch: 1, seq: version } })
  return entryBlock(
    { position: ORIGIN, hash: '' },
    entries.map((entry) => ({ ...entry, ...rest(entry.version), hash: 'h' })),
  )
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-actor-'))
  index = await opened(0, (error) => {
    throw error
  })
})
afterAll(async () => {
  await index.close()
  rmSync(folder, { recursive: true, force: true })
})

const ask = () => index.ask('count', { at: undefined })

it('reads of requests are refused as retriable when as many wait as may, and the calls of the pod itself never are', async () => {
  const waiting = Array.from({ length: QUEUES.QUEUE_READS_MAX.value }, ask)
  const refused = ask()
  await expect(refused).rejects.toMatchObject({
    code: 'OVERLOADED',
    status: 429,
    retriable: true,
    details: { notExecuted: true },
    message: expect.stringContaining('QUEUE_READS_MAX'),
  })
  expect(await index.call('count', { at: undefined })).toEqual({ count: 0, redundantRows: 0 })
  expect(await Promise.all(waiting)).toHaveLength(waiting.length)
  expect(await ask()).toEqual({ count: 0, redundantRows: 0 })
})

it('a read that fails leaves its place in the queue', async () => {
  const failing = () => index.ask('rows', { keys: 0 as never, at: undefined, withPayload: false, withVector: false })
  for (let i = 0; i < QUEUES.QUEUE_READS_MAX.value + 1; i++) await expect(failing()).rejects.toThrow('map')
  expect(await ask()).toEqual({ count: 0, redundantRows: 0 })
})

const filter = encodeFilter(parseFilter({ must: [] }, 'filter'))
const path = parseJsonPath('n', 'key')
const order = { by: 'value', path, direction: 'asc' } as const
const wanted = { at: undefined, withPayload: false, withVector: false }
const LONG_MS = 60_000

it('reads that may look at every row have turns; a count and a page without a filter do not wait for them (S40)', async () => {
  const called = vi.spyOn(index, 'call')
  const reads = () => called.mock.calls.filter(([name]) => name !== 'matchNone').length
  const call = new OpenCall(LONG_MS)
  const facets = Array.from({ length: 2 * SCANS_AT_ONCE_MAX }, () => index.scan('facet', { at: undefined, path }, call))
  const others = [
    index.scan('orderedPage', { ...wanted, order, limit: 1 }, call),
    index.scan('page', { ...wanted, from: null, limit: 1, filter }, call),
    index.scan('count', { at: undefined, filter }, call),
  ]
  expect(reads()).toBe(SCANS_AT_ONCE_MAX)
  await index.scan('count', { at: undefined }, call)
  await index.scan('page', { ...wanted, from: null, limit: 1 }, call)
  await Promise.all([...facets, ...others])
  expect(reads()).toBe(2 * SCANS_AT_ONCE_MAX + others.length + 2)
  called.mockRestore()
})

it('reads whose filter matches no row, as an index shows, wait for no turn (S42)', async () => {
  const own = await opened(3, () => undefined)
  const definition = { name: 'n', path, schema: parseIndexSchema('integer', 'field_schema') }
  await own.call('defineIndexes', { definitions: [definition] })
  const nothing = encodeFilter(parseFilter({ must: [{ key: 'n', match: { value: 1 } }] }, 'filter'))
  const call = new OpenCall(LONG_MS)
  const ended: string[] = []
  const facets = Array.from({ length: 64 }, () => own.scan('facet', { at: undefined, path }, call))
  const reads = [
    ...facets.map((one) => one.then(() => ended.push('facet'))),
    own.scan('count', { at: undefined, filter: nothing }, call).then(() => ended.push('count')),
    own.scan('page', { ...wanted, from: null, limit: 1, filter: nothing }, call).then(() => ended.push('page')),
  ]
  await Promise.all(reads)
  expect(Math.max(ended.indexOf('count'), ended.indexOf('page'))).toBeLessThan(ended.lastIndexOf('facet'))
  await own.close()
})

it('an index that rows have just come to says that none matches, without a wait for its upkeep (S42)', async () => {
  const own = await opened(3, () => undefined)
  const definition = { name: 'n', path, schema: parseIndexSchema('integer', 'field_schema') }
  await own.call('defineIndexes', { definitions: [definition] })
  const nothing = encodeFilter(parseFilter({ must: [{ key: 'n', match: { value: 1 } }] }, 'filter'))
  const row = encodeRow({ vector: new Float32Array(2), payload: '{"n":2}' })
  const applied = own.call('apply', blockOf([{ type: 'U', version: 1, key: idKey(1), flag: 'o', row }]))
  expect(await own.call('matchNone', { filters: [{ filter: nothing, at: undefined }] })).toEqual([true])
  await applied
  await own.close()
})

it.each([
  ['a facet', 'facet', { at: undefined, path }],
  ['a page by values', 'orderedPage', { ...wanted, order, limit: 1 }],
  ['a page drawn by chance', 'orderedPage', { ...wanted, order: { by: 'chance' }, limit: 1 }],
  ['a page with a filter', 'page', { ...wanted, from: null, limit: 1, filter }],
  ['a count with a filter', 'count', { at: undefined, filter }],
] as const)('%s ends with TIMEOUT when its time is over (S40)', async (_what, name, argument) => {
  await expect(index.call(name, { ...argument, end: { at: performance.timeOrigin } })).rejects.toMatchObject({
    code: 'TIMEOUT',
  })
})

it.each([
  ['a facet', 'facet', { at: undefined, path }],
  ['a count with a filter', 'count', { at: undefined, filter }],
] as const)('%s ends with TIMEOUT as soon as its caller has gone (S40)', async (_what, name, argument) => {
  const call = new OpenCall(LONG_MS)
  const asked = index.call.bind(index)
  // The caller goes when the read is on its way, before the thread can have ended it.
  const called = vi.spyOn(index, 'call').mockImplementation((...sent) => {
    call.cancel('the caller has gone')
    return asked(...sent)
  })
  await expect(index.scan(name, argument, call)).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(called).toHaveBeenCalledTimes(1)
  called.mockRestore()
})

it('a wrong state ends the thread, and the owner of the thread gets the reason', async () => {
  const died = Promise.withResolvers<Error>()
  const own = await opened(1, died.resolve)
  void own.call('apply', blockOf([{ type: 'C', version: 1, key: '' as never, flag: '', row: Buffer.alloc(9) }]))
  expect((await died.promise).message).toContain('invariant violated: centroids of 9 bytes do not fit dimension 2')
})

it('rows are cleaned in steps after the entries that leave them dead, while other calls are answered and searches run', async () => {
  const dimension = 256
  const own = await opened(2, () => undefined, dimension)
  const vectorOf = (version: number) => new Float32Array(dimension).fill(version)
  let version = 0
  const overwrite = async () => {
    const rows = Array.from({ length: 1000 }, () => {
      version++
      const row = encodeRow({ vector: vectorOf(version), payload: '' })
      return { type: 'U' as const, version, key: idKey(version % 500), flag: 'o', row }
    })
    await own.call('apply', blockOf(rows))
  }
  const search = async () => {
    const spec = { limit: 1, offset: 0, withPayload: false, withVector: false, exact: true, partial: false }
    const query = { spec, vector: vectorOf(version), at: undefined }
    return own.call('search', { queries: [query] })
  }
  for (let round = 0; round < 20; round++) {
    const [found] = await Promise.all([search(), overwrite()])
    expect(found.queries).toHaveLength(1)
  }
  // Without another entry.
  const cleaned = async () => {
    for (;;) {
      const [header] = JSON.parse(Buffer.from((await search()).queries[0]?.headers ?? '').toString()) as {
        version: number
      }[]
      expect(header?.version).toBe(version)
      const stats = await own.call('stats', null)
      if (stats.dead <= 3 * 2048) return stats
    }
  }
  const { points, compactions } = await cleaned()
  expect(points).toBe(500)
  expect(compactions).toBeGreaterThan(5)
  await own.close()
})

/** Filters over the rows of a cell against plain loops: at every share of matching rows, at earlier versions, and under writes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeFilter } from '../../core/filter/filter.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { squaredL2 } from '../../core/metric.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { type AppliedEntry, CellState } from './cell-state.ts'
import { makeKernel } from './make-kernel.ts'
import { PayloadIndexes } from './payload-indexes.ts'
import { type FilteredRows, filteredMasks, stateAt } from './row-filter.ts'
import type { RowMask } from './row-mask.ts'
import { RowStore } from './row-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-filter-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const DIMENSION = 6
/** Rows enough for a filter to take several slices. */
const ROWS = 20_000
const metric = 'L2'
const random = seededRandom(5)
const vector = () => Float32Array.from({ length: DIMENSION }, () => normal(random))
const filter = (...must: object[]) => encodeFilter(parseFilter({ must }, 'filter'))
const below = (lt: number) => filter({ key: 'n', range: { lt } })
/** The same filter, and many slices for `ROWS`. */
const slowly = (condition: object) => filter(...Array.from({ length: 30 }, () => condition))
/** Rows of the chunks that cleaning takes, where the kernel's own are too large for a test. */
const CHUNK_ROWS = 4096

interface Point {
  key: IdKey
  n: number
  vector: Float32Array
}

class Cell {
  readonly state = new CellState(
    {
      owner: 'default/things/0',
      dimension: DIMENSION,
      metric,
      vectors: { '': { size: DIMENSION, metric } },
      scratchDir: folder,
    },
    { position: ORIGIN, hash: '' },
  )
  readonly points = new Map<IdKey, Point>()
  #version = 0

  constructor(chunkRows?: number) {
    if (chunkRows) this.state.rows = new RowStore(makeKernel(metric, DIMENSION, folder, chunkRows))
  }

  get version(): number {
    return this.#version
  }

  /** Writes points again, each with its `n` or with another. */
  rewrite(ids: { from: number; to: number }, n = (id: number) => id % 100): void {
    for (let id = ids.from; id < ids.to; id++) this.write(id, n(id))
  }

  clean(): void {
    while (this.state.clean());
  }

  /** Writes a point with the payload `{"n": n}`; without `n`, deletes it. */
  write(id: number, n?: number): void {
    const key = idKey(id)
    const point = { key, n: n ?? 0, vector: vector() }
    if (n === undefined) this.points.delete(key)
    else this.points.set(key, point)
    const row = n === undefined ? Buffer.alloc(0) : encodeRow({ vector: point.vector, payload: `{"n":${n}}` })
    const version = ++this.#version
    const entry: AppliedEntry = {
      type: n === undefined ? 'T' : 'U',
      version,
      userVersion: version,
      key,
      flag: n === undefined ? '' : id % 10 === 3 ? 'c' : 'o',
      idempotency: '',
      rowStart: 0,
      rowEnd: row.length,
    }
    this.state.apply([entry], row, { position: { epoch: 1, seq: version }, hash: `h${version}` })
    this.state.version = version
  }

  nearest(query: Float32Array, limit: number, matches: (n: number) => boolean): IdKey[] {
    return [...this.points.values()]
      .filter(({ n }) => matches(n))
      .map((point) => ({ key: point.key, distance: squaredL2(query, point.vector) }))
      .sort((a, b) => a.distance - b.distance || compareKeys(a.key, b.key))
      .slice(0, limit)
      .map(({ key }) => key)
  }

  owners(matches: (n: number) => boolean): IdKey[] {
    return [...this.points.values()]
      .filter(({ key, n }) => matches(n) && !key.endsWith('3'))
      .map(({ key }) => key)
      .sort(compareKeys)
  }
}

let cell: Cell
beforeAll(() => {
  cell = new Cell()
  for (let id = 0; id < ROWS; id++) cell.write(id, id % 100)
  cell.write(ROWS, 1000)
  // Dead rows match no filter.
  for (let id = 0; id < 500; id++) cell.write(id, id % 50)
})

const keysOf = (found: readonly { key: IdKey }[] | undefined) => found?.map(({ key }) => key)

describe('a search with a filter', () => {
  it.each<[string, ReturnType<typeof filter>, (n: number) => boolean]>([
    ['no row', below(0), () => false],
    ['one row', filter({ key: 'n', match: { value: 1000 } }), (n) => n === 1000],
    ['a hundredth', filter({ key: 'n', match: { value: 7 } }), (n) => n === 7],
    ['a half', below(50), (n) => n < 50],
    ['all but one', below(100), (n) => n < 100],
    ['all', filter({ key: 'n', is_null: false }), () => true],
  ])('finds the nearest of the rows that match, if %s does', async (_what, text, matches) => {
    const query = vector()
    for (const limit of [1, 10, 300]) {
      const [found] = await cell.state.search([{ vector: query, limit, filter: text }])
      expect(keysOf(found)).toEqual(cell.nearest(query, limit, matches))
    }
  })

  it('has its own rows beside others of its batch, with and without one', async () => {
    const queries = [undefined, 7, 8, 7, undefined].map((value) => ({ value, vector: vector() }))
    const found = await cell.state.search(
      queries.map((query) => ({
        vector: query.vector,
        limit: 5,
        ...(query.value === undefined ? {} : { filter: filter({ key: 'n', match: { value: query.value } }) }),
      })),
    )
    queries.forEach((query, i) => {
      const matches = (n: number) => query.value === undefined || n === query.value
      expect(keysOf(found[i])).toEqual(cell.nearest(query.vector, 5, matches))
    })
  })

  it('reads at the version that it names', async () => {
    const aged = new Cell()
    for (let id = 0; id < 20; id++) aged.write(id, id)
    const query = vector()
    const before = aged.nearest(query, 10, (n) => n >= 10)
    for (let id = 0; id < 20; id++) aged.write(id, 19 - id)
    const text = filter({ key: 'n', range: { gte: 10 } })
    const [then, now] = await aged.state.search([
      { vector: query, limit: 10, filter: text, at: 20 },
      { vector: query, limit: 10, filter: text },
    ])
    expect(keysOf(then)).toEqual(before)
    expect(keysOf(now)).toEqual(aged.nearest(query, 10, (n) => n >= 10))
  })

  it('answers from the rows of its beginning, whatever is applied meanwhile (S24)', async () => {
    const busy = new Cell()
    for (let id = 0; id < ROWS; id++) busy.write(id, id % 100)
    const query = vector()
    const expected = busy.nearest(query, 20, (n) => n < 50)
    const search = busy.state.search([{ vector: query, limit: 20, filter: below(50) }])
    const release = busy.state.rows.hold()
    const matching = busy.state.matching(below(50), undefined)
    for (let id = 0; id < ROWS; id++) busy.write(id, id % 2 === 0 ? undefined : 99)
    busy.clean()
    expect(keysOf((await search)[0])).toEqual(expected)
    expect((await matching).count).toBe(ROWS / 2)
    release()
  })

  it('answers as without cleaning, though between two slices its rows move and chunks before them are dropped (S24)', async () => {
    const { busy, release } = cleanedAndHeld()
    const { rows } = busy.state
    const query = vector()
    const [half, all] = [busy.nearest(query, 300, (n) => n < 50), busy.nearest(query, 300, () => true)]
    const expected = new Set([...busy.points.values()].filter(({ n }) => n < 50).map(({ key }) => key))
    const condition = { key: 'n', range: { lt: 50 } }
    const asked = { vector: query, limit: 300, at: busy.version }
    const search = busy.state.search([{ ...asked, filter: slowly(condition) }, asked])
    const releaseRead = rows.hold()
    const matching = busy.state.matching(slowly(condition), undefined)
    release()
    expect(rows.first).toBe(2 * CHUNK_ROWS)
    let from = ROWS / 2
    const found = await beside(search, () => {
      busy.rewrite({ from, to: Math.min(from + 1000, ROWS) }, () => 99)
      from = Math.min(from + 1000, ROWS)
      busy.clean()
    })
    expect(found.map(keysOf)).toEqual([half, all])
    expect(keysOfMask(rows, await matching)).toEqual(expected)
    releaseRead()
    expect(busy.state.compactions).toBeGreaterThan(2)
  })
})

/** A cell of which two chunks were cleaned, and are dropped on release. */
function cleanedAndHeld(): { busy: Cell; release: () => void } {
  const busy = new Cell(CHUNK_ROWS)
  busy.rewrite({ from: 0, to: ROWS })
  const release = busy.state.rows.hold()
  busy.rewrite({ from: 0, to: ROWS / 2 })
  busy.clean()
  expect([busy.state.rows.first, busy.state.rows.firstInUse]).toEqual([0, 2 * CHUNK_ROWS])
  return { busy, release }
}

/** Takes a step between two slices of a work, until it ends. */
async function beside<T>(work: Promise<T>, step: () => void): Promise<T> {
  const ended = work.then(() => true)
  const turn = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)))
  let steps = 0
  do {
    step()
    steps++
  } while (!(await Promise.race([ended, turn()])))
  expect(steps).toBeGreaterThan(1)
  return work
}

function keysOfMask(rows: RowStore, mask: RowMask): Set<IdKey> {
  const keys = new Set<IdKey>()
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) keys.add(rows.keyOf(row))
  return keys
}

describe('a page with a filter', () => {
  it('has the owner rows that match, in order, and all pages have all of them', async () => {
    const expected = cell.owners((n) => n === 7)
    expect(await keys(null, 10_000, 7)).toEqual(expected)
    expect(await keys(null, 5, 7)).toEqual(expected.slice(0, 5))
    const paged: IdKey[] = []
    for (let from: IdKey | null = null; ; ) {
      const page = await keys(from, 18, 7)
      paged.push(...page.slice(0, 17))
      if (page.length < 18) break
      from = page[17] as IdKey
    }
    expect(paged).toEqual(expected)
    expect(await keys(null, 10, 5000)).toEqual([])
  })

  const keys = async (from: IdKey | null, limit: number, value: number): Promise<IdKey[]> => {
    const rows = await cell.state.page(from, limit, filter({ key: 'n', match: { value } }), undefined)
    return rows.map((row) => cell.state.rows.keyOf(row))
  }

  it.each(['now', 'at a version'])(
    '%s has each point once, though rows move while it looks at them (S24)',
    async (when) => {
      const { busy, release } = cleanedAndHeld()
      const { rows } = busy.state
      const at = when === 'now' ? undefined : busy.version
      const expected = busy.owners((n) => n === 7)
      const text = slowly({ key: 'n', match: { value: 7 } })
      const releaseRead = rows.hold()
      const page = busy.state.page(null, ROWS, text, at)
      release()
      let from = ROWS / 2
      const found = await beside(page, () => {
        // Few rows, so that the version can still be read.
        const to = Math.min(from + 100, ROWS / 2 + 2000)
        busy.rewrite({ from, to }, (id) => (id % 100 === 7 ? 7 : 99))
        from = to
        rows.clean(CHUNK_ROWS)
      })
      expect(found.map((row) => [rows.keyOf(row), rows.payloadOf(row)])).toEqual(
        expected.map((key) => [key, '{"n":7}']),
      )
      releaseRead()
      expect(busy.state.compactions).toBeGreaterThan(2)
    },
  )

  it('is refused at a version that was given up (S6)', async () => {
    const aged = new Cell(32)
    for (let id = 0; id < 6000; id++) aged.write(1, id)
    aged.clean()
    await expect(aged.state.page(null, 1, below(5), 3)).rejects.toThrowError(expect.objectContaining({ code: 'STALE' }))
    await expect(aged.state.matching(below(5), 3)).rejects.toThrowError(expect.objectContaining({ code: 'STALE' }))
  })
})

it('a filter may be interrupted after every row, and several read a payload once (S24)', () => {
  const { rows } = cell.state
  let read = 0
  const counted: FilteredRows = {
    keyOf: (row) => rows.keyOf(row),
    flagOf: (row) => rows.flagOf(row),
    rowsOf: (key) => rows.rowsOf(key),
    relocations: rows.relocations,
    payloadOf: (row) => {
      read++
      return rows.payloadOf(row)
    },
  }
  const work = filteredMasks(counted, stateAt(rows, undefined), [below(50), below(10)], new PayloadIndexes(rows))
  let before = 0
  let step = work.next()
  for (; step.done !== true; step = work.next()) {
    expect(read - before).toBeLessThanOrEqual(1)
    before = read
  }
  expect(read).toBe(rows.live)
  const expected = [50, 10].map((lt) => [...cell.points.values()].filter(({ n }) => n < lt).length)
  expect(step.value.map(({ mask: found }) => found.count)).toEqual(expected)
  const scan = { plan: 'scan', indexes: [], candidates: rows.live, checked: rows.live }
  expect(step.value.map(({ plan }) => plan)).toEqual(expected.map((matched) => ({ ...scan, matched })))
})

/** The exact answers of a cell against plain loops in double precision, with all that float32 does badly. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import { LIMITS } from '../../core/limits.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { normal, type Random, seededRandom } from '../../core/random.ts'
import { normalised } from '../../core/vector.ts'
import { FaissKernel } from './faiss-kernel.ts'
import type { Kernel } from './kernel.ts'
import { PanelKernel } from './panel-kernel.ts'
import { PanelRows } from './panel-rows.ts'
import { RowStore } from './row-store.ts'
import { ExactSearch, takenTogether } from './search.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-nearest-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const MOST = 3.4028234663852886e38
/** More than a kernel keeps candidates of a query. */
const EQUAL_ROWS = 20_000
const LEAST = 1.401298464324817e-45

type Draw = (random: Random) => number

/** What a component of a vector may be. */
const KINDS: Record<string, Draw> = {
  'ordinary numbers': normal,
  'numbers at the ends': (random) => (random() < 0.5 ? -1 : 1) * MOST * (1 - random() / 8),
  subnormals: (random) => LEAST * Math.floor(20 * random() - 10),
  'numbers whose squares underflow': (random) => 1e-25 * normal(random),
  'numbers whose squares overflow': (random) => 1e21 * normal(random),
  'numbers far from zero that differ little': (random) => 1e6 + normal(random),
  'few values, hence many ties': (random) => Math.floor(3 * random()),
  'all kinds mixed': (random) =>
    random() < 0.9 ? normal(random) : (random() < 0.5 ? -1 : 1) * 10 ** (76 * random() - 38),
  'one value': () => 7,
  nothing: () => 0,
}
const METRICS: Metric[] = ['L2', 'InnerProduct', 'Cosine']

type MakeKernel = (metric: Metric, dimension: number) => Kernel

/** FAISS' flat index, and ours with each instruction set that this processor has. */
const KERNELS: Record<string, MakeKernel> = {
  FAISS: (metric, dimension) => new FaissKernel(metric, dimension, folder),
  ...Object.fromEntries(
    (PanelRows?.kernels ?? []).map((name): [string, MakeKernel] => [
      `panels with ${name}`,
      (metric, dimension) => new PanelKernel(metric, dimension, name),
    ]),
  ),
}

class Cell {
  readonly rows: RowStore
  readonly alive = new Map<IdKey, Float32Array>()
  readonly metric: Metric
  readonly dimension: number
  #version = 0

  constructor(make: MakeKernel, metric: Metric, dimension: number) {
    this.metric = metric
    this.dimension = dimension
    this.rows = new RowStore(make(metric, dimension))
  }

  search(queries: readonly { vector: Float32Array; limit: number }[], scanMs = Number.POSITIVE_INFINITY) {
    const mask = this.rows.maskAt(undefined).copy()
    return new ExactSearch(this.metric, this.rows).search(
      queries.map((query) => ({ ...query, mask })),
      scanMs,
    )
  }

  /** A vector as it would be stored: under Cosine of length one. */
  draw(random: Random, kind: Draw): Float32Array {
    const vector = Float32Array.from({ length: this.dimension }, () => kind(random))
    return this.metric === 'Cosine' ? normalised(vector) : vector
  }

  put(id: number, vector: Float32Array): void {
    const key = idKey(id)
    const version = ++this.#version
    this.rows.put({ key, born: version, userVersion: version, flag: 'o', payload: '', vector })
    this.alive.set(key, vector)
  }

  expected(query: Float32Array, limit: number) {
    return [...this.alive]
      .map(([key, vector]) => ({ key, version: 0, distance: distance(this.metric, query, vector) }))
      .sort(byDistance)
      .slice(0, limit)
      .map((hit) => [hit.key, hit.distance])
  }

  async expectExact(queries: readonly Float32Array[], limit: number, what: string): Promise<void> {
    const found = await this.search(queries.map((vector) => ({ vector, limit })))
    queries.forEach((query, i) => {
      const hits = found[i]?.map((hit) => [hit.key, hit.distance])
      expect(hits, `${what}, query ${i}`).toEqual(this.expected(query, limit))
    })
  }
}

const CASES = Object.keys(KERNELS).flatMap((kernel) => METRICS.map((metric): [string, Metric] => [kernel, metric]))

describe.each(CASES)('a cell on %s under %s', (kernel, metric) => {
  const make = KERNELS[kernel] as MakeKernel

  it.each(Object.keys(KINDS))('finds every row, in order, among %s', async (name) => {
    const random = seededRandom(name.length)
    for (const dimension of [4, 17]) {
      const cell = new Cell(make, metric, dimension)
      for (let id = 0; id < 150; id++) cell.put(id, cell.draw(random, KINDS[name] as Draw))
      // Overwritten and repeated rows: later in the index than their ids are in the order of ties.
      for (let id = 0; id < 60; id++) cell.put((id * 7) % 150, cell.draw(random, KINDS[name] as Draw))
      for (let id = 0; id < 20; id++) cell.put(id, cell.alive.get(idKey(149 - id)) as Float32Array)
      const queries = Object.values(KINDS).map((kind) => cell.draw(random, kind))
      for (const vector of [...cell.alive.values()].slice(0, 4)) queries.push(vector)
      await cell.expectExact([...queries, ...queries], 10, `${dimension} values, together`)
      for (const limit of [1, 10, 200])
        await cell.expectExact(queries.slice(0, 8), limit, `${dimension} values, limit ${limit}`)
    }
  })

  it('keeps its speed for all other rows where a few are beyond float32: they are compared apart', async () => {
    const random = seededRandom(5)
    const cell = new Cell(make, metric, 8)
    for (let id = 0; id < 3000; id++) cell.put(id, cell.draw(random, normal))
    for (let id = 0; id < 5; id++) cell.put(3000 + id, cell.draw(random, KINDS['numbers at the ends'] as Draw))
    const queries = Array.from({ length: 30 }, () => cell.draw(random, normal))
    await cell.expectExact(queries, 10, 'among the longest')
    // No time to compare every row: only what the kernel answers for sure, and the one that is always answered.
    const found = await cell.search(
      queries.map((vector) => ({ vector, limit: 10 })),
      0,
    )
    expect(found.filter((rows) => rows === undefined)).toHaveLength(0)
  })
})

it.each(Object.entries(KERNELS))(
  'on %s, queries that need every row are answered one at least in a call, and the rest in the next',
  async (_name, make) => {
    const cell = new Cell(make, 'L2', 2)
    for (let id = 0; id < EQUAL_ROWS; id++) cell.put(id, Float32Array.of(1, 1))
    let open = Array.from({ length: 8 }, () => ({ vector: Float32Array.of(1, 1), limit: 3 }))
    let calls = 0
    for (; open.length > 0; calls++) {
      const found = await cell.search(open, 0)
      for (const rows of found) if (rows) expect(rows.map(({ key }) => key)).toEqual(['i0', 'i1', 'i2'])
      const left = open.filter((_, i) => found[i] === undefined)
      expect(left.length).toBeLessThan(open.length)
      open = left
    }
    expect(calls).toBeGreaterThan(1)
  },
)

it('few rows of a mask among many are compared without the kernel, and more of them by it, exactly both', async () => {
  const random = seededRandom(9)
  const cell = new Cell(KERNELS.FAISS as MakeKernel, 'L2', 4)
  for (let id = 0; id < EQUAL_ROWS; id++) cell.put(id, cell.draw(random, KINDS['few values, hence many ties'] as Draw))
  const kernel = vi.spyOn(cell.rows.kernel, 'search')
  const everyNth = (n: number) => {
    const mask = cell.rows.maskAt(undefined).none()
    for (let row = 0; row < EQUAL_ROWS; row += n) mask.add(row)
    return mask
  }
  const vector = cell.draw(random, normal)
  const searched = async (n: number, queries: number) => {
    const asked = Array.from({ length: queries }, () => ({ vector, limit: 10, mask: everyNth(n) }))
    const found = await new ExactSearch('L2', cell.rows).search(asked, Number.POSITIVE_INFINITY)
    const nearest = cell.expected(vector, EQUAL_ROWS).filter(([key]) => Number(String(key).slice(1)) % n === 0)
    for (const rows of found) expect(rows?.map((hit) => [hit.key, hit.distance])).toEqual(nearest.slice(0, 10))
    return kernel.mock.calls.splice(0).reduce((sum, [passed]) => sum + passed.length, 0)
  }
  expect([await searched(1000, 1), await searched(700, 1), await searched(EQUAL_ROWS, 1)]).toEqual([0, 0, 0])
  expect([await searched(200, 2), await searched(1000, 214)]).toEqual([2, 10])
})

it('of queries for very many rows one call takes the first, and others only while their hits fit into a request', () => {
  const most = LIMITS.CANDIDATES_MAX.value
  const taken = (...limits: number[]) => takenTogether(limits.map((limit) => ({ limit })))
  expect([taken(), taken(1), taken(1, 1, 1), taken(most / 2, most / 2), taken(most, 1)]).toEqual([0, 1, 3, 2, 1])
  expect([taken(most + 1, 1), taken(1, most, 1), taken(1, 1, most)]).toEqual([1, 1, 2])
})

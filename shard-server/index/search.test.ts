/** The exact answers of a cell against plain loops in double precision, with all that float32 does badly. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { normal, type Random, seededRandom } from '../../core/random.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { normalised } from '../../core/vector.ts'
import { CellState } from './cell-state.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-nearest-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const MOST = 3.4028234663852886e38
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
}
const METRICS: Metric[] = ['L2', 'InnerProduct', 'Cosine']

class Cell {
  readonly state: CellState
  readonly alive = new Map<IdKey, Float32Array>()
  readonly metric: Metric
  readonly dimension: number
  #version = 0

  constructor(metric: Metric, dimension: number) {
    this.metric = metric
    this.dimension = dimension
    const shape = {
      owner: 'default/things/0',
      dimension,
      metric,
      vectors: { '': { size: dimension, metric } },
      scratchDir: folder,
    }
    this.state = new CellState(shape, { position: ORIGIN, hash: '' })
  }

  /** A vector as it would be stored: under Cosine of length one. */
  draw(random: Random, kind: Draw): Float32Array {
    const vector = Float32Array.from({ length: this.dimension }, () => kind(random))
    if (this.metric !== 'Cosine') return vector
    if (vector.every((x) => x === 0)) vector[0] = LEAST
    return normalised(vector)
  }

  put(id: number, vector: Float32Array): void {
    const key = idKey(id)
    const version = ++this.#version
    const row = encodeRow({ vector, payload: '' })
    const entry = { type: 'U' as const, version, userVersion: version, key, flag: 'o', idempotency: '', rowStart: 0 }
    this.state.apply([{ ...entry, rowEnd: row.length }], row, { position: { epoch: 1, seq: version }, hash: 'h' })
    this.alive.set(key, vector)
  }

  expected(query: Float32Array, limit: number) {
    return [...this.alive]
      .map(([key, vector]) => ({ key, version: 0, distance: distance(this.metric, query, vector) }))
      .sort(byDistance)
      .slice(0, limit)
      .map((hit) => [hit.key, hit.distance])
  }

  expectExact(queries: readonly Float32Array[], limit: number, what: string): void {
    const found = this.state.search(queries.map((vector) => ({ vector, limit })))
    queries.forEach((query, i) => {
      const hits = found[i]?.map((hit) => [hit.key, hit.distance])
      expect(hits, `${what}, query ${i}`).toEqual(this.expected(query, limit))
    })
  }
}

describe.each(METRICS)('a cell under %s', (metric) => {
  it.each(Object.keys(KINDS))('finds every row, in order, among %s', (name) => {
    const random = seededRandom(name.length)
    for (const dimension of [4, 17]) {
      const cell = new Cell(metric, dimension)
      for (let id = 0; id < 150; id++) cell.put(id, cell.draw(random, KINDS[name] as Draw))
      // Overwritten and repeated rows: later in the index than their ids are in the order of ties.
      for (let id = 0; id < 60; id++) cell.put((id * 7) % 150, cell.draw(random, KINDS[name] as Draw))
      for (let id = 0; id < 20; id++) cell.put(id, cell.alive.get(idKey(149 - id)) as Float32Array)
      const queries = Object.values(KINDS).map((kind) => cell.draw(random, kind))
      for (const vector of [...cell.alive.values()].slice(0, 4)) queries.push(vector)
      cell.expectExact([...queries, ...queries], 10, `${dimension} values, together`)
      for (const limit of [1, 10, 200])
        cell.expectExact(queries.slice(0, 8), limit, `${dimension} values, limit ${limit}`)
    }
  })

  it('keeps its speed for all other rows where a few are beyond float32: they are compared apart', () => {
    const random = seededRandom(5)
    const cell = new Cell(metric, 8)
    for (let id = 0; id < 3000; id++) cell.put(id, cell.draw(random, normal))
    for (let id = 0; id < 5; id++) cell.put(3000 + id, cell.draw(random, KINDS['numbers at the ends'] as Draw))
    const queries = Array.from({ length: 30 }, () => cell.draw(random, normal))
    cell.expectExact(queries, 10, 'among the longest')
    // No time to compare every row: only what FAISS answers for sure, and the one that is always answered.
    const found = cell.state.search(
      queries.map((vector) => ({ vector, limit: 10 })),
      0,
    )
    expect(found.filter((rows) => rows === undefined)).toHaveLength(0)
  })
})

it('queries that need every row are answered one at least in a call, and the rest in the next', () => {
  const cell = new Cell('L2', 2)
  for (let id = 0; id < 500; id++) cell.put(id, Float32Array.of(1, 1))
  let open = Array.from({ length: 8 }, () => ({ vector: Float32Array.of(1, 1), limit: 3 }))
  let calls = 0
  for (; open.length > 0; calls++) {
    const found = cell.state.search(open, 0)
    for (const rows of found) if (rows) expect(rows.map(({ key }) => key)).toEqual(['i0', 'i1', 'i2'])
    const left = open.filter((_, i) => found[i] === undefined)
    expect(left.length).toBeLessThan(open.length)
    open = left
  }
  expect(calls).toBeGreaterThan(1)
})

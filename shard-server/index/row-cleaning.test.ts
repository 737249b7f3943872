/** Cleaning of a row store, against the plainest possible history. */
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { seededRandom } from '../../core/random.ts'
import { FaissKernel } from './faiss-kernel.ts'
import { makeKernel } from './make-kernel.ts'
import { RowStore, type StoredRow } from './row-store.ts'

const CHUNK_ROWS = 32
const kernel = (dimension = 1) => makeKernel('L2', dimension, tmpdir(), CHUNK_ROWS)
const LIMITS = { readable: 20, young: 5, youngPayloadBytes: 1e6 }

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), id: fc.nat(25) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), id: fc.nat(25) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clean' as const), most: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
)
type Step =
  | { kind: 'put' | 'end'; id: number }
  | { kind: 'clean'; most: number }
  | { kind: 'hold' }
  | { kind: 'release' }
type Alive = Map<IdKey, StoredRow>

class Played {
  readonly store: RowStore
  /** Of each version. */
  readonly history: Alive[] = [new Map()]
  /** Versions that ended a row. */
  readonly ends: number[] = []
  /** Rows that are held, with what they were when the hold began. */
  readonly holds: { release: () => void; rows: Map<number, StoredRow> }[] = []

  constructor(rows = kernel()) {
    this.store = new RowStore(rows, LIMITS)
  }

  play(step: Step): void {
    if (step.kind === 'clean') return this.store.clean(step.most)
    if (step.kind === 'hold') return void this.holds.push({ rows: this.#rowsNow(), release: this.store.hold() })
    if (step.kind === 'release') return this.holds.shift()?.release()
    const alive = new Map(this.history.at(-1))
    const version = this.history.length
    const key = idKey(step.id)
    if (alive.delete(key)) this.ends.push(version)
    if (step.kind === 'put') {
      const row: StoredRow = {
        key,
        born: version,
        userVersion: 2 * version,
        flag: version % 3 === 0 ? 'c' : 'o',
        payload: version % 2 === 0 ? '' : `{"version":${version}}`,
        vector: Float32Array.of(version),
      }
      expect(this.store.put(row)).toBe(true)
      alive.set(key, row)
    } else expect(this.store.endRow(key, version)).toBe(true)
    this.history.push(alive)
  }

  #rowsNow(): Map<number, StoredRow> {
    return new Map(this.store.liveRows().map((row) => [row, this.store.at(row)]))
  }

  /** Every version that can still be read is what it was; held rows are where they were. */
  check(): void {
    const { store, history, ends } = this
    store.assertCounts()
    expect([store.kernel.first, store.kernel.rows]).toEqual([store.first, store.size])
    expect(store.floor).toBeLessThanOrEqual(ends.at(-1 - LIMITS.young) ?? 0)
    for (let version = store.floor; version < history.length; version++) this.#checkAt(version)
    for (const { rows } of this.holds) for (const [row, value] of rows) expect(store.at(row)).toEqual(value)
  }

  #checkAt(version: number): void {
    const { store } = this
    const alive = this.history[version] as Alive
    const rows: number[] = []
    const mask = store.maskAt(version)
    for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) rows.push(row)
    const byKey = (a: StoredRow, b: StoredRow) => compareKeys(a.key, b.key)
    expect(rows.map((row) => store.at(row)).sort(byKey)).toEqual([...alive.values()].sort(byKey))
    const owners = [...alive.values()].filter(({ flag }) => flag === 'o').map(({ key }) => key)
    expect(store.page(null, 100, version).map((row) => store.keyOf(row))).toEqual(owners.sort(compareKeys))
    expect([store.count('o', version), store.count('c', version)]).toEqual([owners.length, alive.size - owners.length])
  }
}

describe('cleaning', () => {
  it.each([
    ['the kernel of this machine', kernel],
    ['FAISS', () => new FaissKernel('L2', 1, tmpdir(), CHUNK_ROWS)],
  ])('with %s changes no read at a version that is not given up, no digest, and no row that is held', (_name, make) => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 250 }), (steps) => {
        const played = new Played(make())
        for (const [i, one] of steps.entries()) {
          const before = played.store.digest
          played.play(one)
          if (one.kind === 'clean') expect(played.store.digest).toBe(before)
          if (i % 25 === 0) played.check()
        }
        played.check()
        for (const { release } of played.holds.splice(0)) release()
        played.check()
      }),
      { numRuns: 200 },
    )
  })

  it('drops what was dead before, but for the youngest, when it has gone through all chunks', () => {
    const played = new Played()
    for (let i = 0; i < 600; i++) played.play({ kind: 'put', id: i % 25 })
    const { end } = played.store
    while (played.store.first + CHUNK_ROWS <= end) played.store.clean(7)
    expect(played.store.size).toBeLessThan(25 + LIMITS.young + CHUNK_ROWS)
    played.check()
  })

  it('moves rows forward only, so that a scan by row numbers misses none', () => {
    const played = new Played()
    for (let id = 0; id < 200; id++) played.play({ kind: 'put', id })
    const seen = new Set<IdKey>()
    const { store } = played
    for (let row = 0; row < store.end; row++) {
      if (row < store.first) row = store.first
      if (store.isLive(row)) seen.add(store.keyOf(row))
      if (row % 3 === 0 && row < 600) store.clean(5)
    }
    expect(store.first).toBeGreaterThan(0)
    expect(seen.size).toBe(200)
  })

  it('leaves few dead rows alone until it is to be thorough', () => {
    const { store } = new Played()
    for (let id = 0; id < 500; id++)
      store.put({
        key: idKey(id % 250),
        born: id + 1,
        userVersion: id + 1,
        flag: 'o',
        payload: '',
        vector: Float32Array.of(id),
      })
    expect([store.dead, store.cleaningDue]).toEqual([250, false])
    store.cleanThoroughly()
    while (store.cleaningDue) store.clean(CHUNK_ROWS)
    expect(store.dead).toBeLessThanOrEqual(250 / 8 + LIMITS.young + 2 * CHUNK_ROWS)
  })

  it('is due when the payloads of dead rows take too much memory, though few rows are dead, and keeps the youngest that fit', () => {
    const MiB = 1024 * 1024
    const store = new RowStore(kernel(), { readable: 2000, young: 1000, youngPayloadBytes: 4 * MiB })
    const payload = JSON.stringify('x'.repeat(MiB - 2))
    let peak = 0
    for (let version = 1; version <= 400; version++) {
      const row = { key: idKey(version % 4), born: version, userVersion: version, flag: 'o' as const }
      store.put({ ...row, payload, vector: Float32Array.of(version) })
      while (store.cleaningDue) store.clean(CHUNK_ROWS)
      peak = Math.max(peak, store.bytes.payloads)
    }
    // Live rows, 64 MiB that cleaning leaves, the youngest, the chunk that fills, one that is cleaned, and half an arena to grow.
    expect(peak).toBeLessThan((4 + 64 + 4 + 2 * CHUNK_ROWS + 32) * MiB)
    expect(store.floor).toBeLessThanOrEqual(400 - 4)
    expect(store.maskAt(400 - 3).count).toBe(4)
  })

  it('waits while cleaned chunks are held, and goes on when they are not', () => {
    const played = new Played()
    const { store } = played
    for (let i = 0; i < 10_000; i++) played.play({ kind: 'put', id: i % 25 })
    const release = store.hold()
    while (store.cleaningDue) store.clean(CHUNK_ROWS)
    expect([store.first, store.garbage > 1]).toEqual([0, true])
    release()
    expect([store.first, store.cleaningDue]).toEqual([4 * CHUNK_ROWS, true])
    while (store.cleaningDue) store.clean(CHUNK_ROWS)
    expect(store.garbage).toBeLessThanOrEqual(1)
  })
})

it('memory stays what it is under overwrites in any order', () => {
  const LIVE = 6000
  /** Columns are given back 4,096 rows at a time. */
  const SLACK = 100_000
  const random = seededRandom(5)
  const store = new RowStore(makeKernel('L2', 16, tmpdir(), 256))
  let version = 0
  const put = (id: number) => {
    store.put({
      key: idKey(id),
      born: ++version,
      userVersion: version,
      flag: 'o',
      payload: 'x'.repeat(50),
      vector: new Float32Array(16).fill(id),
    })
    while (store.cleaningDue) store.clean(64)
  }
  for (let id = 0; id < LIVE; id++) put(id)
  for (let i = 0; i < 20_000; i++) put(Math.floor(random() * LIVE))
  const steady = store.bytes
  for (let i = 0; i < 30_000; i++) {
    put(Math.floor(random() * LIVE))
    // Live rows, the youngest dead ones, those that cleaning leaves, and two chunks.
    if (i % 500 === 0) expect(store.size).toBeLessThanOrEqual(LIVE + 2048 + 2048 + 2 * 256)
  }
  for (const part of ['vectors', 'ids', 'columns', 'payloads'] as const)
    expect(store.bytes[part]).toBeLessThanOrEqual(steady[part] + SLACK)
  // Each row that died was paid for by some moves, not by many.
  expect(store.end).toBeLessThan(6 * version)
})

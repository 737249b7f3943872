import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, type IdKey, idKey } from '../../core/ids.ts'
import { makeKernel } from './make-kernel.ts'
import { RowStore } from './row-store.ts'

const kernel = () => makeKernel('L2', 1, tmpdir())

type Event = { kind: 'put' | 'end'; id: number; flag: 'o' | 'c' | 'l' }
const event = fc.record({
  kind: fc.constantFrom('put' as const, 'put' as const, 'end' as const),
  id: fc.nat(12),
  flag: fc.constantFrom('o' as const, 'o' as const, 'c' as const, 'l' as const),
})

/** What is alive after each version: the plainest possible history. */
function play(events: readonly Event[]): { store: RowStore; history: Map<IdKey, { flag: string; born: number }>[] } {
  const store = new RowStore(kernel())
  let alive = new Map<IdKey, { flag: string; born: number }>()
  const history = [alive]
  events.forEach(({ kind, id, flag }, i) => {
    const version = i + 1
    const key = idKey(id)
    alive = new Map(alive)
    if (kind === 'put') {
      store.put({ key, born: version, userVersion: version, flag, payload: '', vector: Float32Array.of(id) })
      alive.set(key, { flag, born: version })
    } else {
      store.endRow(key, version)
      alive.delete(key)
    }
    history.push(alive)
  })
  return { store, history }
}

const owners = (alive: Map<IdKey, { flag: string }>) =>
  [...alive]
    .filter(([, { flag }]) => flag === 'o')
    .map(([key]) => key)
    .sort(compareKeys)

describe('rows that know when they lived', () => {
  it('answer at every version what was alive then: count, page, owner, visibility', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60 }),
        fc.nat(12),
        fc.integer({ min: 1, max: 5 }),
        (events, from, limit) => {
          const { store, history } = play(events)
          history.forEach((alive, version) => {
            const expected = owners(alive)
            expect(store.count('o', version)).toBe(expected.length)
            const page = store.page(idKey(from), limit, version).map((row) => store.keyOf(row))
            expect(page).toEqual(expected.filter((key) => compareKeys(key, idKey(from)) >= 0).slice(0, limit))
            const mask = store.maskAt(version)
            expect(mask.count).toBe(alive.size)
            for (let row = 0; row < store.size; row++) {
              expect(mask.has(row)).toBe(store.visible(row, version))
              expect(store.visible(row, version)).toBe(alive.get(store.keyOf(row))?.born === store.bornOf(row))
            }
          })
          expect(store.count('o', undefined)).toBe(owners(history.at(-1) as never).length)
          expect(store.points).toBe(store.count('o', undefined))
        },
      ),
    )
  })

  it('answer at every version also if a repair has put older operations behind newer ones: mask and count', () => {
    const late = fc.record({
      kind: fc.constantFrom('put', 'put', 'end'),
      id: fc.nat(8),
      version: fc.integer({ min: 1, max: 40 }),
    })
    fc.assert(
      fc.property(fc.array(late, { maxLength: 40 }), (events) => {
        const store = new RowStore(kernel())
        for (const { kind, id, version } of events) {
          const key = idKey(id)
          const row = { key, born: version, userVersion: version, flag: 'o' as const, payload: '' }
          if (kind === 'put') store.put({ ...row, vector: Float32Array.of(id) })
          else store.endRow(key, version)
        }
        for (let version = 0; version <= 41; version++) {
          const expected = [...Array(store.size).keys()].filter((row) => store.visible(row, version))
          const mask = store.maskAt(version)
          expect([...Array(store.size).keys()].filter((row) => mask.has(row))).toEqual(expected)
          expect(store.count('o', version)).toBe(expected.length)
        }
      }),
    )
  })

  it('an entry applied twice, or late, changes nothing', () => {
    const store = new RowStore(kernel())
    const row = { key: idKey(1), born: 5, userVersion: 5, flag: 'o' as const, payload: 'a', vector: Float32Array.of(1) }
    expect(store.put(row)).toBe(true)
    expect(store.put(row)).toBe(false)
    expect(store.put({ ...row, born: 4, payload: 'old' })).toBe(false)
    expect(store.endRow(idKey(1), 3)).toBe(false)
    expect(store.at(store.ownerRow(idKey(1), undefined) as number).payload).toBe('a')
  })
})

describe('the counts of live rows', () => {
  it('agree whatever was put and ended', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        play(events).store.assertCounts()
      }),
    )
  })

  it('that do not agree are a violation', () => {
    const { store } = play([{ kind: 'put', id: 1, flag: 'o' }])
    store.totals.points = 2
    expect(() => store.assertCounts()).toThrow('of 1 rows 1 are live, 2 as owners and 0 as redundant rows')
    const other = play([{ kind: 'put', id: 1, flag: 'o' }]).store
    other.maskAt(undefined).add(7)
    expect(() => other.assertCounts()).toThrow('1 ids are live, and the row mask has 2 rows')
  })
})

it('the memory of the rows is stated by its parts, and grows with each', () => {
  const store = new RowStore(makeKernel('L2', 100, tmpdir()))
  const put = (from: number, count: number, payload: string) => {
    for (let id = from; id < from + count; id++)
      store.put({ key: idKey(id), born: id, userVersion: id, flag: 'o', payload, vector: new Float32Array(100) })
  }
  put(1, 1000, '')
  const before = store.bytes
  put(1001, 20_000, 'x'.repeat(100))
  const after = store.bytes
  expect(after.vectors - before.vectors).toBeGreaterThan(18_000 * 400)
  expect(after.ids - before.ids).toBeGreaterThan(20_000 * 8)
  expect(after.columns - before.columns).toBeGreaterThan(20_000 * 16)
  expect(after.payloads - before.payloads).toBeGreaterThanOrEqual(20_000 * 100)
  expect(after.payloads - before.payloads).toBeLessThan(20_000 * 110)
})

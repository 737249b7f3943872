import { describe, expect, it } from 'vitest'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'
import type { Cut } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import { type Consistency, mayBeMisplaced, type ReadSource, sourceFor } from './consistency.ts'

const cutAt = (version: number, part: Partial<Cut> = {}): Cut => ({
  version,
  centroidVersion: 1,
  moving: 0,
  generation: 0,
  timeline: 1,
  heads: [],
  entries: [],
  ...part,
})
const KNOWN = cutAt(10)
const NEW = cutAt(20)
const KEYS = [idKey(1)]

interface Given {
  /** Age of the known cut, ms; undefined if none is known. */
  age?: number
  /** Of the request for a new cut. */
  error?: ErrorCode
  newest?: Cut
}

/** A collection with a known cut, and the cuts that were taken from it. */
function collectionOf({ age, error, newest = NEW }: Given) {
  const taken: string[] = []
  const take = async (what: string) => {
    taken.push(what)
    if (error) throw new MaksError(error, 'no cut')
    return newest
  }
  const collection = {
    seen: age === undefined ? undefined : { cut: KNOWN, at: performance.now() - age },
    cuts: { take: () => take('all'), of: (keys: readonly string[]) => take(keys.join()) },
  } as unknown as Collection
  return { collection, taken }
}

const PRIMARY: ReadSource = { from: 'primary' }
const ANY: ReadSource = { from: 'any' }
const FRESH: ReadSource = { from: 'cut', cut: NEW, fresh: true }
const OLD: ReadSource = { from: 'cut', cut: KNOWN, fresh: false }
const token = (version: number, generation = 0) => ({ generation, version })

interface Case extends Given {
  token?: ReturnType<typeof token>
  maxStalenessMs?: number
  spread?: boolean
  again?: boolean
}

async function sourceOf(consistency: Consistency, given: Case) {
  const { collection, taken } = collectionOf(given)
  const read = { consistency, token: given.token, maxStalenessMs: given.maxStalenessMs ?? 5000 }
  const source = await sourceFor(collection, read, { spread: given.spread ?? true, again: given.again ?? false })
  return { source, taken }
}

describe('a read is answered', () => {
  it.each<[string, Consistency, Case, ReadSource]>([
    ['by any pod if it is eventual', 'eventual', { age: 0 }, ANY],
    ['by primaries if it is a default one of one cell each', 'default', { spread: false }, PRIMARY],
    ['at a new cut if it is a default one over cells', 'default', { age: 0 }, FRESH],
    ['by primaries if Redis is away and it is a default one', 'default', { error: 'REDIS_UNAVAILABLE' }, PRIMARY],
    ['by primaries if the gate is closed and it is a default one', 'default', { error: 'GATE_CLOSED' }, PRIMARY],
    ['at a new cut if it is strong, though one is known', 'strong', { age: 0 }, FRESH],
    ['at a new cut if it is strong and of one cell', 'strong', { age: 0, spread: false }, FRESH],
    ['at the known cut if it is bounded and that is young enough', 'bounded', { age: 100 }, OLD],
    ['at a new cut if it is bounded and the known one is too old', 'bounded', { age: 100, maxStalenessMs: 50 }, FRESH],
    ['at a new cut if it is bounded by nothing', 'bounded', { age: 1, maxStalenessMs: 0 }, FRESH],
    ['at a new cut if it is bounded and none is known', 'bounded', {}, FRESH],
    ['at a new cut if it is bounded and the known one was overtaken', 'bounded', { age: 0, again: true }, FRESH],
    ['at the known cut if it begins a session', 'session', { age: 60_000 }, OLD],
    ['at the known cut if that holds all that its session has seen', 'session', { age: 0, token: token(10) }, OLD],
    ['at a new cut if its session has seen a newer one', 'session', { age: 0, token: token(11) }, FRESH],
    [
      'at a new cut if its session has seen another generation',
      'session',
      {
        age: 0,
        token: token(1, 1),
        newest: cutAt(20, { generation: 1 }),
      },
      { ...FRESH, cut: cutAt(20, { generation: 1 }) },
    ],
    ['at a new cut if it is of a session and none is known', 'session', { token: token(20) }, FRESH],
    ['at a new cut if it is of a session and the known one was overtaken', 'session', { age: 0, again: true }, FRESH],
  ])('%s', async (_what, consistency, given, expected) => {
    const { source, taken } = await sourceOf(consistency, given)
    expect(source).toEqual(expected)
    expect(taken).toHaveLength(source.from === 'cut' && source.fresh ? 1 : given.error ? 1 : 0)
  })

  it('at a cut that names the cells of its ids', async () => {
    const { collection, taken } = collectionOf({})
    const read = { consistency: 'strong', token: undefined, maxStalenessMs: 0 } as const
    await sourceFor(collection, read, { spread: true, keys: KEYS, again: false })
    expect(taken).toEqual(['i1'])
  })
})

describe('a read fails', () => {
  it.each<[string, Consistency, Case, ErrorCode]>([
    ['if it is strong and Redis is away', 'strong', { error: 'REDIS_UNAVAILABLE' }, 'REDIS_UNAVAILABLE'],
    ['if it is strong and the gate is closed', 'strong', { error: 'GATE_CLOSED' }, 'GATE_CLOSED'],
    ['if it needs a new cut for its bound', 'bounded', { error: 'REDIS_UNAVAILABLE' }, 'REDIS_UNAVAILABLE'],
    ['if it needs a new cut for its session', 'session', { error: 'GATE_CLOSED' }, 'GATE_CLOSED'],
    ['if a default one meets another error', 'default', { error: 'INTERNAL' }, 'INTERNAL'],
    ['if the newest cut is older than its session', 'session', { token: token(21) }, 'SESSION_RESET'],
    ['if the newest cut is of another generation', 'session', { token: token(1, 1) }, 'SESSION_RESET'],
  ])('%s', async (_what, consistency, given, code) => {
    await expect(sourceOf(consistency, given)).rejects.toThrowError(expect.objectContaining({ code }))
  })
})

describe('rows may lie in another cell than the centroids name', () => {
  it.each<[string, boolean, ReadSource, boolean]>([
    ['not if all are settled', false, PRIMARY, false],
    ['if rows move now', true, PRIMARY, true],
    ['not at a cut of the same centroids', false, { ...FRESH, cut: NEW }, false],
    ['if rows moved at the cut', false, { from: 'cut', cut: cutAt(20, { moving: 1 }), fresh: true }, true],
    [
      'if the cut has other centroids',
      false,
      { from: 'cut', cut: cutAt(20, { centroidVersion: 2 }), fresh: true },
      true,
    ],
  ])('%s', (_what, unsettled, source, expected) => {
    expect(mayBeMisplaced({ unsettled, partition: { version: 1 } } as Collection, source)).toBe(expected)
  })
})

/** Points in groups, asked for through filters, against a plain grouping of all points. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileFilter } from '../../core/filter/compile-filter.ts'
import { decodeFilter, encodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { idKey } from '../../core/ids.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { OpenCall } from '../../runtime/call.ts'
import { groupsOfPoints } from './groups.ts'
import type { ScoredPoint } from './rows.ts'

const path = parseJsonPath('kind', 'key')
const call = new OpenCall(60_000)

/** Points with these values in the field, the nearest first, and how often they were asked for. */
function collectionOf(kinds: readonly unknown[]) {
  const all = kinds.map(
    (kind, i): ScoredPoint => ({
      key: idKey(i),
      version: 1,
      userVersion: 1,
      distance: i,
      score: -i,
      payload: Buffer.from(kind === undefined ? '' : exactStringify({ kind })),
    }),
  )
  const limits: number[] = []
  const ask = async (filter: FilterText | undefined, limit: number) => {
    limits.push(limit)
    const test = filter === undefined ? () => true : compileFilter(decodeFilter(filter))
    const matching = all.filter(({ key }, i) =>
      test({ key, payload: kinds[i] === undefined ? {} : { kind: kinds[i] } }),
    )
    return matching.slice(0, limit)
  }
  return { ask, limits }
}

function slowGroups(kinds: readonly unknown[], limit: number, size: number): [unknown, string[]][] {
  const groups = new Map<unknown, string[]>()
  kinds.forEach((kind, i) => {
    const own = kind === undefined ? [] : [kind].flat()
    if (own.some((one) => typeof one !== 'string' && !Number.isInteger(one))) return
    for (const one of new Set(own)) {
      const hits = groups.get(one) ?? []
      groups.set(one, hits)
      if (hits.length < size) hits.push(`i${i}`)
    }
  })
  return [...groups].slice(0, limit)
}

const shown = (groups: Awaited<ReturnType<typeof groupsOfPoints>>) =>
  groups.map(({ id, hits }) => [id, hits.map(({ key }) => key)])

const kind = fc.constantFrom('a', 'b', 'c', 'd', 1, 2, 3)
/** One value is as frequent as all others together. */
const kinds = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant('a') },
    { weight: 6, arbitrary: kind },
    { weight: 2, arbitrary: fc.array(kind, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, 1.5, true, ['b', 1.5], ['a', null]) },
  ),
  { maxLength: 80 },
)

describe('groups of points', () => {
  it('are those of a grouping of all points, however the values are distributed', async () => {
    const given = fc.tuple(kinds, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 }))
    await fc.assert(
      fc.asyncProperty(given, async ([all, limit, size]) => {
        const groups = await groupsOfPoints(collectionOf(all).ask, { path, limit, size, filter: undefined }, call)
        expect(shown(groups)).toEqual(slowGroups(all, limit, size))
      }),
      { numRuns: 400 },
    )
  })

  it('of a filter are those of the points that match it', async () => {
    const all = ['a', 'b', 'a', 'c', 'b', 'a']
    const filter = encodeFilter({ must: [], should: [], mustNot: [{ is: 'hasId', keys: [idKey(0), idKey(4)] }] })
    const groups = await groupsOfPoints(collectionOf(all).ask, { path, limit: 2, size: 2, filter }, call)
    expect(shown(groups)).toEqual([
      ['b', ['i1']],
      ['a', ['i2', 'i5']],
    ])
  })

  it('that a few near points of each fill are asked for once', async () => {
    const { ask, limits } = collectionOf(Array.from({ length: 1000 }, (_, i) => i % 3))
    expect(await groupsOfPoints(ask, { path, limit: 3, size: 2, filter: undefined }, call)).toHaveLength(3)
    expect(limits).toEqual([6])
  })

  it('behind many points of one group need a few rounds, none of which asks for all points', async () => {
    const { ask, limits } = collectionOf([...Array.from({ length: 5000 }, () => 'a'), 'b', 'c', 'b'])
    expect(shown(await groupsOfPoints(ask, { path, limit: 3, size: 2, filter: undefined }, call))).toEqual([
      ['a', ['i0', 'i1']],
      ['b', ['i5000', 'i5002']],
      ['c', ['i5001']],
    ])
    expect(limits.length).toBeLessThanOrEqual(4)
    expect(Math.max(...limits)).toBe(6)
  })

  it('end with their call', async () => {
    const over = new OpenCall(60_000)
    over.cancel('the caller has gone')
    const { ask, limits } = collectionOf(['a'])
    await expect(groupsOfPoints(ask, { path, limit: 1, size: 1, filter: undefined }, over)).rejects.toThrowError(
      expect.objectContaining({ code: 'TIMEOUT' }),
    )
    expect(limits).toEqual([])
  })
})

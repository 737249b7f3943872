import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { bytesOf } from '../../core/vector.ts'
import { decodeFrame, encodeFrame } from '../../protocol/frame.ts'
import type { HitRow, RowsResponse, SearchResponse } from '../../protocol/shard-rpc.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { CellAnswer } from './cell-read.ts'
import { hitsOf, type Point, rowsOf, type Wanted } from './rows.ts'

const row = (id: number, payload?: string) => ({
  key: idKey(id),
  version: id,
  userVersion: 1,
  ...(payload === undefined ? {} : { payloadBytes: Buffer.byteLength(payload) }),
})
const hit = (id: number, payload?: string): HitRow => ({ ...row(id, payload), distance: id / 2 })

/** An answer of a cell, after its way over the wire. */
async function received<A>(header: A, vectors: readonly number[], payloads: readonly string[]): Promise<CellAnswer<A>> {
  const chunks = [bytesOf(new Float32Array(vectors)), Buffer.from(payloads.join(''))]
  return { ...(await inSlices(decodeFrame<A>(encodeFrame(header, chunks)))), cell: 5, primary: true }
}

const shown = (points: readonly Point[]) =>
  points.map(({ key, vector, payload }) => [key, vector && [...vector], payload?.toString()])
const BOTH: Wanted = { withPayload: true, withVector: true }
const NEITHER: Wanted = { withPayload: false, withVector: false }
const VECTOR: Wanted = { withPayload: false, withVector: true }
const PAYLOAD: Wanted = { withPayload: true, withVector: false }

describe('the hits of an answer', () => {
  it('have their own parts of vectors and payloads, query by query', async () => {
    const header: SearchResponse = { hits: [[hit(1, '{"a":"ä"}'), hit(2, '')], [], [hit(3, '{}')]], scanned: 9 }
    const answer = await received(header, [1, 2, 3, 4, 5, 6], ['{"a":"ä"}', '', '{}'])
    const found = await inSlices(hitsOf(answer, 2, [BOTH, BOTH, BOTH]))
    expect(found.map(shown)).toEqual([
      [
        ['i1', [1, 2], '{"a":"ä"}'],
        ['i2', [3, 4], ''],
      ],
      [],
      [['i3', [5, 6], '{}']],
    ])
    expect(found[0]?.[1]).toMatchObject({ distance: 1, score: 0, version: 2, userVersion: 1 })
  })

  it('have the parts that each query wants, and no others', async () => {
    const header: SearchResponse = { hits: [[hit(1)], [hit(2)], [hit(3, '[]')], [hit(4, '{}')]], scanned: 4 }
    const answer = await received(header, [3, 4, 7, 8], ['[]', '{}'])
    const found = await inSlices(hitsOf(answer, 2, [NEITHER, VECTOR, PAYLOAD, BOTH]))
    expect(found.map(shown)).toEqual([
      [['i1', undefined, undefined]],
      [['i2', [3, 4], undefined]],
      [['i3', undefined, '[]']],
      [['i4', [7, 8], '{}']],
    ])
  })

  it('are none for an answer without queries, or without chunks', async () => {
    expect(await inSlices(hitsOf(await received<SearchResponse>({ hits: [], scanned: 0 }, [], []), 2, []))).toEqual([])
    const bare = await inSlices(decodeFrame<SearchResponse>(encodeFrame({ hits: [[hit(1)]], scanned: 1 })))
    expect((await inSlices(hitsOf({ ...bare, cell: 5, primary: true }, 2, [NEITHER]))).map(shown)).toEqual([
      [['i1', undefined, undefined]],
    ])
  })

  it('yield after each query, so that other work has its turn', async () => {
    const work = hitsOf(await received<SearchResponse>({ hits: [[], [], []], scanned: 0 }, [], []), 2, [
      BOTH,
      BOTH,
      BOTH,
    ])
    let turns = 0
    while (!work.next().done) turns++
    expect(turns).toBe(3)
  })
})

describe('the rows of an answer', () => {
  it.each<[string, Wanted, number[], string[], unknown[]]>([
    [
      'both parts',
      BOTH,
      [1, 2],
      ['{}', '[1]'],
      [
        ['i1', [1], '{}'],
        ['i2', [2], '[1]'],
      ],
    ],
    [
      'vectors alone',
      VECTOR,
      [1, 2],
      [],
      [
        ['i1', [1], undefined],
        ['i2', [2], undefined],
      ],
    ],
    [
      'payloads alone',
      PAYLOAD,
      [],
      ['{}', '[1]'],
      [
        ['i1', undefined, '{}'],
        ['i2', undefined, '[1]'],
      ],
    ],
    [
      'neither',
      NEITHER,
      [],
      [],
      [
        ['i1', undefined, undefined],
        ['i2', undefined, undefined],
      ],
    ],
  ])('have %s', async (_what, wanted, vectors, payloads, expected) => {
    const rows = [row(1, payloads[0]), row(2, payloads[1])]
    const found = rowsOf(await received<RowsResponse>({ rows }, vectors, payloads), 1, wanted)
    expect(shown(found)).toEqual(expected)
    expect(found.map(({ cell }) => cell)).toEqual([5, 5])
  })
})

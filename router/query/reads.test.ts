import { describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'
import { OpenCall } from '../../runtime/call.ts'
import type { Cut } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import type { ReadRequest } from './consistency.ts'
import { Reads } from './reads.ts'

const STRONG: ReadRequest = { consistency: 'strong', token: undefined, maxStalenessMs: 0 }
const CUT = { version: 1, moving: 0, centroidVersion: 0, heads: [{ epoch: 1, seq: 1 }], entries: [] } as unknown as Cut

/** A collection of one cell with one pod, which answers each read by `answer`; and the cuts that were taken. */
function cell(answer: () => never) {
  const taken: string[] = []
  const take = async () => {
    taken.push('cut')
    return CUT
  }
  const collection = {
    config: { clusters: 1, vectors: { '': { size: 1, metric: 'L2' } } },
    topology: {},
    unsettled: false,
    cuts: { take, of: take },
    pods: () => [{ pod: 'pod-0', applied: '1-1' }],
    refresh: async () => undefined,
  } as unknown as Collection
  const reads = new Reads({ call: async () => answer() } as unknown as ShardClient)
  return { collection, reads, taken }
}

const stale = () => {
  throw new MaksError('STALE', 'below the floor')
}

describe('a read', () => {
  it.each<[string, (reads: Reads, collection: Collection, call: OpenCall) => Promise<unknown>]>([
    ['count', (reads, collection, call) => reads.count(collection, STRONG, call)],
    [
      'scroll',
      (reads, collection, call) =>
        reads.scroll(collection, { from: null, limit: 1 }, { withPayload: false, withVector: false }, STRONG, call),
    ],
    [
      'retrieval',
      (reads, collection, call) =>
        reads.retrieve(collection, [idKey(1)], { withPayload: false, withVector: false }, STRONG, call),
    ],
    ['search', (reads, collection, call) => reads.search(collection, [], STRONG, call)],
  ])('of a caller that has gone takes no cut: %s', async (_what, run) => {
    const { reads, collection, taken } = cell(stale)
    const call = new OpenCall(60_000)
    call.cancel('the caller has gone')
    await expect(run(reads, collection, call)).rejects.toThrowError(expect.objectContaining({ code: 'TIMEOUT' }))
    expect(taken).toEqual([])
  })

  it('that cleaning overtakes takes new cuts, a few times', async () => {
    const { reads, collection, taken } = cell(stale)
    const call = new OpenCall(60_000)
    await expect(reads.count(collection, STRONG, call)).rejects.toThrowError(expect.objectContaining({ code: 'STALE' }))
    expect(taken).toHaveLength(4)
    call.cancel('')
  })

  it('that cleaning overtakes takes no new cut for a caller that has gone', async () => {
    const call = new OpenCall(60_000)
    const { reads, collection, taken } = cell(() => {
      call.cancel('the caller has gone')
      return stale()
    })
    await expect(reads.count(collection, STRONG, call)).rejects.toThrowError(
      expect.objectContaining({ code: 'TIMEOUT' }),
    )
    expect(taken).toHaveLength(1)
  })
})

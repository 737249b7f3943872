import { describe, expect, it } from 'vitest'
import type { VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { TopologyView } from '../../store/topology.ts'
import { belowFloor } from './status.ts'

const status = (generation?: number): VectorClusterStatus => ({
  shards: [
    {
      cell: 0,
      primary: 'a-0',
      epoch: 2,
      points: 0,
      readyReplicas: 1,
      floor: { id: '7-50', version: 9, ...(generation === undefined ? {} : { generation }) },
    },
  ],
})
const topology = (seq: number, generation: number) =>
  ({ gateOpen: true, generation, cells: [{ head: { epoch: 8, seq } }] }) as TopologyView

describe('a log below its floor', () => {
  it.each([
    ['ends at what was seen', 50, 0, undefined, []],
    ['ends before it', 49, 0, undefined, [0]],
    ['ends before it, and a loss was accepted since', 49, 1700, undefined, []],
    ['ends before it, and the loss was accepted before that', 49, 1700, 1700, [0]],
    ['lost all of Redis, the acceptance of former losses included', 2, 0, 1700, [0]],
  ])('is one that %s', (_what, seq, generation, noted, expected) => {
    expect(belowFloor(status(noted), topology(seq, generation))).toEqual(expected)
  })
})

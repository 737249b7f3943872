import { expect, it } from 'vitest'
import { leaderName, leaderOf } from './leader.ts'

const topology = {
  cells: [
    { leader: '0/1', leased: true },
    { leader: '1/0', leased: false },
    { leader: '2/7', leased: true },
  ],
  members: [{ pod: '0/0' }, { pod: '0/1' }, { pod: '1/0' }],
}

it('the leader of a cell is the pod with its lease, and none after the lease has expired', () => {
  expect(topology.cells.map(leaderName)).toEqual(['0/1', undefined, '2/7'])
  expect(leaderName(undefined)).toBeUndefined()
})

it('the leading member is a pod that beats: none of an unknown cell, without a topology, or if it is no member', () => {
  expect(leaderOf(topology, 0)).toBe(topology.members[1])
  expect([1, 2, 3].map((cell) => leaderOf(topology, cell))).toEqual([undefined, undefined, undefined])
  expect(leaderOf(undefined, 0)).toBeUndefined()
})

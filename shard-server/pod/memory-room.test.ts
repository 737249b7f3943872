import { expect, it } from 'vitest'
import type { MemoryUse } from '../../runtime/cgroup-memory.ts'
import { MemoryRoom, reserveBytes } from './memory-room.ts'

const MiB = 1024 * 1024
const ROOM_OF_512 = 512 - 200 - 96 - 4

it('the reserve has what deletes and work need, two chunks, and another table of ids; of a small limit a quarter for work', () => {
  expect(reserveBytes(512 * MiB, 0, 128)).toBe((96 + 2 * 2) * MiB)
  expect(reserveBytes(512 * MiB, 30 * MiB, 128)).toBe((96 + 2 * 2 + 30) * MiB)
  expect(reserveBytes(512 * MiB, 0, 65_536)).toBe((96 + 2 * 8) * MiB)
  expect(reserveBytes(160 * MiB, 0, 128)).toBe((40 + 2 * 2) * MiB)
})

it('the limit that leaves the least room counts, not the lowest; without one there is none', () => {
  const uses: MemoryUse[] = []
  let now = 0
  const room = new MemoryRoom({ measure: () => uses, now: () => now, dimension: 128 })
  expect(room.read(0)).toBeUndefined()
  uses.push({ used: 200 * MiB, limit: 512 * MiB }, { used: 900 * MiB, limit: 1024 * MiB })
  now += 100
  expect(room.read(0)).toEqual({ used: 900 * MiB, limit: 1024 * MiB, room: (1024 - 900 - 100) * MiB })
  uses[1] = { used: 300 * MiB, limit: 1024 * MiB }
  now += 100
  expect(room.read(0)).toEqual({ used: 200 * MiB, limit: 512 * MiB, room: ROOM_OF_512 * MiB })
})

it('a measurement is used for a tenth of a second; the ids are those of the caller', () => {
  let now = 0
  let measured = 0
  const measure = () => [{ used: ++measured * MiB, limit: 512 * MiB }]
  const room = new MemoryRoom({ measure, now: () => now, dimension: 128 })
  for (; now < 100; now += 10) room.read(0)
  expect(measured).toBe(1)
  expect(room.read(MiB)).toEqual({ used: 2 * MiB, limit: 512 * MiB, room: (512 - 2 - 100 - 1) * MiB })
})

it('a room that a single larger write would fill is none', () => {
  const roomAt = (used: number) =>
    new MemoryRoom({ measure: () => [{ used, limit: 512 * MiB }], now: () => 0, dimension: 128 }).read(0)?.room
  expect(roomAt(411 * MiB)).toBe(MiB)
  expect(roomAt(411 * MiB + 1)).toBe(0)
  expect(roomAt(413 * MiB)).toBe(-MiB)
})

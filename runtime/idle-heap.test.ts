import { beforeEach, describe, expect, it } from 'vitest'
import { IdleHeap } from './idle-heap.ts'

const MIB = 1024 * 1024
let busy: number
let heap: { used: number; total: number }
let collections: number
let idle: IdleHeap
beforeEach(() => {
  busy = 0
  heap = { used: 40 * MIB, total: 60 * MIB }
  collections = 0
  const collect = () => {
    collections++
    heap = { used: 20 * MIB, total: 24 * MIB }
  }
  idle = new IdleHeap({ busy: () => busy, heap: () => heap, collect }, 100 * MIB)
})

describe('the heap of a thread', () => {
  it('is collected when the thread is idle, and again only after it has grown', () => {
    idle.look()
    idle.look()
    expect(collections).toBe(1)
    heap = { used: 22 * MIB, total: 30 * MIB }
    idle.look()
    expect(collections).toBe(1)
    heap = { used: 22 * MIB, total: 40 * MIB }
    idle.look()
    expect(collections).toBe(2)
  })

  it('is collected when it has grown since it became smaller without a collection', () => {
    idle.look()
    heap = { used: 10 * MIB, total: 12 * MIB }
    idle.look()
    heap = { used: 10 * MIB, total: 21 * MIB }
    idle.look()
    expect(collections).toBe(2)
  })

  it('is left alone while the thread works, and collected afterwards', () => {
    busy = 0.3
    idle.look()
    expect(collections).toBe(0)
    busy = 0.01
    idle.look()
    expect(collections).toBe(1)
  })

  it('is left alone if it is so large that the pause would be long', () => {
    heap = { used: 101 * MIB, total: 200 * MIB }
    idle.look()
    expect(collections).toBe(0)
  })
})

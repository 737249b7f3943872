import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { expect, it } from 'vitest'
import { QUEUES } from '../core/limits.ts'
import { InFlight } from './in-flight.ts'

const MiB = 1024 * 1024
const { QUEUE_REQUESTS_MAX, QUEUE_BODIES_MAX } = QUEUES
const flight = () => new InFlight({ requests: 'QUEUE_REQUESTS_MAX', bytes: 'QUEUE_BODIES_MAX' }, 32 * MiB)

/** Enters a request; returns how it ends, and how more of its body comes. */
function begin(into: InFlight, headers: IncomingMessage['headers'] = {}) {
  const response = new EventEmitter()
  const arrived = into.enter({ headers }, response)
  return { arrived, end: () => void response.emit('close') }
}
const enter = (into: InFlight, headers?: IncomingMessage['headers']) => begin(into, headers).end
const length = (bytes: number) => ({ 'content-length': String(bytes) })
const refusal = (name: string) =>
  expect.objectContaining({ code: 'OVERLOADED', retriable: true, message: expect.stringContaining(`(${name})`) })

it('as many requests are taken as the limit says, and another one when one has ended', () => {
  const all = flight()
  const ends = Array.from({ length: QUEUE_REQUESTS_MAX.value }, () => enter(all))
  expect(() => enter(all)).toThrow(refusal('QUEUE_REQUESTS_MAX'))
  ends[0]?.()
  enter(all)
  expect(all.requests).toBe(QUEUE_REQUESTS_MAX.value)
})

it('bodies are taken up to the bytes of the limit, by the length that they name', () => {
  const all = flight()
  const most = QUEUE_BODIES_MAX.value
  const end = enter(all, length(32 * MiB))
  for (let left = most - 32 * MiB; left > 0; left -= 32 * MiB) enter(all, length(32 * MiB))
  expect(all.bytes).toBe(most)
  expect(() => enter(all, length(1))).toThrow(refusal('QUEUE_BODIES_MAX'))
  enter(all)
  end()
  enter(all, length(1e12))
  expect(all.bytes).toBe(most)
})

it('a body that names no length counts by what has come of it, and is refused when that is too much', () => {
  const all = flight()
  const bodies = Array.from({ length: 100 }, () => begin(all, { 'transfer-encoding': 'chunked' }))
  expect(all.bytes).toBeLessThan(10 * MiB)
  bodies[0]?.arrived(MiB)
  const before = all.bytes
  bodies[0]?.arrived(31 * MiB)
  expect(all.bytes - before).toBe(30 * MiB)
  expect(() => {
    for (const { arrived } of bodies) arrived(32 * MiB)
  }).toThrow(refusal('QUEUE_BODIES_MAX'))
  for (const { end } of bodies) end()
  expect([all.requests, all.bytes]).toEqual([0, 0])
})

it('a request that is refused counts for nothing, and one that is alone is taken however long it is', () => {
  const all = new InFlight({ bytes: 'QUEUE_BODIES_MAX' }, 2 * QUEUE_BODIES_MAX.value)
  const end = enter(all, length(2 * QUEUE_BODIES_MAX.value))
  expect(() => enter(all, length(1))).toThrow(refusal('QUEUE_BODIES_MAX'))
  end()
  expect([all.requests, all.bytes]).toEqual([0, 0])
})

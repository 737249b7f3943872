/** The native load generator against servers of the test's own. Times are compared with times that the server made, from below. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { checkedProgram } from '../../native/programs.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { LOAD_SOURCES, type LoadOptions, load } from './load.ts'

const COMPILE_MS = 120_000
const ADDRESSES = 'address,undefined'

let program: string
let server: Server | undefined

beforeAll(() => {
  program = checkedProgram(LOAD_SOURCES, ADDRESSES)
}, COMPILE_MS)
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

/** Sends a load to a server that gives these answers. */
async function loaded(answer: Answer, options: Partial<LoadOptions> = {}) {
  server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return load({ port, path: '/ask', bodies: ['{}'], connections: 4, seconds: 0.3, ...options }, program)
}

const ok: Answer = (request, response) => {
  request.resume()
  response.end('{"result":[]}')
}

it('quantiles of the histogram are within a thousandth of those of the sorted values', { timeout: COMPILE_MS }, () => {
  const sources = { ...LOAD_SOURCES, name: 'histogram-test', files: ['histogram-test.cc'] }
  const test = checkedProgram(sources, ADDRESSES)
  expect(spawnSync(test, { encoding: 'utf8' }).stdout).toBe('280 quantiles\n')
})

it('a closed loop counts every answer of the measured time, with quantiles in order, and never asks more at once than it has connections', async () => {
  let [asked, atOnce, most] = [0, 0, 0]
  const report = await loaded(async (request, response) => {
    asked++
    most = Math.max(most, ++atOnce)
    await text(request)
    atOnce--
    response.end('{}')
  })
  expect(report).toMatchObject({ count: asked, unfinished: 0, failed: {} })
  expect(asked).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(4)
  const { p50, p90, p99, p999, max } = report
  expect([p50, p90, p99, p999, max]).toEqual([p50, p90, p99, p999, max].toSorted((a, b) => a - b))
  expect(report.rate * report.seconds).toBeCloseTo(report.count, 0)
})

it('answers of the warm-up are not counted, and its end is told once', async () => {
  let [asked, told] = [0, 0]
  const counting: Answer = (request, response) => {
    asked++
    ok(request, response)
  }
  const { count } = await loaded(counting, { warmUpSeconds: 0.2, onMeasuring: () => told++ })
  // Each of the four connections has sent at least its first request before.
  expect(count).toBeLessThanOrEqual(asked - 4)
  expect(told).toBe(1)
})

it('bodies are sent in turn, whole, whatever their size', async () => {
  const bodies = ['{"a":1}', JSON.stringify({ big: 'x'.repeat(3_000_000) }), '{"b":"ä"}']
  const seen: string[] = []
  await loaded(
    async (request, response) => {
      seen.push(await text(request))
      response.end('{}')
    },
    { bodies, connections: 1, rate: 50 },
  )
  expect(seen).toHaveLength(15)
  expect(seen.filter((body, i) => body !== bodies[i % 3])).toEqual([])
})

it('a status that is not 200 is counted by itself, and is no answer', async () => {
  let asked = 0
  const report = await loaded((request, response) => {
    if (asked++ % 3 === 0) response.statusCode = 500
    ok(request, response)
  })
  expect(report.count + (report.failed['500'] ?? 0)).toBe(asked)
  expect(report.failed).toEqual({ 500: Math.ceil(asked / 3) })
})

it('an answer may come in chunks, or end its connection', async () => {
  let asked = 0
  const report = await loaded(async (request, response) => {
    request.resume()
    if (asked++ % 2 === 0) response.setHeader('connection', 'close')
    response.write('{"result":')
    await sleep(1)
    response.end('[]}')
  })
  expect(report).toMatchObject({ count: asked, failed: {} })
})

it('a connection that is lost is counted, and the next request has another one', async () => {
  let asked = 0
  const report = await loaded((request, response) => {
    if (asked++ === 0) request.socket.destroy()
    else ok(request, response)
  })
  expect(report).toMatchObject({ count: asked - 1, failed: { closed: 1 } })
})

it('an open loop sends at its rate, and counts for each request that a server keeps waiting how long it did', async () => {
  const STALL_MS = 300
  let stalled: Promise<void> | undefined
  const report = await loaded(
    async (request, response) => {
      stalled ??= sleep(STALL_MS)
      await stalled
      ok(request, response)
    },
    { rate: 100, connections: 1, seconds: 0.6 },
  )
  expect(report).toMatchObject({ count: 60, unfinished: 0, failed: {} })
  // One request was on its way, and 29 were to be sent meanwhile, each 10 ms after the other: six waited for 240 ms or more.
  expect(report.max).toBeGreaterThan(STALL_MS - 2)
  expect(report.p90).toBeGreaterThan(STALL_MS - 62)
})

it('what has no answer at the end of an open loop is reported, with its wait', async () => {
  const report = await loaded((request) => request.resume(), { rate: 100, connections: 2, drainSeconds: 0.1 })
  expect(report).toMatchObject({ count: 0, unfinished: 30 })
  expect(report.max).toBeGreaterThanOrEqual(400)
})

it('a server that is not there is an error', async () => {
  const options = { port: 1, path: '/', bodies: ['{}'], connections: 1, seconds: 1 }
  await expect(load(options, program)).rejects.toThrow('127.0.0.1:1: Connection refused')
})

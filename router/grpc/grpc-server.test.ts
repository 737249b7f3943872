import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { type CollectionConfig, parseEnv, routerEnvSchema } from '../../protocol/env/config.ts'
import type { Call } from '../../runtime/call.ts'
import { listenOn } from '../../runtime/http-server.ts'
import { InFlight } from '../../runtime/in-flight.ts'
import type { Collection } from '../cluster/collection.ts'
import { FORMS } from './forms.ts'
import { messageText, timeoutOf } from './frames.ts'
import { type GrpcParts, GrpcServer } from './grpc-server.ts'
import { PROTO, typeOf } from './methods.ts'
import { SHAPES } from './shapes.ts'
import { decodeMessage, type Message } from './wire/decode.ts'
import { encodeMessage } from './wire/encode.ts'

const config = { name: 'things', collection: 'things', vectors: { '': { size: 2, metric: 'L2' } } } as CollectionConfig
const COUNT = '/qdrant.Points/Count'
const UPSERT = '/qdrant.Points/Upsert'

let server: GrpcServer
let client: ClientHttp2Session
afterEach(async () => {
  client.destroy()
  await server.close(1000)
})

interface Given {
  env?: Record<string, string>
  count?: (call: Call) => Promise<number>
}

async function start({ env = {}, count = async () => 7 }: Given = {}) {
  const done: string[] = []
  const collection = { config } as Collection
  const parts = {
    env: parseEnv(routerEnvSchema, { MAKSDB_ROUTER_FILE: '', MAKSDB_INTERNAL_TOKEN: '', ...env }),
    collections: { find: () => collection, get: () => collection },
    points: {
      count: async (_collection: Collection, _read: unknown, call: Call) => {
        done.push('count')
        return { count: await count(call), report: { consistency: 'primary' } }
      },
      writes: {
        write: async () => {
          done.push('write')
          return { version: 3, visible: true }
        },
      },
    },
    metrics: { observe: () => undefined, add: () => undefined },
    logger: { info: () => undefined, error: () => undefined },
    inFlight: new InFlight({ requests: 'QUEUE_REQUESTS_MAX', bytes: 'QUEUE_BODIES_MAX' }, 1_000_000),
    notReady: () => undefined,
  }
  server = new GrpcServer(parts as unknown as GrpcParts)
  client = connect(`http://127.0.0.1:${await listenOn(server.server, '127.0.0.1', 0, false)}`)
  return { done, parts }
}

const frame = (message: Buffer) => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function requestOf(path: string, message: object): Buffer {
  const method = PROTO.methods.find((one) => one.path === path)
  return frame(encodeMessage(method?.request ?? typeOf('HealthCheckRequest'), message, SHAPES))
}

interface Outcome {
  http: number
  status: string
  text: string
  message: Message | undefined
  headers: IncomingHttpHeaders
}

async function send(path: string, bytes: Buffer, headers: Record<string, string> = {}): Promise<Outcome> {
  const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers })
  const parts: Buffer[] = []
  let all: IncomingHttpHeaders = {}
  stream.on('response', (given) => (all = { ...all, ...given }))
  stream.on('trailers', (given) => (all = { ...all, ...given }))
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('error', () => undefined)
  stream.end(bytes)
  await once(stream, 'close')
  const answer = PROTO.methods.find((one) => one.path === path)?.answer
  const message =
    answer && parts.length > 0 ? lastOf(decodeMessage(answer, Buffer.concat(parts).subarray(5), FORMS)) : undefined
  return {
    http: Number(all[':status']),
    status: String(all['grpc-status']),
    text: decodeURIComponent(String(all['grpc-message'] ?? '')),
    message,
    headers: all,
  }
}

function lastOf<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

const counting = (message: object = {}) => requestOf(COUNT, { collection_name: 'things', ...message })

describe('a call', () => {
  it('is answered with a message, the report of the read and the status 0', async () => {
    await start()
    const { http, status, message, headers } = await send(COUNT, counting())
    expect([http, status, message]).toEqual([200, '0', { result: { count: 7 }, time: expect.any(Number) }])
    expect(headers['maksdb-report']).toBe('{"consistency":"primary"}')
  })

  const point = { id: { num: 1 }, vectors: { vector: { dense: { data: Float32Array.of(1, 2) } } } }

  it('that writes answers with the version of the write', async () => {
    const { done } = await start()
    const { status, message } = await send(UPSERT, requestOf(UPSERT, { collection_name: 'things', points: [point] }))
    expect([status, message?.result, done]).toEqual(['0', { operation_id: 3, status: 'Completed' }, ['write']])
  })

  it.each([
    ['a field that is not supported', Buffer.from([0x2a, 0]), '"shard_key_selector" is not supported'],
    ['a field that is not known', Buffer.from([0xf8, 1, 1]), 'field 31 of UpsertPoints is not known'],
    [
      'a sparse vector',
      Buffer.from([0x1a, 7, 0x22, 5, 0x0a, 3, 0xb2, 6, 0]),
      'points.vectors.vector: "sparse" is not supported',
    ],
  ])('with %s is refused by its name with UNIMPLEMENTED, and nothing is done', async (_what, tail, words) => {
    const { done } = await start()
    const whole = requestOf(UPSERT, { collection_name: 'things', points: [point] }).subarray(5)
    const { status, text, headers } = await send(UPSERT, frame(Buffer.concat([whole, tail])))
    expect([status, headers['maksdb-code'], done]).toEqual(['12', 'UNSUPPORTED', []])
    expect(text).toContain(words)
    expect(text).toContain('Leave the named field out')
  })

  it.each<[string, string, Buffer, Record<string, string>, string, RegExp]>([
    [
      'of a method that is not spoken',
      '/qdrant.Points/Discover',
      frame(Buffer.alloc(0)),
      {},
      '12',
      /Points\/Discover" is not supported/,
    ],
    ['that is no protobuf', COUNT, frame(Buffer.from([0xff])), {}, '3', /not valid protobuf/],
    ['without a message', COUNT, Buffer.alloc(0), {}, '3', /one message/],
    ['of two messages', COUNT, Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]), {}, '3', /one message/],
    ['that is compressed', COUNT, Buffer.from([1, 0, 0, 0, 0]), {}, '12', /compressed/],
    ['larger than the limit', COUNT, Buffer.from([0, 0x7f, 0, 0, 0]), {}, '8', /larger than the limit/],
    ['with a time that is none', COUNT, counting(), { 'grpc-timeout': '1d' }, '3', /grpc-timeout/],
    ['with the time 0', COUNT, counting({ timeout: 0 }), {}, '3', /"timeout"/],
    ['under the name of another machine', COUNT, counting(), { ':authority': 'example.com' }, '7', /loopback/],
    ['with a header of ours that is not known', COUNT, counting(), { 'maksdb-x': '1' }, '12', /"maksdb-x"/],
  ])('%s is refused', async (_what, path, bytes, headers, status, words) => {
    const { done } = await start()
    const outcome = await send(path, bytes, headers)
    expect([outcome.status, done]).toEqual([status, []])
    expect(outcome.text).toMatch(words)
  })

  it('that is no gRPC gets a status of HTTP', async () => {
    await start()
    expect((await send(COUNT, counting(), { 'content-type': 'application/json' })).http).toBe(415)
  })

  it.each<[string, Record<string, string>, object]>([
    ['the time of the client', { 'grpc-timeout': '20m' }, {}],
    ['a time of a microsecond', { 'grpc-timeout': '1u' }, {}],
    ['the time that its message names', {}, { timeout: 1 }],
  ])('that reads ends at %s, with DEADLINE_EXCEEDED, though no pod has answered', async (_what, headers, message) => {
    let reason: unknown
    const count = (call: Call) =>
      new Promise<number>((_resolve, reject) => {
        const end = () => {
          reason = call.signal.reason
          reject(new MaksError('CELL_UNAVAILABLE', 'no pod of cell 0 answers'))
        }
        if (call.signal.aborted) end()
        else call.signal.addEventListener('abort', end)
      })
    await start({ count })
    const { status, text, headers: answered } = await send(COUNT, counting(message), headers)
    expect([status, answered['maksdb-code']]).toEqual(['4', 'TIMEOUT'])
    expect(text).toContain('no pod of cell 0 answers')
    expect(String(reason)).toContain('the time of the call is over')
  })

  it('whose pods are known not to answer before its time is over is UNAVAILABLE', async () => {
    await start({ count: () => Promise.reject(new MaksError('CELL_UNAVAILABLE', 'no pod of cell 0 answers')) })
    expect((await send(COUNT, counting(), { 'grpc-timeout': '20S' })).status).toBe('14')
  })

  it('that the client has cancelled ends its work, and counts no more', async () => {
    const begun = Promise.withResolvers<Call>()
    const { parts } = await start({ count: (call) => new Promise(() => begun.resolve(call)) })
    const stream = client.request({ ':method': 'POST', ':path': COUNT, 'content-type': 'application/grpc' })
    stream.on('error', () => undefined)
    stream.end(counting())
    const call = await begun.promise
    expect(parts.inFlight.requests).toBe(1)
    const ended = once(call.signal, 'abort')
    stream.close(8)
    await ended
    expect(String(call.signal.reason)).toContain('the caller has gone')
    expect(parts.inFlight.requests).toBe(0)
  })
})

describe('with keys', () => {
  const env = { MAKSDB_API_KEY: 'rw', MAKSDB_READ_ONLY_API_KEY: 'ro' }
  it.each<[string, Record<string, string>, string]>([
    [COUNT, {}, '16'],
    [COUNT, { 'api-key': 'no' }, '16'],
    [COUNT, { 'api-key': 'ro' }, '0'],
    [COUNT, { authorization: 'Bearer rw' }, '0'],
    [UPSERT, { 'api-key': 'ro' }, '7'],
    [UPSERT, { 'api-key': 'rw' }, '0'],
    ['/qdrant.Collections/Delete', { 'api-key': 'ro' }, '7'],
    ['/qdrant.Qdrant/HealthCheck', {}, '0'],
    ['/grpc.health.v1.Health/Check', {}, '0'],
  ])('%s with %j has the status %s', async (path, headers, status) => {
    await start({ env })
    const message = path === COUNT || path === UPSERT ? { collection_name: 'things' } : {}
    expect((await send(path, requestOf(path, message), headers)).status).toBe(status)
  })
})

it.each([
  ['1S', 1000],
  ['250m', 250],
  ['2H', 7_200_000],
  ['3000u', 3],
])('the time %s of a client is %d ms', (header, ms) => {
  expect(timeoutOf(header)).toBe(ms)
})

it('a text of a status is ASCII', () => {
  expect(messageText('100 % Straße\n')).toBe('100 %25 Stra%C3%9Fe%0A')
})

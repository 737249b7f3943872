/**
 * Requests that no client of ours would send, at a running cluster: methods, paths, headers, bodies and connections drawn
 * from a seed. Nothing may crash, answer with an unexplained 5xx, change what is stored, or stay in memory.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type Random, seededRandom } from '../../core/random.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestCluster } from '../support/cluster.ts'

export interface FuzzReport {
  requests: number
  /** Answers by status; 0 where the connection was closed instead. */
  statuses: Map<number, number>
  /** What must not be: the request and the answer. */
  findings: string[]
  changed: boolean
  restarted: string[]
  /** Resident memory of the router after half of the requests, and at the end; MiB. */
  memory: [number, number]
  /** Idle and slow connections that were still open at the end. */
  lingering: number
}

const PARALLEL = 16
const BASELINE = 300
const REQUEST_TIMEOUT_MS = 20_000
const IDLE_SOCKETS = 100
const SLOW_SOCKETS = 40
const FINDINGS_MAX = 20
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']
const PATHS = [
  '/collections/things/points',
  '/collections/things/points?wait=true',
  '/collections/things/points/delete',
  '/collections/things/points/query',
  '/collections/things/points/query/batch',
  '/collections/things/points/search',
  '/collections/things/points/search/batch',
  '/collections/things/points/scroll',
  '/collections/things/points/count',
  '/collections/things/points/payload',
  '/collections/things/points/payload/delete',
  '/collections/things/points/payload/clear',
  '/collections/things/points/vectors',
  '/collections/things/points/batch',
  '/collections/things/points/7',
  '/collections/nothing/points',
  '/collections/__proto__/points',
  '/collections/..%2f..%2fetc/points',
  '/collections/%ff/points',
  '/collections/things/index',
  '/collections/things/index/a.b',
  '/collections/things/cluster',
  '/collections/aliases',
  '/aliases',
  '/collections/things/aliases',
  '/v1/collections/things/topology',
  '/collections',
  '/',
  '/telemetry',
  '/metrics',
  '/readyz',
]
/** The first of them are those of points. */
const POINT_PATHS = 15
const QUERIES = [
  '',
  'wait=maybe',
  'timeout=-1',
  'timeout=1e9',
  'wait=true&wait=true',
  'maksdb-probes=0',
  'consistency=%00',
  'a[b]=c',
]
const KEYS = [
  'id',
  'ids',
  'points',
  'vector',
  'vectors',
  'payload',
  'query',
  'limit',
  'offset',
  'filter',
  'params',
  'with_payload',
  'with_vector',
  '__proto__',
  'constructor',
  'toString',
  'using',
  'searches',
  'score_threshold',
  'key',
  'keys',
  'operations',
  'set_payload',
  'update_filter',
]
const SCALARS: unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  1.5,
  1e39,
  1e308,
  5e-324,
  2 ** 53,
  '',
  'x',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  'a'.repeat(600),
  '00000000-0000-4000-8000-0000000000zz',
  '7',
  {},
  [],
  'NaN',
  'Infinity',
]
const OPERATIONS = ['upsert', 'delete', 'set_payload', 'overwrite_payload', 'delete_payload', 'update_vectors', 'x']
const EDIT_PATHS: unknown[] = ['a', 'a[]', 'a[0].b', 'a..b', '__proto__', 'a'.repeat(70_000), 7, '"', 'a.'.repeat(200)]
/** Texts that are no JSON, or more than that. */
const RAW = [
  '',
  '{',
  '[[[[',
  '{"points":[{"id":1,"vector":[1,2,3]}',
  'NaN',
  '{"points":[{"id":1e400,"vector":[1]}]}',
  '{"a":1,"a":2}',
  '['.repeat(20_000),
  '\u0000\u0001',
  '{"id":18446744073709551616}',
  '"' + 'x'.repeat(100_000) + '"',
]
const HEADERS: Record<string, string>[] = [
  {},
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-7' },
  { 'content-encoding': 'gzip' },
  { 'transfer-encoding': 'gzip, chunked' },
  { 'maksdb-token': 's1.0.999999999999999' },
  { 'maksdb-token': 'x'.repeat(4000) },
  { 'maksdb-consistency': 'toString' },
  { 'maksdb-if-version': '-1' },
  { 'api-key': 'x'.repeat(2000) },
  { expect: '100-continue' },
  { origin: 'null' },
  { 'x-request-id': 'a"b' },
]

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T

export async function fuzz(requests: number, seed: number): Promise<FuzzReport> {
  const cluster = await TestCluster.start({
    spec: { dimension: 3, clusters: 2, replicas: 1, centroids: { source: 'Random', seed: 1 } },
  })
  try {
    return await new Fuzz(cluster, requests, seed).run()
  } finally {
    await cluster.close()
  }
}

class Fuzz {
  readonly #cluster: TestCluster
  readonly #requests: number
  readonly #seed: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: PARALLEL })
  readonly #statuses = new Map<number, number>()
  readonly #findings: string[] = []
  #sent = 0

  constructor(cluster: TestCluster, requests: number, seed: number) {
    this.#cluster = cluster
    this.#requests = requests
    this.#seed = seed
  }

  async run(): Promise<FuzzReport> {
    await this.#cluster.settled()
    const points = Array.from({ length: BASELINE }, (_, i) => ({
      id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      vector: [Math.sin(i), Math.cos(i), i % 7],
      payload: { i },
    }))
    await this.#cluster.collection.upsert(points)
    const before = await this.#baseline()
    const processes = await this.#cluster.processes()
    const router = await this.#cluster.find({ kind: 'router' })
    const sockets = [...Array(IDLE_SOCKETS + SLOW_SOCKETS).keys()].map((i) => this.#linger(i >= IDLE_SOCKETS))
    await this.#half()
    const half = residentMiB(router.pid)
    await this.#half()
    const end = residentMiB(router.pid)
    this.#agent.destroy()
    const changed = (await this.#baseline()) !== before
    const now = new Map((await this.#cluster.processes()).map(({ name, pid }) => [name, pid]))
    const lingering = sockets.filter((socket) => !socket.destroyed).length
    for (const socket of sockets) socket.destroy()
    return {
      requests: this.#sent,
      statuses: this.#statuses,
      findings: this.#findings,
      changed,
      restarted: processes.filter(({ name, pid }) => now.get(name) !== pid).map(({ name }) => name),
      memory: [half, end],
      lingering,
    }
  }

  async #half(): Promise<void> {
    const until = this.#sent + Math.ceil(this.#requests / 2)
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        while (this.#sent < until) await this.#one(this.#sent++)
      }),
    )
  }

  async #one(n: number): Promise<void> {
    const random = seededRandom(this.#seed * 1_000_003 + n)
    const query = random() < 0.2 ? pick(random, QUERIES) : ''
    const path = random() < 0.6 ? pick(random, PATHS.slice(0, POINT_PATHS)) : pick(random, PATHS)
    const method = random() < 0.8 ? (/points(\?|$)/.test(path) ? 'PUT' : 'POST') : pick(random, METHODS)
    const url = query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`
    const body = random() < 0.15 ? pick(random, RAW) : JSON.stringify(anything(random, 0))
    const headers = { 'content-type': 'application/json', ...(random() < 0.2 ? pick(random, HEADERS) : {}) }
    const { status, text } = await this.#send(method, url, headers, body)
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    // 501 is the name of a method that HTTP knows and nobody here; every other 5xx on a healthy cluster is a fault.
    if (status >= 500 && status !== 501 && this.#findings.length < FINDINGS_MAX)
      this.#findings.push(
        `${status} for ${method} ${url} ${JSON.stringify(headers)} ${body.slice(0, 300)}: ${text.slice(0, 300)}`,
      )
  }

  #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve) => {
      const closed = () => resolve({ status: 0, text: '' })
      try {
        const options = { host: '127.0.0.1', port: this.#cluster.port, method, path, headers, agent: this.#agent }
        const sent = request(options, (answer) => {
          let text = ''
          answer.on('data', (chunk: Buffer) => {
            if (text.length < 4000) text += chunk.toString()
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
          answer.on('error', closed)
        })
        sent.setTimeout(REQUEST_TIMEOUT_MS, () => {
          this.#findings.push(`no answer in ${REQUEST_TIMEOUT_MS} ms: ${method} ${path} ${body.slice(0, 300)}`)
          sent.destroy()
        })
        sent.on('error', closed)
        sent.end(body)
      } catch {
        // What Node's own client refuses to send.
        closed()
      }
    })
  }

  /** A connection that says nothing, or one byte of a header a second. */
  #linger(slow: boolean): Socket {
    const socket = connect(this.#cluster.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    if (slow) void this.#drip(socket)
    return socket
  }

  async #drip(socket: Socket): Promise<void> {
    socket.write('POST /collections/things/points HTTP/1.1\r\nhost: x\r\n')
    for (let i = 0; !socket.destroyed; i++) {
      socket.write(`x-${i}: y\r\n`)
      await sleep(1000)
    }
  }

  /** Digest of the points that were there before. */
  async #baseline(): Promise<string> {
    const digest = createHash('sha256')
    for await (const point of this.#cluster.collection.scroll({ consistency: 'strong', withVector: true, batch: 500 }))
      if (/^00000000-0000-4000-8000-\d{12}$/.test(String(point.id))) digest.update(JSON.stringify(point))
    return digest.digest('hex')
  }
}

/** Half like a request, half like nothing. Names no point of those that must not change. */
function anything(random: Random, depth: number): unknown {
  const kind = random()
  if (depth > 4 || kind < 0.3) return pick(random, SCALARS)
  if (kind < 0.45)
    return { points: [{ id: pick(random, SCALARS), vector: vector(random), payload: anything(random, depth + 1) }] }
  if (kind < 0.55) return { query: vector(random), limit: pick(random, SCALARS), params: anything(random, depth + 1) }
  if (kind < 0.6) return edited(random, depth)
  if (kind < 0.63) return { operations: [{ [pick(random, OPERATIONS)]: anything(random, depth + 1) }] }
  if (kind < 0.75) return Array.from({ length: Math.floor(random() * 4) }, () => anything(random, depth + 1))
  return Object.fromEntries(
    Array.from({ length: Math.floor(random() * 5) }, () => [pick(random, KEYS), anything(random, depth + 1)]),
  )
}

/** An edit of a point that need not be there, or of those that match a filter: none of those that must not change does. */
function edited(random: Random, depth: number): unknown {
  const which =
    random() < 0.6
      ? { points: [pick(random, SCALARS)] }
      : { filter: { must: [{ key: 'fuzzed', match: { value: pick(random, SCALARS) } }] } }
  const key = random() < 0.3 ? { key: pick(random, EDIT_PATHS) } : {}
  const keys = random() < 0.3 ? { keys: [pick(random, EDIT_PATHS)] } : {}
  return { ...which, ...key, ...keys, payload: random() < 0.5 ? { fuzzed: 1, a: [{}] } : anything(random, depth + 1) }
}

function vector(random: Random): unknown {
  if (random() < 0.3) return pick(random, SCALARS)
  return Array.from({ length: random() < 0.7 ? 3 : Math.floor(random() * 6) }, () =>
    random() < 0.8 ? random() * 10 : pick(random, SCALARS),
  )
}

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

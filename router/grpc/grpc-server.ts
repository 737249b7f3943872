/** The gRPC server: limits, access, messages in and out, deadlines and cancellation, one way to answer errors. */
import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { asMaksError, GRPC, MaksError } from '../../core/errors.ts'
import { TIMEOUT_MS_MAX } from '../../protocol/env/config.ts'
import { QDRANT_VERSION } from '../../protocol/version.ts'
import { type Call, OpenCall } from '../../runtime/call.ts'
import { REQUEST_TIMEOUT_MS } from '../../runtime/http-server.ts'
import type { InFlight } from '../../runtime/in-flight.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { inSlices } from '../../runtime/slices.ts'
import { checkCaller } from '../auth.ts'
import { answerInTime } from '../in-time.ts'
import type { CollectionParts } from '../manage/collection-admin.ts'
import { checkOutside } from '../requests/request-options.ts'
import { http2ServerOf } from '../tls.ts'
import { COLLECTION_METHODS } from './collection-methods.ts'
import { FORMS } from './forms.ts'
import { messageText, readFrame, sendMessage, sendStatus, type Trailers, timeoutOf } from './frames.ts'
import { commonOf, PROTO, type Run } from './methods.ts'
import { POINT_METHODS } from './point-methods.ts'
import { SHAPES } from './shapes.ts'
import { decodeMessage } from './wire/decode.ts'
import { encodeMessage } from './wire/encode.ts'
import { type Method, readProto } from './wire/proto-file.ts'

export interface GrpcParts extends CollectionParts {
  metrics: Metrics
  logger: Logger
  /** Of all protocols together. */
  inFlight: InFlight
  notReady: () => string | undefined
}

/** Without a body of their own, and answered without a key. */
const OPEN = new Set(['/qdrant.Qdrant/HealthCheck', '/grpc.health.v1.Health/Check'])
/** Of a message of theirs, which no queue counts. */
const OPEN_BYTES_MAX = 1024
/** Clients of gRPC take 8 KiB of trailers and more. */
const TRAILER_CHARS_MAX = 2048
const STREAMS_MAX = 1024
/** What a client may send on a stream before it is read, bytes. */
const WINDOW_BYTES = 1024 * 1024
const SESSION_WINDOW_BYTES = 16 * WINDOW_BYTES
/** What one connection may hold in buffers, MB. */
const SESSION_MEMORY_MB = 64

interface Route {
  method: Method
  run: Run
}

export class GrpcServer {
  readonly server: Http2Server
  readonly #parts: GrpcParts
  readonly #routes: Map<string, Route>
  readonly #sessions = new Set<{ close: () => void; destroy: () => void }>()

  constructor(parts: GrpcParts) {
    this.#parts = parts
    this.#routes = routesOf(parts)
    const options = {
      settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: WINDOW_BYTES },
      maxSessionMemory: SESSION_MEMORY_MB,
    }
    this.server = http2ServerOf(options, parts.env.MAKSDB_TLS_DIR, parts.logger)
    this.server.on('session', (session) => {
      session.setLocalWindowSize(SESSION_WINDOW_BYTES)
      session.on('error', () => session.destroy())
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
    this.server.on('sessionError', () => undefined)
    this.server.on('stream', (stream, headers) => {
      // A connection that breaks ends its calls by `close`.
      stream.on('error', () => undefined)
      void this.#answer(stream, headers)
    })
  }

  /** Tells clients to open another connection, lets what has begun come to its end for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const session of this.#sessions) session.close()
    await Promise.race([closed, sleep(limitMs)])
    for (const session of this.#sessions) session.destroy()
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const started = performance.now()
    const path = headers[':path'] ?? ''
    const route = this.#routes.get(path)
    const labels = { method: route ? path.slice(1) : 'other', cluster: undefined as string | undefined }
    let status = 0
    try {
      if (headers[':method'] !== 'POST' || !/^application\/grpc(\+proto)?($|;)/.test(headers['content-type'] ?? ''))
        return refuseProtocol(stream)
      if (!route) throw new MaksError('UNSUPPORTED', `the method "${path.slice(0, 100)}" is not supported`)
      await this.#run(route, stream, headers, started, (cluster) => {
        labels.cluster = cluster
      })
    } catch (thrown) {
      const error = asMaksError(thrown)
      status = error.row.grpc
      this.#refuse(stream, error, path, labels.cluster)
    } finally {
      const cluster = labels.cluster === undefined ? {} : { vectorcluster: labels.cluster }
      const seconds = (performance.now() - started) / 1000
      this.#parts.metrics.observe('maksdb_grpc_request_seconds', seconds, { ...cluster, method: labels.method, status })
    }
  }

  async #run(
    { method, run }: Route,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    started: number,
    onCluster: (name: string) => void,
  ): Promise<void> {
    const { env, inFlight, collections } = this.#parts
    const open = OPEN.has(method.path)
    checkCaller(env, headers, headers[':authority'] ?? headers.host, { open, writes: run.writes })
    checkOutside({ query: {}, headers })
    const clientMs = timeoutOf(headers['grpc-timeout'])
    const arrived = open ? () => undefined : inFlight.enter({ headers }, stream, true)
    const bytesMax = open ? OPEN_BYTES_MAX : env.MAKSDB_BODY_BYTES_MAX
    const bytes = await readFrame(stream, bytesMax, REQUEST_TIMEOUT_MS, arrived)
    const { collection, timeoutS, body, outside } = commonOf(
      await inSlices(decodeMessage(method.request, bytes, FORMS)),
      headers,
    )
    const ownMs = timeoutS === undefined ? (clientMs ?? env.MAKSDB_TIMEOUT_MS) : timeoutS * 1000
    const leftMs = (clientMs ?? Number.POSITIVE_INFINITY) - (performance.now() - started)
    const limitMs = Math.max(0, Math.min(ownMs, leftMs, TIMEOUT_MS_MAX))
    const call = new OpenCall(limitMs)
    if (stream.closed) call.cancel('the caller has gone')
    stream.once('close', () => call.cancel('the caller has gone'))
    const answer = await answerInTime(call, limitMs, run.writes, async () => {
      // An alias that another router has given a moment ago is known before the handler looks for it.
      if (collection !== '' && !collections.find(collection)) await collections.lookUp(collection)
      const known = collections.find(collection)
      if (known) onCluster(known.config.name)
      return run.run({ parts: this.#parts, collection, body, outside, call }).catch((thrown: unknown) => {
        throw run.writes ? thrown : errorOfRead(thrown, call)
      })
    })
    const time = (performance.now() - started) / 1000
    const message = encodeMessage(method.answer, { ...answer.message, time }, SHAPES)
    const { explain: _, ...report } = answer.report ?? {}
    sendMessage(stream, message, answer.report ? trailer('maksdb-report', report) : {})
  }

  #refuse(stream: ServerHttp2Stream, error: MaksError, path: string, cluster: string | undefined): void {
    const { metrics, logger } = this.#parts
    const labels = cluster === undefined ? {} : { vectorcluster: cluster }
    metrics.add('maksdb_rejected_requests_total', 1, { ...labels, code: error.code })
    if (error.code === 'INTERNAL')
      logger.error({ error: error.stack, cause: String(error.cause), path }, 'a call failed')
    const { retryAfterS, hint, grpc } = error.row
    const { cells, operations } = error.details ?? {}
    sendStatus(stream, grpc, `${error.message}\n${hint}`, {
      'maksdb-code': error.code,
      'maksdb-retriable': String(error.retriable),
      ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
      ...(cells === undefined && operations === undefined ? {} : trailer('maksdb-details', { cells, operations })),
    })
  }
}

/** A pod that did not answer within the time of a caller is not unavailable: to gRPC, the time was over. */
function errorOfRead(thrown: unknown, { signal }: Call): MaksError {
  const error = asMaksError(thrown)
  const isOver = signal.aborted && error.row.grpc === GRPC.UNAVAILABLE
  return isOver ? new MaksError('TIMEOUT', error.message, { cause: error }) : error
}

/** A value as JSON in ASCII; none that is longer than clients take. */
function trailer(name: string, value: object): Trailers {
  const text = messageText(JSON.stringify(value))
  return text.length > TRAILER_CHARS_MAX ? {} : { [name]: text }
}

/** What is no gRPC gets a status of HTTP. */
function refuseProtocol(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': 415 }, { endStream: true })
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}

function routesOf({ notReady }: GrpcParts): Map<string, Route> {
  const health: Run = {
    writes: false,
    run: async () => ({ message: { title: 'maksdb', version: QDRANT_VERSION } }),
  }
  const standard: Run = {
    writes: false,
    run: async () => ({ message: { status: notReady() === undefined ? 'SERVING' : 'NOT_SERVING' } }),
  }
  const runs: Record<string, Record<string, Run>> = {
    'qdrant.Qdrant': { HealthCheck: health },
    'qdrant.Collections': COLLECTION_METHODS,
    'qdrant.Points': POINT_METHODS,
    'grpc.health.v1.Health': { Check: standard },
  }
  const methods = [...PROTO.methods, ...readProto(new URL('./health.proto', import.meta.url)).methods]
  return new Map(
    methods.map((method) => {
      const [, service = '', name = ''] = method.path.split('/')
      const run = runs[service]?.[name]
      if (!run) throw new Error(`nothing runs ${method.path}`)
      return [method.path, { method, run }]
    }),
  )
}

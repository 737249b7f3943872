/** The REST server: limits, access, exact JSON in, Qdrant's envelope out, one way to answer errors. */
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import { asMaksError, MaksError } from '../../core/errors.ts'
import { parseRequestJson } from '../../core/json/request-json.ts'
import type { RouterEnv } from '../../protocol/env/config.ts'
import { QDRANT_VERSION, VERSION } from '../../protocol/version.ts'
import { type Call, endWithResponse, OpenCall } from '../../runtime/call.ts'
import type { InFlight } from '../../runtime/in-flight.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { inSlices } from '../../runtime/slices.ts'
import { checkAccess, READING_POST } from '../auth.ts'
import type { AliasChanges } from '../cluster/alias-changes.ts'
import type { Collections } from '../cluster/collections.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { answerInTime } from '../in-time.ts'
import type { Points } from '../points.ts'
import { checkOutside, timeoutMs } from '../requests/request-options.ts'
import { serverOf } from '../tls.ts'
import { aliasRoutes } from './alias-routes.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { collectionRoutes } from './collection-routes.ts'
import { cors } from './cors.ts'
import { pointRoutes } from './point-routes.ts'
import type { Reply, Send } from './reply.ts'
import { readRequestBody } from './request-body.ts'
import { sendPieces } from './respond.ts'
import { writeRoutes } from './write-routes.ts'

const REQUEST_ID_HEADER = 'x-request-id'
const LATER_PAGES = ['/openapi.json', '/docs', '/console']

export interface RestParts {
  env: RouterEnv
  collections: Collections
  aliasChanges: AliasChanges
  shards: ShardClient
  points: Points
  metrics: Metrics
  logger: Logger
  /** Of all protocols together. */
  inFlight: InFlight
  notReady: () => string | undefined
  /** True while the process ends: then each answer closes its connection. */
  isLeaving: () => boolean
}

export function makeRestServer(parts: RestParts): Server {
  const { env, collections, aliasChanges, shards, points, metrics } = parts
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.use((request, response, next) => {
    response.locals.started = performance.now()
    if (parts.isLeaving()) response.set('connection', 'close')
    response.locals.timeoutMs = env.MAKSDB_TIMEOUT_MS
    response.locals.requestId = request.get(REQUEST_ID_HEADER)?.slice(0, 128) ?? randomUUID()
    response.set(REQUEST_ID_HEADER, String(response.locals.requestId))
    response.on('finish', () => {
      const route = (request.route as { path?: string } | undefined)?.path ?? 'other'
      metrics.observe('maksdb_http_request_seconds', elapsed(response), {
        ...clusterOf(collections, request),
        method: request.method,
        route,
        status: response.statusCode,
      })
    })
    next()
  })
  app.use(cors(env.MAKSDB_CORS_ORIGIN))
  app.use(checkAccess(env))
  app.get(
    '/',
    (_request, response) => void response.json({ title: 'maksdb', version: QDRANT_VERSION, maksdb: VERSION }),
  )
  for (const path of ['/healthz', '/livez'])
    app.get(path, (_request, response) => void response.type('text').send('healthz check passed'))
  app.get('/readyz', (_request, response) => {
    const why = parts.notReady()
    response
      .status(why === undefined ? 200 : 503)
      .type('text')
      .send(why ?? 'all shards are ready')
  })
  app.get('/metrics', (_request, response, next) => {
    metrics.registry.metrics().then((text) => response.type(metrics.registry.contentType).send(text), next)
  })
  app.use((request, response, next) => {
    const arrived = parts.inFlight.enter(request, response)
    parseBody(request, env.MAKSDB_BODY_BYTES_MAX, arrived).then(() => next(), next)
  })
  const router = express.Router()
  const send = sender(collections)
  // Routes are compared in this order: those of points, of which there are most requests, come first.
  pointRoutes(router, { collections, points }, send)
  writeRoutes(router, { collections, points }, send)
  clusterRoutes(router, collections, send)
  aliasRoutes(router, { collections, aliasChanges }, send)
  collectionRoutes(router, { env, collections, aliasChanges, shards, points }, send)
  app.use(router)
  app.all(LATER_PAGES, (request) => {
    throw new MaksError('UNSUPPORTED', `"${request.path}" is not supported yet`)
  })
  app.use((request: Request) => {
    throw new MaksError('NOT_FOUND', `there is no route ${request.method} ${request.path}`)
  })
  app.use((thrown: unknown, request: Request, response: Response, _next: NextFunction) =>
    sendError(parts, thrown, request, response),
  )
  return serverOf(app, env.MAKSDB_TLS_DIR, parts.logger)
}

async function parseBody(request: Request, bytesMax: number, arrived: (bytes: number) => void): Promise<void> {
  const body = await readRequestBody(request, bytesMax, arrived)
  request.body = body === undefined ? undefined : await inSlices(parseRequestJson(body))
}

/** Makes the call of a request: it ends at its deadline, at its answer, or if the client has gone. */
async function inTime<T>(request: Request, response: Response, work: (call: Call) => Promise<T>): Promise<T> {
  const limitMs = timeoutMs(request, { timeoutMs: Number(response.locals.timeoutMs) })
  const call = new OpenCall(limitMs)
  endWithResponse(call, response)
  const writes = request.method !== 'GET' && !READING_POST.test(request.path)
  return answerInTime(call, limitMs, writes, work)
}

function sender(collections: Collections): Send {
  return (handler) => (request, response, next) => {
    const work = async (call: Call): Promise<Reply> => {
      const { c: name } = request.params
      // An alias that another router has given a moment ago is known before the handler looks for it.
      if (typeof name === 'string' && !collections.find(name)) await collections.lookUp(name)
      return handler(request, call)
    }
    const answer = async (): Promise<void> => {
      checkOutside(request)
      const reply = await inTime(request, response, work)
      await sendPieces(response, envelope(reply, response))
    }
    answer().catch(next)
  }
}

/** The label of a known collection; none for an unknown one, for a path may hold any text. */
function clusterOf(collections: Collections, { path }: Request): { vectorcluster?: string } {
  const collection = collections.find(/^\/collections\/([^/]+)/.exec(path)?.[1] ?? '')
  return collection ? { vectorcluster: collection.config.name } : {}
}

function* envelope(reply: Reply, response: Response): Generator<string> {
  yield '{"result":'
  if ('pieces' in reply) yield* reply.pieces
  else yield JSON.stringify(reply.result)
  const own = reply.report ? `,"maksdb":${JSON.stringify(reply.report)}` : ''
  yield `,"status":"ok","time":${elapsed(response)}${own}}`
}

function elapsed(response: Response): number {
  return (performance.now() - Number(response.locals.started)) / 1000
}

function sendError(parts: RestParts, thrown: unknown, request: Request, response: Response): void {
  // The client has gone.
  if (response.destroyed) return
  const error = fromExpress(thrown)
  parts.metrics.add('maksdb_rejected_requests_total', 1, { ...clusterOf(parts.collections, request), code: error.code })
  if (error.code === 'INTERNAL')
    parts.logger.error({ error: error.stack, cause: String(error.cause), path: request.path }, 'a request failed')
  if (response.headersSent) return void response.destroy()
  const wait = error.row.retryAfterS
  if (wait !== undefined) response.set('retry-after', String(wait))
  // The next request must not begin in a body that was refused unread.
  if (!request.complete) response.set('connection', 'close')
  const { cells, operations } = error.details ?? {}
  response.status(error.status).json({
    status: { error: error.message },
    time: elapsed(response),
    maksdb: {
      code: error.code,
      retriable: error.retriable,
      hint: error.row.hint,
      request_id: response.locals.requestId as string,
      ...(cells === undefined ? {} : { cells }),
      ...(operations === undefined ? {} : { operations }),
    },
  })
}

/** Errors of express carry a status. */
function fromExpress(thrown: unknown): MaksError {
  if (thrown instanceof MaksError) return thrown
  const { status } = thrown as { status?: number }
  if (thrown instanceof URIError || (status !== undefined && status >= 400 && status < 500))
    return new MaksError('BAD_REQUEST', (thrown as Error).message)
  return asMaksError(thrown)
}

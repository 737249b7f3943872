/** The supervisor process of a local cluster: its loop, and the calls of the CLI and the router. */
import { MaksError } from '../core/errors.ts'
import { checkInternal, listen, makeServer, readBody, send, sendJson } from '../runtime/http-server.ts'
import { stopOnSignal } from '../runtime/lifecycle.ts'
import { makeLogger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { DataDir } from './data-dir.ts'
import { ANSWER_MS } from './liveness.ts'
import { type CollectionRequest, clusterOfCollection, parseStoredClusters } from './manifests.ts'
import { isAlive, startTicks } from './os-process.ts'
import { Supervisor } from './supervisor.ts'

const BODY_BYTES_MAX = 64 * 1024 * 1024

const dir = new DataDir(process.argv[2] ?? '.maksdb')
const settings = dir.settings
if (!dir.exists || !settings) throw new Error('the supervisor is started by "maksdb start"')
const logger = makeLogger('supervisor', process.env.MAKSDB_LOG_LEVEL ?? 'info')
const self = { pid: process.pid, startTicks: startTicks(process.pid) ?? '' }
if (!dir.lock(self, isAlive)) {
  logger.warn('another supervisor runs on this folder')
  process.exit(0)
}
const metrics = new Metrics('supervisor')
/** A setting for tests, which would wait most of a minute for each process that hangs. */
const answerMs = Number(process.env.MAKSDB_ANSWER_MS ?? ANSWER_MS)

const server = makeServer(async (request, response, url) => {
  if (url.pathname === '/healthz' || url.pathname === '/readyz') return sendJson(response, 200, { ready: true })
  if (url.pathname === '/metrics')
    return send(response, 200, metrics.registry.contentType, Buffer.from(await metrics.registry.metrics()))
  checkInternal(request, dir.token)
  const body = await readBody(request, BODY_BYTES_MAX)
  const json = (): unknown => JSON.parse(body.toString())
  if (request.method === 'GET' && url.pathname === '/units') return sendJson(response, 200, supervisor.units())
  if (request.method === 'POST' && url.pathname === '/apply') {
    await supervisor.apply(parseStoredClusters(json()))
  } else if (request.method === 'POST' && url.pathname === '/collections') {
    const wanted = json() as CollectionRequest
    if (supervisor.has(wanted.collection))
      throw new MaksError('ALREADY_EXISTS', `Wrong input: Collection \`${wanted.collection}\` already exists!`)
    await supervisor.apply([clusterOfCollection(wanted)])
  } else if (request.method === 'DELETE' && url.pathname.startsWith('/collections/')) {
    await supervisor.remove(decodeURIComponent(url.pathname.slice('/collections/'.length)))
  } else if (request.method === 'POST' && url.pathname === '/stop') {
    await supervisor.stop()
    sendJson(response, 200, {})
    response.on('finish', () => process.exit(0))
    return
  } else throw new MaksError('NOT_FOUND', `no call ${url.pathname}`)
  sendJson(response, 200, {})
})
const adminPort = await listen(server, '127.0.0.1', dir.supervisor?.adminPort ?? 0, true)
const supervisor = new Supervisor(dir, settings, adminPort, logger, metrics, answerMs)
dir.saveSupervisor({ ...self, adminPort })
stopOnSignal(logger, () => supervisor.stop())
await supervisor.run()

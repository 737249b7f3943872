/** The router: stateless front of all collections in its file. */
import { parseEnv, routerEnvSchema } from '../protocol/env/config.ts'
import { startAdminServer } from '../runtime/admin-server.ts'
import { closeServer, listen, listenOn } from '../runtime/http-server.ts'
import { giveBackWhenIdle } from '../runtime/idle-heap.ts'
import { InFlight } from '../runtime/in-flight.ts'
import { sleep, stopOnSignal, writeRunFile } from '../runtime/lifecycle.ts'
import { makeLogger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { AliasChanges } from './cluster/alias-changes.ts'
import { Collections } from './cluster/collections.ts'
import { ShardClient } from './cluster/shard-client.ts'
import { TopologyMetrics } from './cluster/topology-metrics.ts'
import { GrpcServer } from './grpc/grpc-server.ts'
import { Points } from './points.ts'
import { makeRestServer } from './rest/server.ts'

/** Time for the requests that have begun, when the router ends. */
const FINISH_MS = 15_000

const env = parseEnv(routerEnvSchema, process.env)
const logger = makeLogger('router', env.MAKSDB_LOG_LEVEL)
const metrics = new Metrics(
  'router',
  env.MAKSDB_VECTOR_CLUSTER === undefined ? {} : { vectorcluster: env.MAKSDB_VECTOR_CLUSTER },
)
process.on('unhandledRejection', (error) => {
  logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'the process ends')
  process.exit(1)
})

giveBackWhenIdle()
const collections = new Collections(env.MAKSDB_ROUTER_FILE, logger)
const shards = new ShardClient(env.MAKSDB_INTERNAL_TOKEN, (code) =>
  metrics.add('maksdb_shard_errors_total', 1, { code }),
)

const aliasChanges = new AliasChanges(collections, logger)
const topologyMetrics = new TopologyMetrics(collections, metrics)

/** The reason not to serve: a collection without a topology. A cell without a primary is none, for reads continue. */
function notServing(): string | undefined {
  const unknown = collections.names.find((name) => !collections.find(name)?.topology)
  return unknown === undefined ? undefined : `collection ${unknown} is not known yet`
}

function notReady(): string | undefined {
  const unknown = notServing()
  if (unknown !== undefined) return unknown
  for (const name of collections.names) {
    const headless = collections.find(name)?.topology?.cells.findIndex((cell) => !cell.leased) ?? -1
    if (headless >= 0) return `cell ${headless} of collection ${name} has no primary`
  }
  return undefined
}

let leaving = false
const points = new Points(shards, metrics)
const inFlight = new InFlight({ requests: 'QUEUE_REQUESTS_MAX', bytes: 'QUEUE_BODIES_MAX' }, env.MAKSDB_BODY_BYTES_MAX)
const server = makeRestServer({
  env,
  collections,
  aliasChanges,
  shards,
  points,
  metrics,
  logger,
  inFlight,
  notReady,
  isLeaving: () => leaving,
})
const port = await listen(server, env.MAKSDB_HOST, env.MAKSDB_PORT, false)
const grpc =
  env.MAKSDB_GRPC_PORT === undefined
    ? undefined
    : new GrpcServer({ env, collections, aliasChanges, shards, points, metrics, logger, inFlight, notReady })
const grpcPort = grpc && (await listenOn(grpc.server, env.MAKSDB_HOST, env.MAKSDB_GRPC_PORT ?? 0, false))
const admin = await startAdminServer({
  host: env.MAKSDB_ADMIN_HOST ?? env.MAKSDB_HOST,
  port: env.MAKSDB_ADMIN_PORT,
  metrics,
  notReady: notServing,
})
writeRunFile(env.MAKSDB_RUN_FILE, {
  pid: process.pid,
  port,
  adminPort: admin.port,
  ...(grpcPort === undefined ? {} : { grpcPort }),
})
logger.info({ port, ...(grpcPort === undefined ? {} : { grpcPort }) }, 'listening')

stopOnSignal(logger, async () => {
  // Each answer closes its connection, so that clients open another, which goes to another router.
  leaving = true
  await sleep(env.MAKSDB_DRAIN_MS)
  await Promise.all([closeServer(server, FINISH_MS), grpc?.close(FINISH_MS)])
  topologyMetrics.close()
  collections.close()
  await shards.close()
  admin.server.close()
})

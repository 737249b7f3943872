/** The operator: one of its processes leads and reconciles, the others wait for its lease. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { operatorEnvSchema, parseEnv } from '../protocol/env/config.ts'
import { startAdminServer } from '../runtime/admin-server.ts'
import { stopOnSignal, writeRunFile } from '../runtime/lifecycle.ts'
import { makeLogger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { Connection } from './kube/connection.ts'
import { Controller } from './kube/controller.ts'
import { EventRecorder } from './kube/event-recorder.ts'
import { KubeClient } from './kube/kube-client.ts'
import { LEADER_TIMES, LeaderElection } from './kube/leader-election.ts'
import { Reconciler } from './reconciler.ts'
import { Caches } from './watch/caches.ts'

const PASS_LIMIT_MS = 60_000

const env = parseEnv(operatorEnvSchema, process.env)
const logger = makeLogger('operator', env.MAKSDB_LOG_LEVEL)
const metrics = new Metrics('operator', { operator: env.MAKSDB_LEASE_NAME })
const stop = new AbortController()
const identity = `${hostname()}_${randomBytes(4).toString('hex')}`

process.on('unhandledRejection', (error) => {
  logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'the process ends')
  process.exit(1)
})

const connection = Connection.fromDefault(() => metrics.add('maksdb_operator_tls_handshakes_total'))
const client = new KubeClient(connection, {
  onAnswer: (verb, code) => metrics.add('maksdb_operator_api_requests_total', 1, { verb, code }),
})
const namespaces = env.MAKSDB_WATCH_NAMESPACES.split(',').filter((name) => name !== '')

let leads = false
let synced = false
const admin = await startAdminServer({
  host: env.MAKSDB_HOST,
  port: env.MAKSDB_ADMIN_PORT,
  metrics,
  // One that waits for the lease is ready to take over.
  notReady: () => (leads && !synced ? 'the first lists are not complete' : undefined),
})
writeRunFile(env.MAKSDB_RUN_FILE, { pid: process.pid, port: admin.port, adminPort: admin.port })

const election = new LeaderElection(
  client,
  { namespace: env.MAKSDB_NAMESPACE, name: env.MAKSDB_LEASE_NAME },
  identity,
  logger,
  LEADER_TIMES,
)
let held: Promise<void> | undefined
stopOnSignal(logger, async () => {
  stop.abort()
  // The lease is given back when all work has ended, so that two never act at once.
  await held
  admin.server.close()
  await connection.close()
})

if (await election.acquire(stop.signal)) {
  leads = true
  metrics.set('maksdb_operator_leader', 1)
  metrics.set('maksdb_operator_leader_since_timestamp_seconds', Date.now() / 1000)
  held = lead()
  await held
}

async function lead(): Promise<void> {
  const releasing = new AbortController()
  const holding = election.hold(releasing.signal).then((lost) => {
    if (!lost) return
    // What is under way must not go on beside the next leader.
    logger.fatal('the lease was lost: the process ends')
    process.exit(1)
  })
  await reconcileUntil(stop.signal)
  releasing.abort()
  await holding
}

async function reconcileUntil(signal: AbortSignal): Promise<void> {
  const wake = (key: string) => controller.queue.add(key)
  const caches = new Caches(client, namespaces, {
    onChange: wake,
    onRestart: (kind, reason) => metrics.add('maksdb_operator_watch_restarts_total', 1, { kind, reason }),
    onMiss: (kind, key) => {
      logger.error({ kind, key }, 'a change was missed by the watch, and found by the list')
      metrics.add('maksdb_operator_cache_misses_total', 1, { kind })
    },
  })
  const events = new EventRecorder(client, 'maksdb.io/operator', identity, logger)
  const settings = { image: env.MAKSDB_IMAGE, imagePullPolicy: env.MAKSDB_IMAGE_PULL_POLICY }
  const reconciler = new Reconciler({ client, caches, events, settings, wake, logger, metrics })
  const controller = new Controller(
    (key, passSignal) => reconciler.reconcile(key, passSignal),
    { workers: env.MAKSDB_WORKERS, passLimitMs: PASS_LIMIT_MS },
    logger,
    {
      onReconciled: (result, ms) => {
        metrics.add('maksdb_operator_reconcile_total', 1, { result })
        metrics.observe('maksdb_operator_reconcile_seconds', ms / 1000)
      },
      onTaken: (waitedMs) => {
        metrics.observe('maksdb_operator_queue_seconds', waitedMs / 1000)
        metrics.set('maksdb_operator_queue_depth', controller.queue.depth)
      },
    },
  )
  const watching = caches.run(signal)
  await Promise.race([caches.synced, watching])
  synced = true
  logger.info({ clusters: caches.clusters.size }, 'synced')
  await Promise.all([controller.run(signal), watching])
  reconciler.close()
}

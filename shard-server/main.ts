/** A shard server: one pod of one cell. Parse the environment, load, listen, follow; on SIGTERM hand over, snapshot, end. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { parseEnv, shardEnvSchema } from '../protocol/env/config.ts'
import { startAdminServer } from '../runtime/admin-server.ts'
import { listen } from '../runtime/http-server.ts'
import { giveBackWhenIdle } from '../runtime/idle-heap.ts'
import { stopOnSignal, writeLastWords, writeRunFile } from '../runtime/lifecycle.ts'
import { makeLogger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { holdVolume } from '../runtime/volume-lock.ts'
import { IndexActor } from './index/index-actor.ts'
import { Committer } from './log/committer.ts'
import { Election } from './log/election.ts'
import { HeartbeatLoop } from './log/heartbeat.ts'
import { Replica } from './log/replica.ts'
import { WriteAdmission } from './log/write-admission.ts'
import { followCollectionConfig, readCollectionConfig } from './pod/live-config.ts'
import { makePod } from './pod/pod.ts'
import { reportVolume } from './pod/volume-metrics.ts'
import { SearchBatcher } from './serve/search-batcher.ts'
import { makeShardServer } from './serve/server.ts'
import { DirectoryAuditor } from './upkeep/directory-auditor.ts'
import { Rebalancer } from './upkeep/rebalancer.ts'
import { Snapshotter } from './upkeep/snapshotter.ts'

const env = parseEnv(shardEnvSchema, process.env)
const config = readCollectionConfig(env.MAKSDB_COLLECTION_FILE)
const startId = env.MAKSDB_START_ID ?? randomBytes(6).toString('hex')
const logger = makeLogger('shard', env.MAKSDB_LOG_LEVEL, {
  collection: config.collection,
  pod: `${env.MAKSDB_CELL}/${env.MAKSDB_ORDINAL}`,
})
const metrics = new Metrics('shard', {
  vectorcluster: config.name,
  collection: config.collection,
  cell: env.MAKSDB_CELL,
})

function die(error: unknown): never {
  logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'the process ends')
  writeLastWords(env.MAKSDB_TERMINATION_FILE, startId, error)
  process.exit(1)
}
process.on('unhandledRejection', die)
giveBackWhenIdle()

mkdirSync(env.MAKSDB_DATA_DIR, { recursive: true })
await holdVolume(env.MAKSDB_DATA_DIR).catch(die)
reportVolume(env.MAKSDB_DATA_DIR, metrics)
const index = new IndexActor(die)
const pod = makePod(env, config, { startId, index, metrics, logger })
followCollectionConfig(env.MAKSDB_COLLECTION_FILE, config, logger)
writeLastWords(env.MAKSDB_TERMINATION_FILE, startId)
const replica = new Replica(pod)
const election = new Election(pod, replica, (role) => logger.info({ role }, 'role'))
const committer = new Committer(pod, replica, election, () => snapshotter.want())
const ports = { port: 0, adminPort: 0 }
const heartbeat = new HeartbeatLoop(pod, replica, ports)
const snapshotter = new Snapshotter(pod, replica, election, heartbeat)
const admission = new WriteAdmission(pod, election, heartbeat.memory)
const rebalancer = new Rebalancer(pod, replica, election, heartbeat, committer, admission)
const auditor = new DirectoryAuditor(pod, replica, election, heartbeat)
const searchBatcher = new SearchBatcher(pod)

const server = makeShardServer({
  pod,
  replica,
  election,
  committer,
  admission,
  searchBatcher: searchBatcher,
  rebalancer: rebalancer,
  snapshotter,
})
ports.port = await listen(server, env.MAKSDB_HOST, env.MAKSDB_PORT, true)
const admin = await startAdminServer({
  host: env.MAKSDB_HOST,
  port: env.MAKSDB_ADMIN_PORT,
  metrics,
  notReady: () => (replica.phase === 'following' ? undefined : replica.regressed || replica.phase),
})
ports.adminPort = admin.port
// Before the load, which may take long: whoever watches this process must be able to ask whether it lives.
writeRunFile(env.MAKSDB_RUN_FILE, { pid: process.pid, ...ports })
const loaded = await replica.load().catch(die)

stopOnSignal(logger, async () => {
  server.close()
  await election.close()
  rebalancer.close()
  auditor.close()
  replica.close()
  await snapshotter.close()
  heartbeat.close()
  admission.close()
  committer.close()
  admin.server.close()
})

for (const loop of [replica, election, heartbeat, admission, rebalancer, auditor].map((one) => one.run()))
  loop.catch(die)
// What else lies on the volume need not hold up the first answer; without snapshots that are announced, no log is trimmed.
snapshotter
  .announceExisting(loaded)
  .then(() => snapshotter.run())
  .catch(die)

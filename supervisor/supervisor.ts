/**
 * The local control plane: observe the processes, plan (core/plan), act. Processes are detached, so they outlive a
 * supervisor that dies; the next one finds them by pid and start time and continues.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { MaksError } from '../core/errors.ts'
import { plan } from '../core/plan/process-plan.ts'
import type { CollectionConfig } from '../protocol/env/config.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
import { sleep } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { applied } from './changes.ts'
import type { DataDir, ProcessRecord, Settings, StoredCluster } from './data-dir.ts'
import { releaseLeaseOfEnded } from './ended-primary.ts'
import { MemberMaintenance } from './member-maintenance.ts'
import { freePort, isAlive, portIsFree } from './os-process.ts'
import { Processes, type UnitState } from './processes.ts'
import { checkRedisProgram } from './redis-program.ts'
import { eraseSharedKeys } from './shared-redis.ts'
import { stopProcesses } from './stop-processes.ts'
import { collectionConfig, configFile, type LocalUnit, localUnits, routerFile, shardName } from './units.ts'

const TICK_MS = 200
/** While a Redis starts, which takes some 20 ms: its shards wait for it, and the request that creates a collection waits for them. */
const SOON_MS = 20
/** Failed starts of a Redis after which its port is looked at again. */
const REDIS_FAILURES = 3
const LOCALHOST = '127.0.0.1'

export class Supervisor {
  readonly #dir: DataDir
  readonly #settings: Settings
  readonly #adminPort: number
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #processes: Processes
  readonly #members: MemberMaintenance
  #clusters: StoredCluster[]
  /** What should run. */
  #units: readonly LocalUnit[] = []
  #stopping = false
  /** The pass that is under way. */
  #pass: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  /** Another pass is due at once. */
  #woken = false

  /** @param answerMs a process that answers no probe within this time, several times in a row, hangs */
  constructor(dir: DataDir, settings: Settings, adminPort: number, logger: Logger, metrics: Metrics, answerMs: number) {
    this.#dir = dir
    this.#settings = settings
    this.#adminPort = adminPort
    this.#logger = logger
    this.#metrics = metrics
    this.#clusters = dir.clusters
    this.#members = new MemberMaintenance(logger)
    this.#processes = new Processes({
      dir,
      logger,
      metrics,
      answerMs,
      configOf: (unit) => this.#configOf(({ manifest }) => collectionOf(manifest) === unit.collection),
      onExit: (unit, record) => {
        // This very process was our child and has been waited for: its lease may be given to another at once.
        if (unit.kind === 'shard') void this.#releaseLease(unit, record)
        this.#wakeUp()
      },
    })
  }

  async run(): Promise<void> {
    await this.#processes.listOrphans()
    await this.#prepare()
    this.#processes.adopt(this.#units)
    this.#members.look(this.#clusters.map(({ manifest }) => manifest.metadata.name))
    while (!this.#stopping) {
      this.#woken = false
      this.#pass = this.#tick().catch((error: unknown) => this.#logger.error({ error: String(error) }, 'a pass failed'))
      await this.#pass
      // Called for while the pass was under way: what it looked at may be old.
      if (this.#woken) continue
      await Promise.race([
        sleep(this.#processes.redisStarts ? SOON_MS : TICK_MS),
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
      ])
    }
  }

  #wakeUp(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** The units, and everything that their commands need: ports of Redis, folders, the router's list. */
  async #prepare(): Promise<void> {
    for (const cluster of this.#clusters) {
      const { manifest, extras } = cluster
      const name = manifest.metadata.name
      mkdirSync(join(this.#dir.clusterDir(name), 'redis'), { recursive: true })
      this.#dir.redisPasswordFile(name)
      const port = this.#dir.redisPort(name)
      const running = this.#dir.processes.get(`${name}-redis`)
      const usable = port !== undefined && ((running && isAlive(running)) || (await portIsFree(port, LOCALHOST)))
      if (extras.redisUrl === null && !usable) this.#dir.saveRedisPort(name, await freePort(LOCALHOST))
      this.#dir.write(configFile(name), JSON.stringify(collectionConfig(this.#dir, cluster)))
    }
    this.#dir.write('router.json', JSON.stringify(routerFile(this.#dir, this.#clusters)))
    this.#units = localUnits(this.#dir, this.#settings, this.#adminPort, this.#clusters)
  }

  async #tick(): Promise<void> {
    const processes = this.#processes
    await processes.observe()
    // A Redis that cannot start may have lost its port to another program.
    if (processes.redisFails(REDIS_FAILURES)) await this.#prepare()
    const units = this.#units
    for (const action of plan(units, processes.observed, Date.now())) {
      if (this.#stopping || action.type === 'wait') continue
      const unit = action.type === 'start' ? units.find(({ name }) => name === action.unit.name) : undefined
      if (unit) processes.start(unit)
      if (action.type === 'stop') await processes.end(action.name, action.why)
    }
    this.#members.run(
      (name) => this.#configOf(({ manifest }) => manifest.metadata.name === name),
      ({ name }, cell, ordinal) => processes.runs(shardName(name, cell, ordinal)),
    )
    for (const kind of ['redis', 'shard', 'router'] as const)
      this.#metrics.set('maksdb_processes', processes.count(kind), { kind })
  }

  #configOf(test: (cluster: StoredCluster) => boolean): CollectionConfig | undefined {
    const cluster = this.#clusters.find(test)
    return cluster && collectionConfig(this.#dir, cluster)
  }

  async #releaseLease(unit: LocalUnit, { startId }: ProcessRecord): Promise<void> {
    const config = this.#configOf(({ manifest }) => collectionOf(manifest) === unit.collection)
    if (config && (await releaseLeaseOfEnded(config, unit, startId)))
      this.#logger.info({ name: unit.name }, 'released the lease of an ended primary')
  }

  /** Adds or changes VectorClusters. Throws what the user must correct; then nothing has changed. */
  async apply(clusters: readonly StoredCluster[]): Promise<void> {
    const next = applied(this.#clusters, clusters)
    if (clusters.some(({ extras }) => extras.redisUrl === null)) checkRedisProgram()
    for (const cluster of clusters) this.#dir.saveCluster(cluster)
    this.#clusters = next
    await this.#prepare()
    this.#members.look(clusters.map(({ manifest }) => manifest.metadata.name))
    this.#wakeUp()
  }

  /** What should run, and how it is doing. */
  units(): UnitState[] {
    return this.#units.map(({ name }) => this.#processes.stateOf(name))
  }

  has(collection: string): boolean {
    return this.#clusters.some(({ manifest }) => collectionOf(manifest) === collection)
  }

  /** Ends a collection's processes and removes its data. */
  async remove(collection: string): Promise<void> {
    const cluster = this.#clusters.find(({ manifest }) => collectionOf(manifest) === collection)
    if (!cluster) throw new MaksError('NOT_FOUND', `there is no collection ${collection}`)
    this.#clusters = this.#clusters.filter((other) => other !== cluster)
    await this.#prepare()
    await this.#processes.endCollection(collection)
    const stay = await eraseSharedKeys(this.#dir, cluster)
    if (stay !== undefined) this.#logger.warn(stay)
    this.#dir.removeCluster(cluster.manifest.metadata.name)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#processes.stopping = true
    this.#wakeUp()
    // One that has begun may be about to start something.
    await this.#pass
    await stopProcesses(this.#dir)
  }
}

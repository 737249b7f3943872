/**
 * The local control plane: observe the processes, plan (core/plan), act. Processes are detached, so they outlive a
 * supervisor that dies; the next one finds them by pid and start time and continues.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MaksError } from '../core/errors.ts'
import { type Action, type ObservedUnit, plan, STABLE_MS } from '../core/plan/process-plan.ts'
import type { CollectionConfig } from '../protocol/env/config.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
import { sleep } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { checkChange } from './changes.ts'
import type { DataDir, ProcessRecord, Settings, StoredCluster } from './data-dir.ts'
import { releaseLeaseOfEnded } from './ended-primary.ts'
import { type Answering, Liveness } from './liveness.ts'
import { MemberMaintenance } from './member-maintenance.ts'
import { marked, orphans } from './orphans.ts'
import { endProcess, freePort, isAlive, portIsFree, startDetached, startTicks } from './os-process.ts'
import { probe } from './probe.ts'
import { checkRedisProgram } from './redis-program.ts'
import { eraseSharedKeys } from './shared-redis.ts'
import { stopProcesses } from './stop-processes.ts'
import { collectionConfig, configFile, type LocalUnit, localUnits, routerFile, shardName } from './units.ts'

const TICK_MS = 200
/** While a Redis starts, which takes some 20 ms: its shards wait for it, and the request that creates a collection waits for them. */
const SOON_MS = 20
/** A process that is ready is asked again only so often; its end is noticed at once. */
const PROBE_READY_MS = 1000
const GRACE_MS = 20_000
/** Failed starts of a Redis after which its port is looked at again. */
const REDIS_FAILURES = 3
const LOCALHOST = '127.0.0.1'
/** Collections that one local cluster may hold. */
export const COLLECTIONS_MAX = 64

interface Known {
  record: ProcessRecord
  unit: LocalUnit
  startedAt: number
  ready: boolean
  primary: boolean
  failures: number
  endedAt: number
  probedAt: number
  liveness: Liveness
  /** Ended and waited for by this very supervisor, its parent. */
  ended: boolean
}

export interface UnitState {
  name: string
  ready: boolean
  /** Ends in a row that came soon after the start. */
  failures: number
}

export class Supervisor {
  readonly #dir: DataDir
  readonly #settings: Settings
  readonly #adminPort: number
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #answerMs: number
  readonly #known = new Map<string, Known>()
  readonly #members: MemberMaintenance
  #clusters: StoredCluster[]
  #stopping = false
  /** The pass that is under way. */
  #pass: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  /** Another pass is due at once. */
  #woken = false

  /** @param answerMs a process that answers no probe within this time, several times in a row, hangs */
  constructor(dir: DataDir, settings: Settings, adminPort: number, logger: Logger, metrics: Metrics, answerMs: number) {
    this.#answerMs = answerMs
    this.#dir = dir
    this.#settings = settings
    this.#adminPort = adminPort
    this.#logger = logger
    this.#metrics = metrics
    this.#clusters = dir.clusters
    this.#members = new MemberMaintenance(logger)
  }

  async run(): Promise<void> {
    await this.#listOrphans()
    await this.#prepare()
    this.#adopt()
    this.#members.look(this.#clusters.map(({ manifest }) => manifest.metadata.name))
    while (!this.#stopping) {
      this.#woken = false
      this.#pass = this.#tick().catch((error: unknown) => this.#logger.error({ error: String(error) }, 'a pass failed'))
      await this.#pass
      // Called for while the pass was under way: what it looked at may be old.
      if (this.#woken) continue
      await Promise.race([
        sleep(this.#redisStarts ? SOON_MS : TICK_MS),
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
      ])
    }
  }

  get #redisStarts(): boolean {
    return [...this.#known.values()].some(({ unit, ready, ended }) => unit.kind === 'redis' && !ready && !ended)
  }

  #wakeUp(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Everything that the units' commands need: ports of Redis, folders, the router's list. */
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
  }

  #units(): LocalUnit[] {
    return localUnits(this.#dir, this.#settings, this.#adminPort, this.#clusters)
  }

  /** What a former supervisor started and could not write down is listed, or ended where another one runs in its place. */
  async #listOrphans(): Promise<void> {
    const records = this.#dir.processes
    for (const [name, record] of orphans(this.#dir)) {
      const listed = records.get(name)
      this.#logger.warn({ name, pid: record.pid }, 'found a process that is in no process list')
      if (listed && isAlive(listed)) await endProcess(record, GRACE_MS)
      else records.set(name, record)
    }
    this.#dir.saveProcesses(records)
  }

  /** Takes over what a former supervisor started and is still alive, and ends what is wanted no more. */
  #adopt(): void {
    const units = new Map(this.#units().map((unit) => [unit.name, unit]))
    for (const [name, record] of this.#dir.processes) {
      const unit = units.get(name)
      if (!isAlive(record)) continue
      if (!unit) {
        void endProcess(record, GRACE_MS)
        continue
      }
      this.#know(unit, record)
      this.#logger.info({ name, pid: record.pid }, 'adopted')
    }
  }

  #know(unit: LocalUnit, record: ProcessRecord, failures = 0): Known {
    const known: Known = {
      record,
      unit,
      startedAt: Date.now(),
      ready: false,
      primary: false,
      failures,
      endedAt: 0,
      probedAt: 0,
      liveness: new Liveness(record, this.#answerMs, (why) => this.#noteHang(unit, record, why)),
      ended: false,
    }
    this.#known.set(unit.name, known)
    return known
  }

  async #tick(): Promise<void> {
    await Promise.all([...this.#known.values()].map((known) => this.#observe(known)))
    // A Redis that cannot start may have lost its port to another program.
    if (
      [...this.#known.values()].some(
        ({ unit, ended, failures }) => unit.kind === 'redis' && ended && failures >= REDIS_FAILURES,
      )
    ) {
      await this.#prepare()
    }
    const units = this.#units()
    const actions = plan(units, [...this.#known.values()].map(observed), Date.now())
    for (const action of actions) if (!this.#stopping) await this.#act(action, units)
    this.#members.run(
      this.#clusters.map((cluster) => collectionConfig(this.#dir, cluster)),
      ({ name }, cell, ordinal) => this.#known.get(shardName(name, cell, ordinal))?.ended === false,
    )
    for (const kind of ['redis', 'shard', 'router'] as const) {
      this.#metrics.set(
        'maksdb_processes',
        [...this.#known.values()].filter((known) => known.unit.kind === kind && !known.ended).length,
        { kind },
      )
    }
  }

  async #observe(known: Known): Promise<void> {
    if (known.ended) return
    if (!isAlive(known.record)) return this.#noteEnd(known)
    known.liveness.watch(this.#answering(known))
    if (known.ready && (known.unit.kind === 'redis' || Date.now() - known.probedAt < PROBE_READY_MS)) return
    known.probedAt = Date.now()
    const { ready, primary } = await probe(this.#dir, known.unit, known.record.pid, this.#redisUrl(known.unit))
    if (ready && !known.ready) this.#forgetError(known.unit)
    known.ready = ready
    known.primary = primary
  }

  /** The last words stand while one start after the other ends so; a change removes them. */
  #forgetError(unit: LocalUnit): void {
    rmSync(this.#dir.lastWordsFile(unit.name), { force: true })
  }

  #answering({ unit, record }: Known): Answering {
    if (unit.kind !== 'redis') {
      const run = this.#dir.readRun(unit.name)
      return run?.pid === record.pid ? { http: run.adminPort } : undefined
    }
    const cluster = this.#clusters.find(({ manifest }) => collectionOf(manifest) === unit.collection)
    const port = cluster && this.#dir.redisPort(cluster.manifest.metadata.name)
    return port === undefined ? undefined : { redis: port }
  }

  #noteHang({ name, kind }: LocalUnit, { pid }: ProcessRecord, why: string): void {
    this.#metrics.add('maksdb_hung_processes_total', 1, { kind })
    this.#logger.error({ name, pid, why }, 'does not answer; the supervisor kills and restarts it')
  }

  #config(unit: LocalUnit): CollectionConfig | undefined {
    const cluster = this.#clusters.find(({ manifest }) => collectionOf(manifest) === unit.collection)
    return cluster && collectionConfig(this.#dir, cluster)
  }

  #redisUrl(unit: LocalUnit): string | undefined {
    return this.#config(unit)?.redisUrl
  }

  #noteEnd(known: Known): void {
    known.ended = true
    known.ready = false
    known.primary = false
    known.endedAt = Date.now()
    known.failures = known.endedAt - known.startedAt < STABLE_MS ? known.failures + 1 : 0
    if (!this.#stopping) this.#logger.warn({ name: known.unit.name, pid: known.record.pid }, 'ended')
  }

  async #act(action: Action, units: readonly LocalUnit[]): Promise<void> {
    if (action.type === 'wait') return
    if (action.type === 'start') {
      const unit = units.find(({ name }) => name === action.unit.name)
      if (unit) this.#start(unit)
      return
    }
    const known = this.#known.get(action.name)
    if (!known) return
    this.#logger.info({ name: action.name, why: action.why }, 'stopping')
    await endProcess(known.record, GRACE_MS)
    this.#known.delete(action.name)
    this.#saveProcesses()
  }

  #start(unit: LocalUnit): void {
    const before = this.#known.get(unit.name)
    const startId = randomBytes(4).toString('hex')
    if (before?.record.fingerprint !== unit.fingerprint) this.#forgetError(unit)
    const { command, args, env } = unit.launch(startId)
    const child = startDetached(
      command,
      args,
      {
        ...env,
        ...marked({ dir: this.#dir.path, name: unit.name, startId, fingerprint: unit.fingerprint }),
        NODE_COMPILE_CACHE: join(this.#dir.path, 'compile-cache'),
      },
      this.#dir.logFile(unit.name),
    )
    if (before) this.#metrics.add('maksdb_process_restarts_total', 1, { kind: unit.kind })
    const pid = child.pid
    const ticks = pid === undefined ? undefined : startTicks(pid)
    child.on('error', (error) => this.#logger.error({ name: unit.name, error: String(error) }, 'cannot be started'))
    const known = this.#know(
      unit,
      { pid: pid ?? 0, startTicks: ticks ?? '', startId, fingerprint: unit.fingerprint },
      before?.failures ?? 0,
    )
    this.#saveProcesses()
    child.on('exit', (code, signal) => {
      this.#logger.info({ name: unit.name, code, signal }, 'exit')
      // This very process was our child and has been waited for: its lease may be given to another at once.
      if (unit.kind === 'shard') void this.#releaseLease(known)
      this.#wakeUp()
    })
    this.#logger.info({ name: unit.name, pid }, 'started')
  }

  async #releaseLease({ unit, record }: Known): Promise<void> {
    const config = this.#config(unit)
    if (config && (await releaseLeaseOfEnded(config, unit, record.startId)))
      this.#logger.info({ name: unit.name }, 'released the lease of an ended primary')
  }

  #saveProcesses(): void {
    this.#dir.saveProcesses(new Map([...this.#known].map(([name, known]) => [name, known.record])))
  }

  /** Adds or changes VectorClusters. Throws what the user must correct; then nothing has changed. */
  async apply(clusters: readonly StoredCluster[]): Promise<void> {
    const next = new Map(this.#clusters.map((cluster) => [cluster.manifest.metadata.name, cluster]))
    for (const cluster of clusters) {
      const name = cluster.manifest.metadata.name
      const current = next.get(name)
      if (current) checkChange(current, cluster)
      const namesake = [...next.values()].find(
        (other) =>
          other.manifest.metadata.name !== name && collectionOf(other.manifest) === collectionOf(cluster.manifest),
      )
      if (namesake)
        throw new MaksError('ALREADY_EXISTS', `the collection ${collectionOf(cluster.manifest)} already exists`)
      next.set(name, cluster)
    }
    if (next.size > COLLECTIONS_MAX)
      throw new MaksError('TOO_MANY_COLLECTIONS', `a local cluster holds at most ${COLLECTIONS_MAX} collections`)
    if (clusters.some(({ extras }) => extras.redisUrl === null)) checkRedisProgram()
    for (const cluster of clusters) this.#dir.saveCluster(cluster)
    this.#clusters = [...next.values()]
    await this.#prepare()
    this.#members.look(clusters.map(({ manifest }) => manifest.metadata.name))
    this.#wakeUp()
  }

  /** What should run, and how it is doing. */
  units(): UnitState[] {
    return this.#units().map(({ name }) => {
      const known = this.#known.get(name)
      const ready = known !== undefined && !known.ended && known.ready
      return { name, ready, failures: known?.failures ?? 0 }
    })
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
    const ours = [...this.#known.values()].filter(({ unit }) => unit.collection === collection)
    await Promise.all(ours.map(({ record }) => endProcess(record, 0)))
    for (const { unit } of ours) this.#known.delete(unit.name)
    this.#saveProcesses()
    for (const { unit } of ours)
      for (const file of [this.#dir.runFile(unit.name), this.#dir.lastWordsFile(unit.name)])
        rmSync(file, { force: true })
    const stay = await eraseSharedKeys(this.#dir, cluster)
    if (stay !== undefined) this.#logger.warn(stay)
    this.#dir.removeCluster(cluster.manifest.metadata.name)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#wakeUp()
    // One that has begun may be about to start something.
    await this.#pass
    await stopProcesses(this.#dir)
  }
}

function observed(known: Known): ObservedUnit {
  const { unit, record, failures, endedAt } = known
  return {
    ...unit,
    fingerprint: record.fingerprint,
    state: known.ended ? 'stopped' : known.ready ? 'ready' : 'starting',
    primary: known.primary,
    failures,
    endedAt,
  }
}

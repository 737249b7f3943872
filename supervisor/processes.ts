/**
 * The processes of a local cluster: started detached, adopted from a former supervisor, asked how they are, ended. The list
 * of them in the data directory is written at each change.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type ObservedUnit, STABLE_MS, type UnitKind } from '../core/plan/process-plan.ts'
import type { CollectionConfig } from '../protocol/env/config.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { DataDir, ProcessRecord } from './data-dir.ts'
import { type Answering, Liveness } from './liveness.ts'
import { marked, orphans } from './orphans.ts'
import { endProcess, isAlive, startDetached, startTicks } from './os-process.ts'
import { probe } from './probe.ts'
import type { LocalUnit } from './units.ts'

/** A process that is ready is asked again only so often; its end is noticed at once. */
const PROBE_READY_MS = 1000
const GRACE_MS = 20_000

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

export interface ProcessesParts {
  dir: DataDir
  logger: Logger
  metrics: Metrics
  /** A process that answers no probe within this time, several times in a row, hangs. */
  answerMs: number
  /** Of the collection that a unit belongs to; undefined for the router, and for a collection that is being removed. */
  configOf: (unit: LocalUnit) => CollectionConfig | undefined
  /** A child of this supervisor has ended and has been waited for. */
  onExit: (unit: LocalUnit, record: ProcessRecord) => void
}

export class Processes {
  readonly #parts: ProcessesParts
  readonly #known = new Map<string, Known>()
  /** Set while all processes are stopped on purpose: an end is worth no warning then. */
  stopping = false

  constructor(parts: ProcessesParts) {
    this.#parts = parts
  }

  /** Is a Redis on its way? Its shards wait for it. */
  get redisStarts(): boolean {
    return this.#some('redis', ({ ready, ended }) => !ready && !ended)
  }

  /** Has a Redis ended so often in a row, each time soon after its start? */
  redisFails(failures: number): boolean {
    return this.#some('redis', (known) => known.ended && known.failures >= failures)
  }

  #some(kind: UnitKind, test: (known: Known) => boolean): boolean {
    return [...this.#known.values()].some((known) => known.unit.kind === kind && test(known))
  }

  count(kind: UnitKind): number {
    return [...this.#known.values()].filter(({ unit, ended }) => unit.kind === kind && !ended).length
  }

  runs(name: string): boolean {
    return this.#known.get(name)?.ended === false
  }

  get observed(): ObservedUnit[] {
    return [...this.#known.values()].map(observed)
  }

  stateOf(name: string): UnitState {
    const known = this.#known.get(name)
    return { name, ready: known !== undefined && !known.ended && known.ready, failures: known?.failures ?? 0 }
  }

  /** What a former supervisor started and could not write down is listed, or ended if another one runs in its place. */
  async listOrphans(): Promise<void> {
    const { dir, logger } = this.#parts
    const records = dir.processes
    for (const [name, record] of orphans(dir)) {
      const listed = records.get(name)
      logger.warn({ name, pid: record.pid }, 'found a process that is in no process list')
      if (listed && isAlive(listed)) await endProcess(record, GRACE_MS)
      else records.set(name, record)
    }
    dir.saveProcesses(records)
  }

  /** Takes over what a former supervisor started and is still alive, and ends what is wanted no more. */
  adopt(wanted: readonly LocalUnit[]): void {
    const units = new Map(wanted.map((unit) => [unit.name, unit]))
    for (const [name, record] of this.#parts.dir.processes) {
      const unit = units.get(name)
      if (!isAlive(record)) continue
      if (!unit) {
        void endProcess(record, GRACE_MS)
        continue
      }
      this.#know(unit, record)
      this.#parts.logger.info({ name, pid: record.pid }, 'adopted')
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
      liveness: new Liveness(record, this.#parts.answerMs, (why) => this.#noteHang(unit, record, why)),
      ended: false,
    }
    this.#known.set(unit.name, known)
    return known
  }

  /** Asks every process how it is. */
  async observe(): Promise<void> {
    await Promise.all([...this.#known.values()].map((known) => this.#observe(known)))
  }

  async #observe(known: Known): Promise<void> {
    if (known.ended) return
    if (!isAlive(known.record)) return this.#noteEnd(known)
    const { dir, configOf } = this.#parts
    known.liveness.watch(() => this.#answering(known))
    if (known.ready && (known.unit.kind === 'redis' || Date.now() - known.probedAt < PROBE_READY_MS)) return
    known.probedAt = Date.now()
    const { ready, primary } = await probe(dir, known.unit, known.record.pid, () => configOf(known.unit)?.redisUrl)
    if (ready && !known.ready) this.#forgetError(known.unit)
    known.ready = ready
    known.primary = primary
  }

  #answering({ unit, record }: Known): Answering {
    const { dir, configOf } = this.#parts
    if (unit.kind !== 'redis') {
      const run = dir.readRun(unit.name)
      return run?.pid === record.pid ? { http: run.adminPort } : undefined
    }
    const config = configOf(unit)
    const port = config && dir.redisPort(config.name)
    return port === undefined ? undefined : { redis: port }
  }

  /** The last words stand while one start after the other ends so; a change removes them. */
  #forgetError(unit: LocalUnit): void {
    rmSync(this.#parts.dir.lastWordsFile(unit.name), { force: true })
  }

  #noteHang({ name, kind }: LocalUnit, { pid }: ProcessRecord, why: string): void {
    this.#parts.metrics.add('maksdb_hung_processes_total', 1, { kind })
    this.#parts.logger.error({ name, pid, why }, 'does not answer; the supervisor kills and restarts it')
  }

  #noteEnd(known: Known): void {
    known.ended = true
    known.ready = false
    known.primary = false
    known.endedAt = Date.now()
    known.failures = known.endedAt - known.startedAt < STABLE_MS ? known.failures + 1 : 0
    if (!this.stopping) this.#parts.logger.warn({ name: known.unit.name, pid: known.record.pid }, 'ended')
  }

  start(unit: LocalUnit): void {
    const { dir, logger, metrics, onExit } = this.#parts
    const before = this.#known.get(unit.name)
    const startId = randomBytes(4).toString('hex')
    if (before?.record.fingerprint !== unit.fingerprint) this.#forgetError(unit)
    const { command, args, env } = unit.launch(startId)
    const child = startDetached(
      command,
      args,
      {
        ...env,
        ...marked({ dir: dir.path, name: unit.name, startId, fingerprint: unit.fingerprint }),
      },
      { logFile: dir.logFile(unit.name), compileCache: dir.compileCache },
    )
    if (before) metrics.add('maksdb_process_restarts_total', 1, { kind: unit.kind })
    const pid = child.pid
    const ticks = pid === undefined ? undefined : startTicks(pid)
    child.on('error', (error) => logger.error({ name: unit.name, error: String(error) }, 'cannot be started'))
    const record = { pid: pid ?? 0, startTicks: ticks ?? '', startId, fingerprint: unit.fingerprint }
    this.#know(unit, record, before?.failures ?? 0)
    this.#save()
    child.on('exit', (code, signal) => {
      logger.info({ name: unit.name, code, signal }, 'exit')
      onExit(unit, record)
    })
    logger.info({ name: unit.name, pid }, 'started')
  }

  async end(name: string, why: string): Promise<void> {
    const known = this.#known.get(name)
    if (!known) return
    this.#parts.logger.info({ name, why }, 'stopping')
    await endProcess(known.record, GRACE_MS)
    this.#known.delete(name)
    this.#save()
  }

  /** Ends all processes of a collection at once, with the files that they have written about themselves. */
  async endCollection(collection: string): Promise<void> {
    const { dir } = this.#parts
    const ours = [...this.#known.values()].filter(({ unit }) => unit.collection === collection)
    await Promise.all(ours.map(({ record }) => endProcess(record, 0)))
    for (const { unit } of ours) this.#known.delete(unit.name)
    this.#save()
    for (const { unit } of ours)
      for (const file of [dir.runFile(unit.name), dir.lastWordsFile(unit.name)]) rmSync(file, { force: true })
  }

  #save(): void {
    this.#parts.dir.saveProcesses(new Map([...this.#known].map(([name, known]) => [name, known.record])))
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

/** The parts of a shard server in the process of a test: they follow, lead and commit on a real Redis, without a port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { parseEnv, shardEnvSchema } from '../../protocol/env/config.ts'
import { Metrics } from '../../runtime/metrics.ts'
import { until } from '../../runtime/until.ts'
import { IndexActor } from '../../shard-server/index/index-actor.ts'
import { Committer } from '../../shard-server/log/committer.ts'
import { Election } from '../../shard-server/log/election.ts'
import { Replica } from '../../shard-server/log/replica.ts'
import { WriteAdmission } from '../../shard-server/log/write-admission.ts'
import { makePod, type Pod } from '../../shard-server/pod/pod.ts'
import { MemoryGauge } from '../../shard-server/pod/pod-memory.ts'
import { configOf } from './played-shards.ts'

/** The names of metrics belong to a process, which a test has one of. */
let metrics: Metrics | undefined

export interface PodOptions {
  collection: string
  cells: number
  redisUrl: string
  leaseTtlMs?: number
  /** The volume of an earlier process; absent: a new one. */
  folder?: string
}

export class PodInProcess {
  readonly folder: string
  readonly pod: Pod
  readonly replica: Replica
  readonly election: Election
  readonly committer: Committer
  readonly admission: WriteAdmission

  constructor({ collection, cells, redisUrl, leaseTtlMs = 3000, folder }: PodOptions) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'maksdb-pod-'))
    const env = parseEnv(shardEnvSchema, {
      MAKSDB_COLLECTION_FILE: 'none',
      MAKSDB_CELL: '0',
      MAKSDB_ORDINAL: '0',
      MAKSDB_DATA_DIR: this.folder,
      MAKSDB_INTERNAL_TOKEN: 'token',
      MAKSDB_LEASE_TTL_MS: String(leaseTtlMs),
    })
    const config = configOf(collection, cells, redisUrl)
    metrics ??= new Metrics('shard', { vectorcluster: 'test', collection: 'test', cell: 0 })
    const fails = (error: Error) => {
      throw error
    }
    this.pod = makePod(env, config, {
      startId: 'in-process',
      index: new IndexActor(fails),
      metrics,
      logger: pino({ level: 'silent' }),
    })
    this.replica = new Replica(this.pod)
    this.election = new Election(this.pod, this.replica, () => undefined)
    this.committer = new Committer(this.pod, this.replica, this.election, () => undefined)
    this.admission = new WriteAdmission(this.pod, this.election, new MemoryGauge(this.pod))
  }

  /** Loads and follows the log. */
  async follow(): Promise<void> {
    await this.replica.load()
    void this.replica.run()
    await until('the pod to follow', async () => this.replica.phase === 'following')
  }

  /** Follows the log and leads the cell. */
  async lead(): Promise<void> {
    await this.follow()
    void this.election.run()
    await until('the pod to lead', async () => this.election.leads())
  }

  /** The index thread applies nothing, as one that is busy does, until what this returns is called. */
  holdApply(): () => void {
    const { index } = this.pod
    const released = Promise.withResolvers<void>()
    const call = index.call.bind(index)
    index.call = async (name, ...rest) => {
      if (name === 'apply') await released.promise
      return call(name, ...rest)
    }
    return released.resolve
  }

  /** Ends its parts; the volume stays. */
  async stop(): Promise<void> {
    await this.election.close()
    this.replica.close()
    this.committer.close()
    await this.pod.index.close()
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

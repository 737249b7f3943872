/** The files of a local cluster: where each lies, and how each is written so that a crash leaves the old or the new one. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { type VectorCluster, vectorClusterSchema } from '../../protocol/vector-cluster.ts'

/** A process, named so that a reused pid is not taken for it. */
export const processRecordSchema = z.object({
  pid: z.number(),
  /** Field 22 of /proc/<pid>/stat: ticks since boot at which the process started. */
  startTicks: z.string(),
  startId: z.string(),
  fingerprint: z.string(),
})
export type ProcessRecord = z.infer<typeof processRecordSchema>

const settingsSchema = z.object({
  host: z.string(),
  port: z.number(),
  apiKey: z.string().optional(),
  readOnlyApiKey: z.string().optional(),
})
export type Settings = z.infer<typeof settingsSchema>

const supervisorSchema = z.object({ pid: z.number(), startTicks: z.string(), adminPort: z.number() })
export type SupervisorRecord = z.infer<typeof supervisorSchema>

/** What a collection has beside its manifest. */
const collectionExtrasSchema = z.object({
  namedVector: z.boolean(),
  redisUrl: z.string().nullable(),
  hasCentroids: z.boolean(),
})
export type CollectionExtras = z.infer<typeof collectionExtrasSchema>

export interface StoredCluster {
  manifest: VectorCluster
  extras: CollectionExtras
}

export class DataDir {
  readonly path: string

  constructor(path: string) {
    this.path = resolve(path)
  }

  create(): void {
    for (const folder of ['run', 'logs', 'clusters'])
      mkdirSync(join(this.path, folder), { recursive: true, mode: 0o700 })
  }

  get exists(): boolean {
    return existsSync(join(this.path, 'clusters'))
  }

  #read<S extends z.ZodType>(name: string, schema: S): z.infer<S> | undefined {
    try {
      return schema.parse(JSON.parse(readFileSync(join(this.path, name), 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Error(`${join(this.path, name)} cannot be read: ${String(error)}`, { cause: error })
    }
  }

  write(name: string, content: string): void {
    const path = join(this.path, name)
    writeFileSync(`${path}.tmp`, content, { mode: 0o600 })
    renameSync(`${path}.tmp`, path)
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true })
  }

  get settings(): Settings | undefined {
    return this.#read('settings.json', settingsSchema)
  }

  saveSettings(settings: Settings): void {
    this.write('settings.json', JSON.stringify(settings))
  }

  /** True for the one supervisor that may run on this folder; a lock whose holder is dead is taken over. */
  lock(
    holder: { pid: number; startTicks: string },
    isAlive: (record: { pid: number; startTicks: string }) => boolean,
  ): boolean {
    const path = join(this.path, 'supervisor.lock')
    for (let tries = 0; tries < 2; tries++) {
      try {
        writeFileSync(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const present = this.#read('supervisor.lock', z.object({ pid: z.number(), startTicks: z.string() }))
      if (present && isAlive(present)) return false
      rmSync(path, { force: true })
    }
    return false
  }

  get supervisor(): SupervisorRecord | undefined {
    return this.#read('supervisor.json', supervisorSchema)
  }

  saveSupervisor(record: SupervisorRecord): void {
    this.write('supervisor.json', JSON.stringify(record))
  }

  get processes(): Map<string, ProcessRecord> {
    return new Map(Object.entries(this.#read('processes.json', z.record(z.string(), processRecordSchema)) ?? {}))
  }

  saveProcesses(records: Map<string, ProcessRecord>): void {
    this.write('processes.json', JSON.stringify(Object.fromEntries(records)))
  }

  /** The credential of shard and admin calls, made once. */
  get token(): string {
    return this.#secret('token')
  }

  #secret(name: string): string {
    const path = join(this.path, name)
    if (!existsSync(path)) this.write(name, randomBytes(24).toString('hex'))
    return readFileSync(path, 'utf8').trim()
  }

  clusterDir(name: string): string {
    return join(this.path, 'clusters', name)
  }

  /** The password file of a cluster's own Redis, made once. */
  redisPasswordFile(name: string): string {
    this.#secret(join('clusters', name, 'redis-password'))
    return join(this.clusterDir(name), 'redis-password')
  }

  get clusters(): StoredCluster[] {
    if (!this.exists) return []
    return readdirSync(join(this.path, 'clusters'))
      .sort()
      .flatMap((name): StoredCluster[] => {
        const manifest = this.#read(join('clusters', name, 'manifest.json'), vectorClusterSchema)
        const extras = this.#read(join('clusters', name, 'extras.json'), collectionExtrasSchema)
        return manifest && extras ? [{ manifest, extras }] : []
      })
  }

  saveCluster(cluster: StoredCluster): void {
    const name = cluster.manifest.metadata.name
    mkdirSync(this.clusterDir(name), { recursive: true, mode: 0o700 })
    this.write(join('clusters', name, 'extras.json'), JSON.stringify(cluster.extras))
    this.write(join('clusters', name, 'manifest.json'), JSON.stringify(cluster.manifest, null, 2))
  }

  readSecretFile(path: string): string {
    return readFileSync(path, 'utf8').trim()
  }

  /** A port chosen once for a cluster's Redis. */
  redisPort(name: string): number | undefined {
    return this.#read(join('clusters', name, 'redis-port.json'), z.number())
  }

  saveRedisPort(name: string, port: number): void {
    this.write(join('clusters', name, 'redis-port.json'), String(port))
  }

  runFile(unit: string): string {
    return join(this.path, 'run', `${unit}.json`)
  }

  logFile(unit: string): string {
    return join(this.path, 'logs', `${unit}.log`)
  }

  readRun(unit: string): { pid: number; port: number; adminPort: number } | undefined {
    return this.#read(
      join('run', `${unit}.json`),
      z.object({ pid: z.number(), port: z.number(), adminPort: z.number() }),
    )
  }
}

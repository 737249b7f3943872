/** The files of a local cluster: where each lies, and how each is written so that a crash leaves the old or the new one. */
import { randomBytes, randomUUID } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { badRequest, MaksError } from '../core/errors.ts'
import { type LastWords, parseLastWords } from '../protocol/env/last-words.ts'
import { type VectorCluster, vectorClusterSchema } from '../protocol/manifest/vector-cluster.ts'
import { CLUSTER, DATA_DIRECTORY, type Removed, removeOwn } from './data-layout.ts'
import { fileProblem } from './file-problem.ts'
import { checkUsable, claim, MARKER, readMarker, realPath } from './marker.ts'

/** A process, named so that a reused pid is not taken for it. */
export const processRecordSchema = z.object({
  pid: z.number(),
  /** Field 22 of /proc/<pid>/stat: ticks since boot at which the process started. */
  startTicks: z.string(),
  startId: z.string(),
  fingerprint: z.string(),
})
export type ProcessRecord = z.infer<typeof processRecordSchema>

// Schemas are made once: making one costs some hundred times what its use does.
const processesSchema = z.record(z.string(), processRecordSchema)
const lockSchema = z.object({ pid: z.number(), startTicks: z.string() })
const runSchema = z.object({ pid: z.number(), port: z.number(), adminPort: z.number() })
const portSchema = z.number()

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
  redisUrl: z.string().nullable(),
  hasCentroids: z.boolean(),
})
export type CollectionExtras = z.infer<typeof collectionExtrasSchema>

const LAST_WORDS = '.end'

const clusterIdentitySchema = z.object({ uid: z.string(), since: z.number() })
export type ClusterIdentity = z.infer<typeof clusterIdentitySchema>

export interface StoredCluster {
  manifest: VectorCluster
  extras: CollectionExtras
}

export class DataDir {
  readonly path: string

  constructor(path: string) {
    this.path = realPath(path)
  }

  /** Where Node keeps the compiled programs if the environment names no place for them. */
  get compileCache(): string {
    return join(this.path, 'compile-cache')
  }

  /** Throws, and changes nothing, where the path neither is a data directory nor can become one. */
  checkUsable(): void {
    checkUsable(this.path)
  }

  create(): void {
    claim(this.path)
    for (const folder of ['run', 'logs', 'clusters'])
      try {
        mkdirSync(join(this.path, folder), { recursive: true, mode: 0o700 })
      } catch (error) {
        throw fileProblem(join(this.path, folder), 'made', error)
      }
  }

  /** True for a directory that `maksdb start` has made its own; nothing is read, signalled or removed in another one. */
  get exists(): boolean {
    return readMarker(this.path) !== undefined
  }

  /** Removes our own files, the marker last: a purge that was broken off can be repeated. */
  purge(): Removed & { directoryRemoved: boolean } {
    const marker = readMarker(this.path)
    if (!marker)
      throw badRequest(`${this.path} is not a data directory of MaksDB (it has no ${MARKER}); nothing was deleted`)
    try {
      const removed = removeOwn(this.path, DATA_DIRECTORY)
      rmSync(join(this.path, MARKER))
      const kept = removed.kept.filter((name) => name !== MARKER)
      const directoryRemoved = marker.made && kept.length === 0
      if (directoryRemoved) rmdirSync(this.path)
      return { files: removed.files, kept, directoryRemoved }
    } catch (error) {
      throw fileProblem((error as NodeJS.ErrnoException).path ?? this.path, 'deleted', error)
    }
  }

  /** Removes what we keep of one VectorCluster. */
  removeCluster(name: string): void {
    const folder = this.clusterDir(name)
    if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    if (removeOwn(folder, CLUSTER).kept.length === 0) rmdirSync(folder)
  }

  #read<S extends z.ZodType>(name: string, schema: S): z.infer<S> | undefined {
    try {
      return schema.parse(JSON.parse(readFileSync(join(this.path, name), 'utf8')))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return undefined
      if (code !== undefined) throw fileProblem(join(this.path, name), 'read', error)
      throw badRequest(`${join(this.path, name)} is damaged: its content is not what MaksDB has written`)
    }
  }

  write(name: string, content: string): void {
    const path = join(this.path, name)
    writeFileSync(`${path}.tmp`, content, { mode: 0o600 })
    renameSync(`${path}.tmp`, path)
  }

  /** @param name of a file of ours */
  remove(name: string): void {
    rmSync(join(this.path, name), { force: true })
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
      const current = this.#read('supervisor.lock', lockSchema)
      if (current && isAlive(current)) return false
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
    return new Map(Object.entries(this.#read('processes.json', processesSchema) ?? {}))
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

  /** Tells this VectorCluster from a namesake in another data directory that uses the same Redis; made once. */
  clusterIdentity(name: string): ClusterIdentity {
    const file = join('clusters', name, 'identity.json')
    const known = this.#read(file, clusterIdentitySchema)
    if (known) return known
    const made = { uid: randomUUID(), since: Date.now() }
    mkdirSync(this.clusterDir(name), { recursive: true, mode: 0o700 })
    this.write(file, JSON.stringify(made))
    return made
  }

  /** The password file of a cluster's own Redis, made once. */
  redisPasswordFile(name: string): string {
    this.#secret(join('clusters', name, 'redis-password'))
    return join(this.clusterDir(name), 'redis-password')
  }

  get clusters(): StoredCluster[] {
    const folder = join(this.path, 'clusters')
    if (!existsSync(folder)) return []
    return readdirSync(folder, { withFileTypes: true })
      .flatMap((entry) => (entry.isFile() ? [] : [entry.name]))
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
    return this.#read(join('clusters', name, 'redis-port.json'), portSchema)
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

  /** Where a unit leaves why it has ended. */
  lastWordsFile(unit: string): string {
    return join(this.path, 'run', `${unit}${LAST_WORDS}`)
  }

  /** The error that a unit has ended with, if it has ended with one since it was started last. */
  #lastError(unit: string): LastWords['error'] {
    try {
      return parseLastWords(readFileSync(this.lastWordsFile(unit), 'utf8')).error
    } catch {
      return undefined
    }
  }

  /** What the last start has left; the next one writes its own. */
  forgetLastErrors(): void {
    for (const name of this.#lastWords()) this.remove(join('run', name))
  }

  /** Units that have ended with an error, and it. */
  get lastErrors(): { unit: string; error: MaksError }[] {
    return this.#lastWords().flatMap((name) => {
      const unit = name.slice(0, -LAST_WORDS.length)
      const error = this.#lastError(unit)
      return error ? [{ unit, error: new MaksError(error.code, error.message) }] : []
    })
  }

  #lastWords(): string[] {
    const folder = join(this.path, 'run')
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(LAST_WORDS))
          .sort()
      : []
  }

  readRun(unit: string): z.infer<typeof runSchema> | undefined {
    return this.#read(join('run', `${unit}.json`), runSchema)
  }
}

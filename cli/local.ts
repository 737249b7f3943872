/** Starting and stopping a local cluster, as the commands see it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MaksError } from '../core/errors.ts'
import { INTERNAL_HEADER } from '../protocol/shard-rpc.ts'
import { errorOfReply } from '../runtime/http-server.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { checkReach, checkUnchanged, choosePort, endpointOf, wantedSettings } from './addresses.ts'
import { readManifests, storeCentroids } from './manifests.ts'
import { DataDir, type Settings } from './supervisor/data-dir.ts'
import { endProcess, isAlive, startDetached } from './supervisor/os-process.ts'
import { stopProcesses } from './supervisor/stop-processes.ts'
import { liveProcesses } from './supervisor/strays.ts'

export const DEFAULT_DATA_DIR = '.maksdb'
const READY_TIMEOUT_MS = 90_000
const POLL_MS = 60
const supervisorProgram = fileURLToPath(new URL('./supervisor/main.ts', import.meta.url))

export interface StartOptions {
  files: string[]
  dataDir: string
  port: number | undefined
  /** Undefined: that of the last start, else this machine alone. */
  host: string | undefined
  apiKey: string | undefined
  readOnlyApiKey: string | undefined
}

/** Brings a local cluster up and returns when every cell is led. Idempotent. */
export async function startLocal(
  options: StartOptions,
  onWait: (what: string) => void,
): Promise<{ endpoint: string; dir: DataDir }> {
  const dir = new DataDir(options.dataDir)
  dir.checkUsable()
  const { clusters: stored, centroids } =
    options.files.length > 0 ? readManifests(options.files) : { clusters: [], centroids: new Map<string, string>() }
  const before = dir.exists ? dir.settings : undefined
  const wanted = wantedSettings(options, before)
  await checkReach(wanted)
  const running = supervisorRuns(dir)
  if (running) checkUnchanged(dir, before as Settings, wanted, options.port)
  const settings = running
    ? (before as Settings)
    : { ...wanted, port: await choosePort(dir, options.port, wanted.host) }
  dir.create()
  storeCentroids(dir, centroids)
  if (!running) {
    dir.saveSettings(settings)
    onWait('the supervisor')
    startDetached(
      process.execPath,
      [supervisorProgram, dir.path],
      { NODE_COMPILE_CACHE: join(dir.path, 'compile-cache') },
      dir.logFile('supervisor'),
    )
    await until(() => supervisorAnswers(dir), 'the supervisor did not start', dir)
  }
  if (stored.length > 0) await callSupervisor(dir, 'POST', '/apply', stored)
  const endpoint = endpointOf(settings)
  onWait('all processes')
  const collections = dir.clusters.map(({ manifest }) => manifest.spec.collection ?? manifest.metadata.name)
  await until(
    () => allReady(endpoint, settings, collections),
    `the cluster is not ready; see ${join(dir.path, 'logs')}`,
    dir,
  )
  return { endpoint, dir }
}

export function supervisorRuns(dir: DataDir): boolean {
  const record = dir.exists ? dir.supervisor : undefined
  return record !== undefined && isAlive(record)
}

async function supervisorAnswers(dir: DataDir): Promise<boolean> {
  if (!supervisorRuns(dir)) return false
  const answer = await fetch(`http://127.0.0.1:${dir.supervisor?.adminPort}/healthz`).catch(() => undefined)
  return answer?.ok === true
}

/** Ready: the router answers, serves every collection that the data directory holds, and each cell is led. */
async function allReady(endpoint: string, settings: Settings, collections: readonly string[]): Promise<boolean> {
  const headers: Record<string, string> = settings.apiKey === undefined ? {} : { 'api-key': settings.apiKey }
  const ready = await fetch(`${endpoint}/readyz`, { headers }).catch(() => undefined)
  if (!ready?.ok) return false
  const listed = await fetch(`${endpoint}/collections`, { headers }).catch(() => undefined)
  if (!listed?.ok) return false
  const { result } = (await listed.json()) as { result: { collections: { name: string }[] } }
  return collections.every((name) => result.collections.some((other) => other.name === name))
}

async function until(check: () => Promise<boolean>, failure: string, dir: DataDir): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (!(await check())) {
    if (performance.now() > deadline) throw new MaksError('TIMEOUT', `${failure} (data directory ${dir.path})`)
    await sleep(POLL_MS)
  }
}

async function callSupervisor(dir: DataDir, method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${dir.supervisor?.adminPort}${path}`, {
    method,
    headers: { [INTERNAL_HEADER]: dir.token, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.ok) return
  throw errorOfReply(await response.text())
}

export interface Stopped {
  /** False where nothing ran. */
  stopped: boolean
  /** Undefined where no purge was asked for, or nothing is there. */
  purged?: ReturnType<DataDir['purge']>
}

/** Graceful stop, with or without a supervisor. A directory that is not a data directory of MaksDB is left alone. */
export async function stopLocal(dataDir: string, purge: boolean): Promise<Stopped> {
  const dir = new DataDir(dataDir)
  if (!dir.exists) return purge && existsSync(dir.path) ? { stopped: false, purged: dir.purge() } : { stopped: false }
  const supervisor = dir.supervisor
  const stopped = supervisorRuns(dir) || liveProcesses(dir).length > 0
  if (supervisor && isAlive(supervisor)) {
    await callSupervisor(dir, 'POST', '/stop', {}).catch(() => undefined)
    await endProcess(supervisor, 2000)
  }
  await stopProcesses(dir)
  dir.remove('supervisor.json')
  return purge ? { stopped, purged: dir.purge() } : { stopped }
}

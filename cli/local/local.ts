/**
 * Starting and stopping a local cluster, as the commands see it. What one branch needs alone, the parsers of manifests or a
 * client of Redis, is loaded there: it is half of what a command takes to start.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DataDir, type Settings } from '../../supervisor/data-dir.ts'
import { liveProcesses } from '../../supervisor/orphans.ts'
import { endProcess, isAlive, startDetached } from '../../supervisor/os-process.ts'
import { checkRedisProgram } from '../../supervisor/redis-program.ts'
import { stopProcesses } from '../../supervisor/stop-processes.ts'
import { checkReach, checkUnchanged, choosePort, endpointOf, wantedSettings } from './addresses.ts'
import { callSupervisor, clusterReady, supervisorReady, supervisorRuns } from './readiness.ts'

const supervisorProgram = fileURLToPath(new URL('../../supervisor/main.ts', import.meta.url))

export interface StartOptions {
  files: string[]
  dataDir: string
  port: number | undefined
  /** Undefined: that of the last start, else this machine alone. */
  host: string | undefined
  apiKey: string | undefined
  readOnlyApiKey: string | undefined
  /** The uid of an owner of the data in an external Redis, who has ended. */
  adopt?: string | undefined
}

/** Brings a local cluster up and returns when every cell is led. Idempotent. */
export async function startLocal(
  options: StartOptions,
  onWait: (what: string) => void,
): Promise<{ endpoint: string; dir: DataDir }> {
  const dir = new DataDir(options.dataDir)
  dir.checkUsable()
  const { readManifests, storeCentroids } = await import('../../supervisor/manifests.ts')
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
  if ([...dir.clusters, ...stored].some(({ extras }) => extras.redisUrl === null)) checkRedisProgram()
  dir.create()
  storeCentroids(dir, centroids)
  if (options.adopt !== undefined) {
    const { adoptData } = await import('./adopt.ts')
    await adoptData(dir, stored, options.adopt)
  }
  if (!running) {
    dir.saveSettings(settings)
    onWait('the supervisor')
    const supervisor = startDetached(
      process.execPath,
      [supervisorProgram, dir.path],
      {},
      { logFile: dir.logFile('supervisor'), compileCache: dir.compileCache },
    )
    await supervisorReady(dir, supervisor)
  }
  if (stored.length > 0) await callSupervisor(dir, 'POST', '/apply', stored)
  onWait('all processes')
  await clusterReady(dir, settings)
  return { endpoint: endpointOf(settings), dir }
}

export interface Stopped {
  /** False where nothing ran. */
  stopped: boolean
  /** Undefined where no purge was asked for, or nothing is there. */
  purged?: ReturnType<DataDir['purge']>
  /** Why keys of a purged collection stay in an external Redis. */
  keysStay?: string[]
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
  dir.forgetLastErrors()
  if (!purge) return { stopped }
  // The data goes with the directory: keys that stayed could not be used, and would stay claimed for ever.
  const { eraseSharedKeys } = await import('../../supervisor/shared-redis.ts')
  const kept = await Promise.all(dir.clusters.map((cluster) => eraseSharedKeys(dir, cluster)))
  return { stopped, purged: dir.purge(), keysStay: kept.filter((why) => why !== undefined) }
}

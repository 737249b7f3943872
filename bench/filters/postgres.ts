/** PostgreSQL with pgvector: Debian's packages in a folder of their own in the cache, which serve a socket while they are measured. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../../setup/steps.mjs'

const VERSION = '18'
const INSTALL_TIMEOUT_MS = 300_000
const SERVER_TIMEOUT_MS = 60_000
/** The rows of the benchmark stay in memory; the work of one process. */
const SETTINGS = [
  'listen_addresses=',
  'shared_buffers=1GB',
  'work_mem=256MB',
  'maintenance_work_mem=256MB',
  'dynamic_shared_memory_type=mmap',
  'jit=off',
  'fsync=off',
]

/** A server with an empty data base, or why there is none. Needs root and debootstrap. */
export function postgres(): { address: string; stop: () => void } | { missing: string } {
  const root = join(cacheDir, 'bench', `postgresql-${VERSION}`)
  const missing = existsSync(root) ? undefined : install(root)
  if (missing !== undefined) return { missing }
  const data = `/var/lib/postgresql/bench-${process.pid}`
  const inRoot = (command: string, ...args: string[]) => {
    const path = `/usr/lib/postgresql/${VERSION}/bin/${command}`
    return run(SERVER_TIMEOUT_MS, 'chroot', '--userspec=postgres:postgres', root, path, '-D', data, ...args)
  }
  const stop = () => {
    inRoot('pg_ctl', 'stop', '-m', 'immediate')
    rmSync(join(root, data), { recursive: true, force: true })
  }
  const settings = [...SETTINGS, `unix_socket_directories=${data}`].map((one) => `-c ${one}`).join(' ')
  const made = inRoot('initdb', '--auth=trust', '--locale=C.UTF-8')
  const started = made.status === 0 ? inRoot('pg_ctl', 'start', '-w', '-l', `${data}/log`, '-o', settings) : made
  if (started.status === 0) return { address: `host=${join(root, data)} user=postgres dbname=postgres`, stop }
  stop()
  return { missing: `PostgreSQL does not start: ${lastLine(started)}` }
}

function install(root: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can install PostgreSQL in a folder'
  const begun = `${root}.begun`
  rmSync(begun, { recursive: true, force: true })
  mkdirSync(join(root, '..'), { recursive: true })
  const packages = `--include=postgresql-${VERSION}-pgvector`
  const made = run(INSTALL_TIMEOUT_MS, 'debootstrap', '--variant=minbase', packages, 'sid', begun)
  if (made.status !== 0) return `debootstrap does not install it: ${lastLine(made)}`
  renameSync(begun, root)
  return undefined
}

function run(timeout: number, command: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: 'utf8', timeout, stdio: ['ignore', 'pipe', 'pipe'] })
}

function lastLine({ stderr, error, status }: SpawnSyncReturns<string>): string {
  return stderr?.trim().split('\n').at(-1) || String(error ?? `exit ${status}`)
}

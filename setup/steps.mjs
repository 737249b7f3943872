// Steps of the set-up. Runs on whatever Node is there (20 or newer) before any package is installed, so it needs none.
// Each step is skipped when it has been done, and says what it does and how long it took when it is not.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addonSources, buildAddon } from '../native/build-addon.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const cacheDir =
  process.env.MAKSDB_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'maksdb')
const modules = join(root, 'node_modules')
export const node24 = join(modules, `node-linux-${process.arch}`, 'bin', 'node')
const stampFile = join(modules, '.maksdb-setup.json')
const REDIS_MIN = [7, 0]

export function say(line) {
  process.stderr.write(`${line}\n`)
}

function step(what, work) {
  const started = performance.now()
  say(`set-up: ${what} ...`)
  const result = work()
  say(`set-up: ${what}: ${result ?? 'done'} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  if (result.error || result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} failed:\n${result.error?.message ?? ''}${(result.stdout ?? '').slice(-2000)}${(result.stderr ?? '').slice(-4000)}`,
    )
  }
  return result.stdout
}

function have(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

function redisVersion() {
  const text = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  const match = /v=(\d+)\.(\d+)/.exec(text)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

function redisIsRecent() {
  const version = redisVersion()
  return (
    version !== undefined && (version[0] > REDIS_MIN[0] || (version[0] === REDIS_MIN[0] && version[1] >= REDIS_MIN[1]))
  )
}

/** True where packages could be installed; the lists are fetched once. */
let listsFetched = false
export function aptInstall(packages) {
  if (!have('apt-get')) return false
  const prefix =
    process.getuid() === 0 ? [] : spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined
  if (prefix === undefined) return false
  // RUNLEVEL=1 keeps the package from starting a service: we run redis-server ourselves.
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'RUNLEVEL=1', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]
    return spawnSync(command, rest, { encoding: 'utf8' }).status === 0
  }
  if (!listsFetched) apt('update')
  listsFetched = true
  return apt('install', '-y', '--no-install-recommends', ...packages)
}

/** The machine's own start of every step: what changes it, changes the stamp. */
function wantedStamp() {
  const hash = createHash('sha256')
  for (const file of [join(root, 'package.json'), join(root, 'package-lock.json'), ...addonSources(root)])
    hash.update(readFileSync(file))
  return { files: hash.digest('hex'), arch: process.arch }
}

export function ensureSetup() {
  const wanted = JSON.stringify(wantedStamp())
  const stamped = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : ''
  if (stamped !== wanted || !existsSync(node24)) {
    step('npm packages and Node 24, as package-lock.json pins them', installPackages)
    step('the FAISS addon', installAddon)
    writeFileSync(stampFile, wanted)
  }
  if (!redisIsRecent()) step('redis-server', installRedis)
}

function installPackages() {
  if (process.platform !== 'linux')
    throw new Error('MaksDB runs on Linux; elsewhere use a container or a virtual machine')
  // Not "npm ci": it refuses a lock file that lacks other platforms' optional packages. The lock still pins every version.
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  // npm links the commands of dependencies, not a project's own; with this "npx maksdb" starts at once.
  const link = join(modules, '.bin', 'maksdb')
  rmSync(link, { force: true })
  symlinkSync(join('..', '..', 'bin', 'maksdb.mjs'), link)
  return `Node ${run(node24, ['--version']).trim()}`
}

function installAddon() {
  const target = join(modules, 'faiss-node', 'build', 'Release', 'faiss-node.node')
  const built = buildAddon({ root, cacheDir, have, aptInstall, say })
  if (built === undefined) {
    say(
      'set-up: there is no compiler with FAISS here, and none could be installed; taking the prebuilt addon that faiss-node publishes, which is slower',
    )
    run('npm', ['rebuild', 'faiss-node'], { env: { ...process.env, PATH: `${dirname(node24)}:${process.env.PATH}` } })
  } else {
    rmSync(dirname(target), { recursive: true, force: true })
    mkdirSync(dirname(target), { recursive: true })
    cpSync(built.path, target)
  }
  execFileSync(node24, [join(root, 'native', 'check-addon.cjs')], { cwd: root })
  return built?.what ?? 'prebuilt'
}

function installRedis() {
  const found = redisVersion()
  if (!aptInstall(['redis-server']) || !redisIsRecent()) {
    const state = found ? `redis-server ${found.join('.')} is too old` : 'redis-server is not installed'
    throw new Error(`${state}: MaksDB needs ${REDIS_MIN.join('.')} or newer. Run: sudo apt-get install redis-server`)
  }
  return redisVersion().join('.')
}

/**
 * A real Kubernetes on this machine, without Docker: API server, controllers, scheduler, kubelet, containerd, kube-proxy
 * and DNS in a network namespace of their own, which a veth pair joins to the machine. Ending it is ending its processes
 * and deleting the namespace.
 *
 * By hand: `node test/kube/cluster/cluster.ts up`, then `export KUBECONFIG=<what it prints>`; `... down`.
 */

import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Connection } from '../../../operator/kube/connection.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import { until } from '../../../runtime/until.ts'
import { binary, ensureBinaries, kubeCache, LESS_COLLECTION } from '../../go/programs.ts'
import { NODES, STORAGE_CLASSES } from '../support/resources.ts'
import * as configs from './configs.ts'
import { ensureImage, ensurePause, run } from './image.ts'

const READY_MS = 120_000
const STATE = join(kubeCache, 'cluster')

export interface RunningCluster {
  kubeconfig: string
  image: string
}

type Say = (line: string) => void

const at = (name: string) => join(STATE, name)

/** Why a cluster cannot run here; undefined where it can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux'
  if (process.getuid?.() !== 0) return 'it needs root, for namespaces and containers'
  for (const [command, from] of Object.entries(configs.COMMANDS)) {
    const has = await run('sh', ['-c', `command -v ${command}`]).then(
      () => true,
      () => false,
    )
    if (!has) return `the command ${command} is not here (${from})`
  }
  for (const [what, test] of Object.entries(configs.ABILITIES)) {
    const able = await run('sh', ['-c', test]).then(
      () => true,
      () => false,
    )
    if (!able) return `this machine does not let us make ${what}`
  }
  return undefined
}

export async function startCluster(say: Say): Promise<RunningCluster> {
  await ensureBinaries('cluster', say)
  const [pause, image] = [await ensurePause(), await ensureImage(say)]
  await stopCluster()
  const started = performance.now()
  mkdirSync(STATE, { recursive: true })
  await makeNetwork()
  writeFiles()
  const client = await startControlPlane()
  await startNode()
  await importImages([pause, image.archive])
  await client.apply(STORAGE_CLASSES, configs.storageClass(), 'test')
  await nodeReady(client)
  await client.connection.close()
  say(`Kubernetes ${configs.HOST_ADDRESS}: ready (${((performance.now() - started) / 1000).toFixed(0)} s)`)
  return { kubeconfig: at('kubeconfig'), image: image.name }
}

async function makeNetwork(): Promise<void> {
  const inside = (...args: string[]) => run('ip', ['-n', configs.NAMESPACE, ...args])
  await run('ip', ['netns', 'add', configs.NAMESPACE])
  await inside('link', 'set', 'lo', 'up')
  await run('ip', ['link', 'add', configs.VETH, 'type', 'veth', 'peer', 'name', 'host0', 'netns', configs.NAMESPACE])
  await run('ip', ['addr', 'add', `${configs.OUTSIDE_ADDRESS}/30`, 'dev', configs.VETH])
  await run('ip', ['link', 'set', configs.VETH, 'up'])
  await inside('addr', 'add', `${configs.HOST_ADDRESS}/30`, 'dev', 'host0')
  await inside('link', 'set', 'host0', 'up')
  await inside('route', 'add', 'default', 'via', configs.OUTSIDE_ADDRESS)
  for (const range of [configs.POD_RANGE, configs.SERVICE_RANGE])
    await run('ip', ['route', 'add', range, 'via', configs.HOST_ADDRESS])
  await run('nsenter', [`--net=/run/netns/${configs.NAMESPACE}`, 'sh', '-c', configs.SYSCTLS])
}

function writeFiles(): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  writeFileSync(at('accounts.key'), privateKey)
  writeFileSync(at('accounts.pub'), publicKey)
  const users = configs.USERS.map((user) => ({ ...user, token: randomBytes(16).toString('hex') }))
  writeFileSync(
    at('tokens.csv'),
    users.map(({ token, user, groups }) => `${token},${user},${user},"${groups}"\n`).join(''),
  )
  for (const { file, token } of users) writeFileSync(at(file), JSON.stringify(configs.kubeconfig(STATE, token)))
  const cni = dirname(binary('bridge'))
  mkdirSync(at('cni'), { recursive: true })
  writeFileSync(at('cni/10-bridge.conflist'), JSON.stringify(configs.CNI))
  writeFileSync(at('containerd.toml'), configs.containerdToml(STATE, cni))
  writeFileSync(at('kubelet.json'), JSON.stringify(configs.kubelet(STATE)))
  writeFileSync(at('Corefile'), configs.corefile(STATE))
  writeFileSync(at('resolv.conf'), '')
}

async function startControlPlane(): Promise<KubeClient> {
  daemon('etcd', configs.etcdArgs(STATE))
  daemon('kube-apiserver', configs.apiServerArgs(STATE))
  await ready('the API server', () => existsSync(at('certs/apiserver.crt')))
  const client = new KubeClient(Connection.fromFile(at('kubeconfig')))
  await ready('the API server', () =>
    client.list(NODES).then(
      () => true,
      () => false,
    ),
  )
  daemon('kube-controller-manager', configs.controllerManagerArgs(STATE))
  daemon('kube-scheduler', [`--kubeconfig=${at('scheduler.kubeconfig')}`, '--leader-elect=false'])
  return client
}

async function startNode(): Promise<void> {
  const path = [dirname(binary('containerd-shim-runc-v2')), process.env.PATH].join(delimiter)
  daemon('containerd', ['--config', at('containerd.toml')], { PATH: path })
  await ready('containerd', () => existsSync(at('containerd.sock')))
  daemon('kubelet', configs.kubeletArgs(STATE))
  daemon('kube-proxy', configs.kubeProxyArgs(STATE))
  daemon('coredns', ['-conf', at('Corefile')])
  // The provisioner makes folders that only root may write; a local-path provisioner opens them, and so do we.
  daemon('open-volumes', ['-e', configs.OPEN_VOLUMES], {}, process.execPath)
}

function daemon(name: string, args: string[], env: Record<string, string> = {}, command = binary(name)): void {
  const log = openSync(at(`${name}.log`), 'a')
  const child = spawn('nsenter', [`--net=/run/netns/${configs.NAMESPACE}`, command, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...LESS_COLLECTION, ...env },
    detached: true,
  })
  child.unref()
  writeFileSync(at('pids'), `${child.pid} ${name}\n`, { flag: 'a' })
}

async function importImages(archives: string[]): Promise<void> {
  for (const archive of archives)
    await run(binary('ctr'), ['--address', at('containerd.sock'), '-n', 'k8s.io', 'images', 'import', archive])
}

async function nodeReady(client: KubeClient): Promise<void> {
  await ready('the node', async () => {
    const { items } = await client.list(NODES)
    const conditions = (items[0]?.status?.conditions ?? []) as { type: string; status: string }[]
    return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  })
}

function ready(what: string, test: () => boolean | Promise<boolean>): Promise<boolean> {
  return until(`${what}; the logs are in ${STATE}`, test, READY_MS, 200)
}

function daemons(): { pid: number; name: string }[] {
  if (!existsSync(at('pids'))) return []
  return readFileSync(at('pids'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => ({ pid: Number(line.split(' ')[0]), name: line.split(' ')[1] ?? '' }))
}

/** Stops a program of the cluster for a while, as if its machine hung. */
export async function pauseDaemon(name: string, work: () => Promise<void>): Promise<void> {
  const pids = daemons().flatMap((one) => (one.name === name ? [one.pid] : []))
  if (pids.length === 0) throw new Error(`no ${name} runs`)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  try {
    await work()
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
}

/** Gives an image of the cluster a second name: to Kubernetes it is another image. */
export async function nameAgain(image: string): Promise<string> {
  const name = `${image}-again`
  await run(binary('ctr'), [
    '--address',
    at('containerd.sock'),
    '-n',
    'k8s.io',
    'images',
    'tag',
    '--force',
    image,
    name,
  ])
  return name
}

/** Kills the main process of a pod's container from outside: from inside, nobody can kill a first process. */
export function killContainer(pod: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      if (!environment.includes(`HOSTNAME=${pod}`)) continue
      process.kill(Number(pid), 'SIGKILL')
      return
    } catch {
      // Ended meanwhile, or not ours to read.
    }
  }
  throw new Error(`no process of pod ${pod} runs on this machine`)
}

/** Ends whatever a cluster has left: processes, containers, mounts, the namespace, its volumes. */
export async function stopCluster(): Promise<void> {
  // The API server last but etcd: what stops may want to say so.
  for (const { pid } of daemons().reverse()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Ended already.
    }
  }
  await run('sh', ['-c', configs.cleanUp(STATE)])
  rmSync(STATE, { recursive: true, force: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'down') await stopCluster()
  else {
    const why = await whyNot()
    if (why !== undefined) throw new Error(`no cluster can run here: ${why}`)
    const { kubeconfig, image } = await startCluster((line) => console.error(line))
    console.log(`export KUBECONFIG=${kubeconfig} MAKSDB_TEST_IMAGE=${image}`)
  }
}

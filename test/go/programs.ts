/**
 * Programs that tests need: those of a Kubernetes cluster, and the judge of histories. Built from Go modules whose every
 * version is pinned by a go.sum in `test/go`. Built once into the cache, under the digest of what pins them.
 *
 * Run by itself, it builds: `node test/go/programs.ts [api|cluster|judge]`.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDir } from '../../setup/steps.mjs'

const KUBERNETES = '1.36.3'
const sources = fileURLToPath(new URL('./', import.meta.url))
export const kubeCache = join(cacheDir, 'kube')
/**
 * For the environment of programs of Go: they collect garbage when the heap has grown by so many percent, not by 100. An API
 * server takes a seventh less of the processor for the same calls.
 */
export const LESS_COLLECTION = { GOGC: '400' }

interface Program {
  module: string
  package: string
  name?: string
}

const kubernetes = (name: string): Program => ({ module: 'kubernetes', package: `k8s.io/kubernetes/cmd/${name}` })
const containerd = (name: string): Program => ({
  module: 'containerd',
  package: `github.com/containerd/containerd/v2/cmd/${name}`,
})
const cni = (path: string): Program => ({
  module: 'cni',
  package: `github.com/containernetworking/plugins/plugins/${path}`,
})

/** What the tests of the API tier need. */
const API: Program[] = [
  { module: 'etcd', package: 'go.etcd.io/etcd/server/v3', name: 'etcd' },
  kubernetes('kube-apiserver'),
]
/** And what a whole cluster needs besides. */
const CLUSTER: Program[] = [
  ...['kube-controller-manager', 'kubelet', 'kube-scheduler', 'kube-proxy', 'kubectl'].map(kubernetes),
  ...['containerd', 'containerd-shim-runc-v2', 'ctr'].map(containerd),
  ...['main/bridge', 'main/loopback', 'ipam/host-local', 'meta/portmap'].map(cni),
  { module: 'coredns', package: '.', name: 'coredns' },
  { module: 'helm', package: 'helm.sh/helm/v3/cmd/helm' },
]

/** What judges histories of the chaos runs. */
const JUDGE: Program[] = [{ module: 'judge', package: '.', name: 'judge' }]

const SETS = { api: API, cluster: [...API, ...CLUSTER], judge: JUDGE }
export type ProgramSet = keyof typeof SETS

function nameOf(program: Program): string {
  return program.name ?? basename(program.package)
}

/** Folder of a module's programs: named by what decides their content. */
function folderOf(module: string): string {
  const hash = createHash('sha256')
  const from = join(sources, module)
  for (const file of readdirSync(from).sort()) hash.update(file).update(readFileSync(join(from, file)))
  return join(kubeCache, `${module}-${hash.digest('hex').slice(0, 12)}`)
}

export function binary(name: string): string {
  const program = [...SETS.cluster, ...JUDGE].find((candidate) => nameOf(candidate) === name)
  if (!program) throw new Error(`there is no program ${name}`)
  return join(folderOf(program.module), name)
}

/** Builds what is missing, one after the other: the compiler uses every core by itself. */
export async function ensureBinaries(what: ProgramSet, say: (line: string) => void): Promise<void> {
  for (const program of SETS[what]) {
    const target = binary(nameOf(program))
    if (existsSync(target)) continue
    const started = performance.now()
    say(`building ${nameOf(program)} from its Go module ...`)
    const folder = folderOf(program.module)
    mkdirSync(folder, { recursive: true })
    const unfinished = `${target}.${process.pid}`
    await goBuild(program, unfinished)
    renameSync(unfinished, target)
    say(`building ${nameOf(program)}: done (${((performance.now() - started) / 1000).toFixed(0)} s)`)
  }
}

async function goBuild(program: Program, output: string): Promise<void> {
  const version = program.module === 'kubernetes' ? versionFlags() : []
  const args = ['build', '-trimpath', '-ldflags', ['-s', '-w', ...version].join(' '), '-o', output, program.package]
  const child = spawn('go', args, {
    cwd: join(sources, program.module),
    // What a machine sets for all its builds must not reach these.
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000)
  })
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
  })
  if (code === 0) return
  rmSync(output, { force: true })
  throw new Error(`go ${args.join(' ')} failed:\n${errors}`)
}

/** Without these the API server calls itself v0.0.0, and charts that ask for a version refuse it. */
function versionFlags(): string[] {
  const [major, minor] = KUBERNETES.split('.')
  const at = 'k8s.io/component-base/version'
  return [`-X ${at}.gitVersion=v${KUBERNETES}`, `-X ${at}.gitMajor=${major}`, `-X ${at}.gitMinor=${minor}`]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBinaries((process.argv[2] ?? 'cluster') as ProgramSet, (line) => console.log(line))
}

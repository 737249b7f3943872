/**
 * The image, built from the Dockerfile as it is, without Docker and without a registry: buildah, and a base image of the
 * same name made here from Debian's packages, Node 24 from the npm registry and the machine's CA certificates.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseQuantity } from '../../../protocol/manifest/quantity.ts'
import { kubeCache } from '../../go/programs.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const BASE = 'docker.io/library/node:24-bookworm-slim'
const PAUSE = 'localhost/pause:maksdb'
const ENV = { ...process.env, STORAGE_DRIVER: 'overlay', BUILDAH_ISOLATION: 'chroot' }
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export async function run(command: string, args: string[], env: NodeJS.ProcessEnv = ENV): Promise<string> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    text += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${text.slice(-4000)}`)
  return output
}

async function hasImage(name: string): Promise<boolean> {
  return run('buildah', ['inspect', '--type', 'image', name]).then(
    () => true,
    () => false,
  )
}

async function ensureBase(say: (line: string) => void): Promise<void> {
  if (await hasImage(BASE)) return
  say('making the base image from Debian and Node 24 ...')
  const work = join(kubeCache, `base-${process.pid}`)
  mkdirSync(kubeCache, { recursive: true })
  try {
    await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', work])
    await run('cp', [process.execPath, join(work, 'usr/local/bin/node')])
    const npm = JSON.parse(await run('npm', ['view', 'npm@11', 'version', '--json'], process.env)) as string | string[]
    const version = Array.isArray(npm) ? npm.at(-1) : npm
    await run('npm', ['install', '-g', '--prefix', join(work, 'usr/local'), `npm@${version}`], process.env)
    await run('cp', ['/etc/ssl/certs/ca-certificates.crt', join(work, 'etc/ssl/certs/ca-certificates.crt')])
    await run('rm', ['-rf', join(work, 'var/cache/apt/archives'), join(work, 'var/lib/apt/lists')])
    const container = (await run('buildah', ['from', 'scratch'])).trim()
    await run('buildah', ['copy', '-q', container, work, '/'])
    const env = [`PATH=${PATH}`, 'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt']
    await run('buildah', ['config', ...env.flatMap((one) => ['--env', one]), '--cmd', 'node', container])
    await run('buildah', ['commit', '-q', '--rm', container, BASE])
  } finally {
    await run('rm', ['-rf', work])
  }
}

/** Everything that the Dockerfile copies: the same content is the same image. */
function contentDigest(): string {
  const hash = createHash('sha256')
  const folders = ['client', 'core', 'native', 'operator', 'protocol', 'router', 'runtime', 'shard-server', 'store']
  const files = [
    'Dockerfile',
    '.dockerignore',
    'package.json',
    'package-lock.json',
    ...folders.flatMap((folder) => globSync(`${folder}/**`, { cwd: root })),
  ]
  for (const file of files.filter((name) => !name.endsWith('.test.ts') && !name.includes('node_modules')).sort())
    if (statSync(join(root, file)).isFile()) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 12)
}

export interface BuiltImage {
  name: string
  archive: string
}

/** Where the image of that name lies as an archive, in the cache. */
export function archiveOf(name: string): string {
  return join(kubeCache, `image-${name.split(':').at(-1)}.tar`)
}

/** Builds what is missing; layers that did not change come from buildah's own store. */
export async function ensureImage(say: (line: string) => void): Promise<BuiltImage> {
  const tag = contentDigest()
  const name = `localhost/maksdb:${tag}`
  const archive = archiveOf(name)
  if (existsSync(archive)) return { name, archive }
  await ensureBase(say)
  const started = performance.now()
  say('building the image from the Dockerfile ...')
  await run('buildah', ['bud', '--pull-never', '--layers', '-q', '-t', name, root])
  await run('sh', ['-c', `rm -f ${kubeCache}/image-*.tar`])
  await run('buildah', ['push', '-q', name, `oci-archive:${archive}:${name}`])
  say(`building the image: done (${((performance.now() - started) / 1000).toFixed(0)} s)`)
  return { name, archive }
}

/** What the layers of an image take when they are unpacked. */
export async function unpackedBytes(name: string): Promise<number> {
  const listed = JSON.parse(await run('buildah', ['images', '--json', name])) as { size: string }[]
  const [, amount, unit] = /^([\d.]+) ([kMG])B$/.exec(listed[0]?.size ?? '') ?? []
  return parseQuantity(`${amount}${unit}`)
}

/** The sandbox of every pod: a process that waits. */
export async function ensurePause(): Promise<string> {
  const archive = join(kubeCache, 'pause.tar')
  if (existsSync(archive)) return archive
  const work = join(kubeCache, `pause-${process.pid}`)
  mkdirSync(work, { recursive: true })
  const source =
    'package main\nimport ("os"; "os/signal"; "syscall")\nfunc main() { c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGTERM, syscall.SIGINT); <-c }\n'
  await run('sh', ['-c', `printf '%s' "$0" > ${work}/main.go`, source])
  await run('go', ['build', '-ldflags=-s -w', '-o', join(work, 'pause'), join(work, 'main.go')], {
    ...process.env,
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=mod -buildvcs=false',
  })
  const container = (await run('buildah', ['from', 'scratch'])).trim()
  await run('buildah', ['copy', '-q', container, join(work, 'pause'), '/pause'])
  await run('buildah', ['config', '--entrypoint', '["/pause"]', '--user', '65535:65535', container])
  await run('buildah', ['commit', '-q', '--rm', container, PAUSE])
  await run('buildah', ['push', '-q', PAUSE, `oci-archive:${archive}:${PAUSE}`])
  await run('rm', ['-rf', work])
  return archive
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensurePause()
  console.log(await ensureImage((line) => console.log(line)))
}

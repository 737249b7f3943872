/** Redis, shards and router that listen on ::1 alone: each finds the others, by processes started as in a pod. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostPort, httpUrl } from '../../core/address.ts'
import { collectionConfigOf, redisSettings } from '../../protocol/env/cluster-config.ts'
import { type RunFile, runFileSchema } from '../../protocol/env/config.ts'
import { NATIVE_ENV } from '../../protocol/env/process-env.ts'
import { API_VERSION, KIND, parseVectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import { until } from '../../runtime/until.ts'
import { freePort } from '../../supervisor/os-process.ts'

const HOST = '::1'
const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'maksdb-ipv6-'))
const children = new Map<string, ChildProcess>()
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === HOST))
let url: string

function start(name: string, command: string, args: string[], env: Record<string, string> = {}): void {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'ignore' })
  children.set(name, child)
}

function startShard(cell: number, ordinal: number): void {
  const name = `${cell}-${ordinal}`
  mkdirSync(join(folder, name), { recursive: true })
  start(name, process.execPath, ['shard-server/main.ts'], {
    ...NATIVE_ENV,
    ...common(name),
    MAKSDB_COLLECTION_FILE: join(folder, 'collection.json'),
    MAKSDB_CELL: String(cell),
    MAKSDB_ORDINAL: String(ordinal),
    MAKSDB_DATA_DIR: join(folder, name),
    MAKSDB_ADVERTISE: HOST,
    // Trims early: a pod that begins with nothing has to copy a snapshot from its peer.
    MAKSDB_SNAPSHOT_ENTRIES: '20',
  })
}

const common = (name: string) => ({
  MAKSDB_HOST: HOST,
  MAKSDB_RUN_FILE: join(folder, `${name}.run`),
  MAKSDB_INTERNAL_TOKEN: 'token',
  MAKSDB_LOG_LEVEL: 'warn',
})

function runOf(name: string): Promise<RunFile> {
  const path = join(folder, `${name}.run`)
  return until(`${name} to listen`, async () =>
    existsSync(path) ? runFileSchema.parse(JSON.parse(await readFile(path, 'utf8'))) : undefined,
  )
}

function ready(adminPort: number, what: string): Promise<true> {
  return until(what, async () => {
    const answer = await fetch(`${httpUrl(HOST, adminPort)}/readyz`).catch(() => undefined)
    return answer?.ok === true ? true : undefined
  })
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return (JSON.parse(text) as { result: T }).result
}

beforeAll(async () => {
  if (!hasIpv6) return
  const cluster = parseVectorCluster({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: 'six' },
    spec: { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random' } },
  })
  const port = await freePort(HOST)
  mkdirSync(join(folder, 'redis'))
  const conf = [`port ${port}`, `bind ${HOST}`, `dir ${join(folder, 'redis')}`, ...redisSettings(cluster.spec), '']
  writeFileSync(join(folder, 'redis.conf'), conf.join('\n'))
  start('redis', 'redis-server', [join(folder, 'redis.conf')])
  const collection = collectionConfigOf(cluster, {
    uid: randomUUID(),
    owner: 'the test of IPv6',
    since: Date.now(),
    redisUrl: `redis://${hostPort(HOST, port)}`,
    centroidsFile: undefined,
  })
  writeFileSync(join(folder, 'collection.json'), JSON.stringify(collection))
  writeFileSync(join(folder, 'router.json'), JSON.stringify({ collections: [collection] }))
  for (const cell of [0, 1]) for (const ordinal of [0, 1]) startShard(cell, ordinal)
  const routerPort = await freePort(HOST)
  start('router', process.execPath, ['router/main.ts'], {
    ...common('router'),
    MAKSDB_ROUTER_FILE: join(folder, 'router.json'),
    MAKSDB_PORT: String(routerPort),
  })
  url = httpUrl(HOST, routerPort)
  const { adminPort } = await runOf('router')
  await ready(adminPort, 'the router to be ready')
}, 60_000)

afterAll(() => {
  for (const child of children.values()) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!hasIpv6)('on ::1 alone', () => {
  const vectorOf = (id: number) => [Math.cos(id), Math.sin(id)]

  it('points are written to every cell, found and counted', async () => {
    const points = Array.from({ length: 100 }, (_, id) => ({ id, vector: vectorOf(id), payload: { id } }))
    for (const point of points) await call('PUT', '/collections/six/points?wait=true', { points: [point] })
    const found = await call<{ points: { id: number }[] }>('POST', '/collections/six/points/query', {
      query: vectorOf(42),
      limit: 1,
    })
    expect(found.points[0]?.id).toBe(42)
    expect(await call('POST', '/collections/six/points/count', { exact: true })).toEqual({ count: 100 })
  })

  it('a pod that lost its volume copies a snapshot from its peer', async () => {
    const before = await runOf('0-1')
    children.get('0-1')?.kill('SIGKILL')
    rmSync(join(folder, '0-1'), { recursive: true })
    rmSync(join(folder, '0-1.run'))
    startShard(0, 1)
    const { pid, adminPort } = await runOf('0-1')
    expect(pid).not.toBe(before.pid)
    await ready(adminPort, 'the pod to be ready again')
    expect(await call('POST', '/collections/six/points/count', { exact: true })).toEqual({ count: 100 })
  })
})

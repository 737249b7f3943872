/**
 * `npm run bench:operator -- [--clusters 1000] [--cells 16]`: how the operator carries many VectorClusters, on a real etcd
 * and kube-apiserver without nodes. Prints the time to make everything, the time from a change of a manifest to its applied
 * StatefulSet next to that of the same writes sent by hand, the time of a cold start and the memory of the operator.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { KubeObject, Resource } from '../operator/kube/objects.ts'
import { names } from '../operator/manifests/names.ts'
import { OWNED, OWNED_SELECTOR, VECTOR_CLUSTERS } from '../operator/resources.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { until } from '../runtime/until.ts'
import { freePort } from '../supervisor/os-process.ts'
import { ApiServer } from '../test/kube/support/api-server.ts'
import { spread } from './spread.ts'

const CHANGES = 100
const PARALLEL = 16
const APPLIES_AT_A_TIME = 8
/** Between two measurements, so that the work behind one does not slow the next. */
const SETTLE_MS = 300
/** As the chart sets it. */
const MEMORY_ENV = { NODE_OPTIONS: '--max-semi-space-size=16 --max-old-space-size=256', MALLOC_ARENA_MAX: '2' }
/** Asking more often would itself be the load. */
const POLL_MS = 5
/** For each step of the measurement. */
const LIMIT_MS = 3_600_000

const { values } = parseArgs({
  options: { clusters: { type: 'string', default: '1000' }, cells: { type: 'string', default: '16' } },
})
const clusters = Number(values.clusters)
const cells = Number(values.cells)
const server = await ApiServer.start()
const client = server.client()
const adminPort = await freePort('127.0.0.1')
let operator = startOperator()

try {
  await server.installCrd(client)
  const started = performance.now()
  const waiting = Array.from({ length: clusters }, (_, i) => `films-${i}`).values()
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const name of waiting) await change(name, {})
    }),
  )
  await until(
    'all objects',
    async () =>
      (await count(OWNED.StatefulSet)) === clusters * (cells + 1) && (await count(OWNED.Deployment)) === clusters,
    LIMIT_MS,
    1000,
  )
  console.log(`${clusters} VectorClusters of ${cells} cells made: ${seconds(started)} s`)
  await quiet()
  const byOperator: number[] = []
  const byHand: number[] = []
  for (let i = 0; i < CHANGES; i++) {
    const name = `films-${Math.floor((i * clusters) / CHANGES)}`
    byOperator.push(await changeAndSee(name, i))
    await sleep(SETTLE_MS)
    byHand.push(await applyByHand(name, i))
    await sleep(SETTLE_MS)
  }
  console.log(`from a changed manifest to its last StatefulSet, one at a time, ${CHANGES} changes: ${told(byOperator)}`)
  console.log(`the same writes to the ${cells} StatefulSets, sent by hand: ${told(byHand)}`)
  console.log(`memory of the operator: ${memory()} MiB`)
  await end(operator)
  const restarted = performance.now()
  operator = startOperator()
  await until(
    'a pass over each',
    async () => (await metric('maksdb_operator_queue_seconds_count')) >= clusters,
    LIMIT_MS,
    1000,
  )
  console.log(`cold start until every VectorCluster was looked at: ${seconds(restarted)} s, ${memory()} MiB`)
} finally {
  await end(operator)
  await client.connection.close()
  await server.stop()
}

function startOperator(): ChildProcess {
  return spawn(process.execPath, ['operator/main.ts'], {
    env: {
      ...process.env,
      ...MEMORY_ENV,
      KUBECONFIG: server.kubeconfig,
      MAKSDB_IMAGE: 'maksdb:bench',
      MAKSDB_ADMIN_PORT: String(adminPort),
      MAKSDB_RUN_FILE: join(server.folder, 'run.json'),
      MAKSDB_LOG_LEVEL: 'fatal',
    },
    stdio: 'inherit',
  })
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function change(name: string, spec: object): Promise<KubeObject> {
  const { apiVersion, kind } = VECTOR_CLUSTERS
  const metadata = { name, namespace: 'default' }
  return client.apply(
    VECTOR_CLUSTERS,
    { apiVersion, kind, metadata, spec: { dimension: 8, clusters: cells, ...spec } },
    'bench',
  )
}

/** From before the manifest is sent until the last cell's StatefulSet has its mark. */
async function changeAndSee(name: string, mark: number): Promise<number> {
  const last = { namespace: 'default', name: names(name).shard(cells - 1) }
  const started = performance.now()
  await change(name, { podTemplate: { metadata: { labels: { mark: String(mark) } } } })
  await until(
    `the last StatefulSet of ${name}`,
    async () => JSON.stringify((await client.get(OWNED.StatefulSet, last)).spec).includes(`"mark":"${mark}"`),
    LIMIT_MS,
    POLL_MS,
  )
  return performance.now() - started
}

/** What the API server alone takes for the sets of one VectorCluster, as many at a time as the operator sends. */
async function applyByHand(name: string, mark: number): Promise<number> {
  const sets = await Promise.all(
    Array.from({ length: cells }, async (_, cell) => {
      const { metadata, spec, ...kind } = await client.get(OWNED.StatefulSet, {
        namespace: 'default',
        name: names(name).shard(cell),
      })
      const annotations = { 'bench/mark': String(mark) }
      return { ...kind, status: undefined, metadata: { name: metadata.name, namespace: 'default', annotations }, spec }
    }),
  )
  const started = performance.now()
  const waiting = sets.values()
  const worker = async () => {
    for (const set of waiting) await client.apply(OWNED.StatefulSet, set as unknown as KubeObject, 'bench')
  }
  await Promise.all(Array.from({ length: APPLIES_AT_A_TIME }, worker))
  return performance.now() - started
}

function told(times: readonly number[]): string {
  const { p50, p99 } = spread(times)
  return `p50 ${p50} ms, p99 ${p99} ms`
}

async function count(resource: Resource): Promise<number> {
  return (await client.list(resource, { labelSelector: OWNED_SELECTOR })).items.length
}

async function metric(name: string): Promise<number> {
  const text = await fetch(`http://127.0.0.1:${adminPort}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  )
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

/** Until nothing is written any more. */
async function quiet(): Promise<void> {
  for (let last = -1; ; await sleep(5000)) {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    const writes = [...text.matchAll(/^maksdb_operator_api_requests_total\{verb="(?:POST|PATCH)",[^}]*\} (\d+)$/gm)]
    const now = writes.reduce((sum, match) => sum + Number(match[1]), 0)
    if (now === last) return
    last = now
  }
}

function memory(): string {
  const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8'))?.[1] ?? 0)
  return (kib / 1024).toFixed(0)
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}

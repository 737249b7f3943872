/**
 * `npm run bench:failover -- [--trials 100] [--unseen 20]`: a primary is killed with kill -9 while one client writes and
 * one reads, one try each. Prints how long no write was acknowledged, next to the lease's time, and how many reads failed.
 * `unseen`: trials in which the supervisor is stopped, so that nobody sees the death and the lease has to run out.
 */
import { parseArgs } from 'node:util'
import { sleep } from '../runtime/lifecycle.ts'
import { until } from '../runtime/until.ts'
import { kill, TestCluster } from '../test/support/cluster.ts'
import { spread } from './spread.ts'

const LEASE_TTL_MS = 3000
const PAUSE_MS = 5
const READS_AFTER = 20
/** Trials; one takes several seconds. */
const TOLD_EVERY = 20

const { values } = parseArgs({
  options: { trials: { type: 'string', default: '100' }, unseen: { type: 'string', default: '20' } },
})
const cluster = await TestCluster.start({
  spec: { dimension: 3, clusters: 1, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  env: { MAKSDB_LEASE_TTL_MS: String(LEASE_TTL_MS) },
})
const points = `${cluster.url}/collections/${cluster.name}/points`
const reads = { answered: 0, failed: 0 }
let lastAck = performance.now()
let longest = 0
const life = { going: true }
const running = [write(), read()]

try {
  await trials(Number(values.trials), false)
  await trials(Number(values.unseen), true)
  console.log(`reads at "eventual" meanwhile: ${reads.answered} answered, ${reads.failed} failed`)
} finally {
  life.going = false
  await Promise.all(running)
  await cluster.close()
}

async function trials(count: number, unseen: boolean): Promise<void> {
  const gaps: number[] = []
  for (let i = 0; i < count; i++) {
    await whole()
    longest = 0
    const supervisor = await cluster.find({ kind: 'supervisor' })
    const primary = await cluster.primary(0)
    if (unseen) process.kill(supervisor.pid, 'SIGSTOP')
    const killed = performance.now()
    kill(primary)
    await until('a write', async () => lastAck > killed + PAUSE_MS && longest > 0, 30_000)
    const enough = reads.answered + READS_AFTER
    await until('reads', async () => reads.answered >= enough, 30_000)
    gaps.push(longest)
    if (gaps.length % TOLD_EVERY === 0 && gaps.length < count)
      console.log(`${gaps.length} of ${count} primaries killed`)
    if (unseen) process.kill(supervisor.pid, 'SIGCONT')
  }
  const { p50, p99, max } = spread(gaps)
  console.log(
    `${count} primaries killed, ${unseen ? 'unseen' : 'seen by the supervisor'}: no acknowledged write for p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${(max / LEASE_TTL_MS).toFixed(2)} of the lease's ${LEASE_TTL_MS} ms)`,
  )
}

/** Both pods run and hold the same. */
async function whole(): Promise<void> {
  await until(
    'both pods to be ready',
    async () => {
      const pods = (await cluster.processes()).filter(({ kind, ready }) => kind === 'shard' && ready)
      return pods.length === 2 && pods.some(({ role }) => role === 'primary') ? true : undefined
    },
    30_000,
  )
  await sleep(1000)
}

async function write(): Promise<void> {
  for (let n = 0; life.going; n++) {
    const body = { points: [{ id: n % 100, vector: [1, 2, 3], payload: { n } }] }
    if (await send('PUT', `${points}?wait=true&timeout=10`, body)) {
      longest = Math.max(longest, performance.now() - lastAck)
      lastAck = performance.now()
    }
    await sleep(PAUSE_MS)
  }
}

async function read(): Promise<void> {
  while (life.going) {
    if (await send('POST', `${points}/query?maksdb-consistency=eventual`, { query: [1, 2, 3], limit: 3 }))
      reads.answered++
    else reads.failed++
    await sleep(PAUSE_MS)
  }
}

async function send(method: string, url: string, body: unknown): Promise<boolean> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => undefined)
  await response?.arrayBuffer()
  return response?.status === 200
}

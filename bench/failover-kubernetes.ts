/**
 * `npm run bench:failover:kubernetes -- [--trials 100]`: on the cluster of KUBECONFIG, or on one that is made here, the pod
 * of a primary is deleted without grace, and its process is killed, so many times each, while four clients write one point
 * after the other. Prints for each kind how long no write was acknowledged, the slowest write, and what was not
 * acknowledged; every trial above the lease and a second is told with what the pods logged meanwhile.
 */
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { PODS } from '../operator/resources.ts'
import { VERSION } from '../protocol/version.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { killContainer, startCluster, stopCluster } from '../test/kube/cluster/cluster.ts'
import { Kubernetes } from '../test/kube/support/kubernetes.ts'
import { spread } from './spread.ts'

const LEASE_TTL_MS = 3000
const EXPLAINED_MS = LEASE_TTL_MS + 1000
const WRITERS = 4
const NAMESPACE = 'failover'
const NAME = 'films'

interface Write {
  sent: number
  took: number
  status: number
  text: string
}

const { values } = parseArgs({ options: { trials: { type: 'string', default: '100' } } })
const given = process.env.KUBECONFIG
const own = given === undefined
const cluster = own
  ? { ...(await startCluster((line) => console.log(line))), own }
  : { kubeconfig: given, image: process.env.MAKSDB_TEST_IMAGE ?? `maksdb:${VERSION}`, own }
const operator = new Kubernetes('maksdb-system', cluster)
const k = new Kubernetes(NAMESPACE, cluster)
const life = { going: true }
const writes: Write[] = []
let writers: Promise<void>[] = []
let failed = 0

try {
  await operator.start()
  await operator.helm('upgrade', '--install', 'maksdb', 'helm/maksdb', ...operator.imageValues, '--wait')
  await k.start()
  await k.apply(NAME, { dimension: 2, replicas: 2, centroids: { source: 'Random' } })
  await k.settled(NAME)
  const at = await k.endpoint(NAME)
  writers = Array.from({ length: WRITERS }, (_, i) => write(at, i))
  await sleep(1000)
  await trials('pod deleted without grace', deleteAtOnce)
  // The kubelet starts a container that ends again and again later and later: a new pod begins without that.
  if (own) await trials('process killed', async (pod) => killContainer(pod), deleteAtOnce)
} finally {
  life.going = false
  await Promise.all(writers)
  await k.stop().catch(() => undefined)
  await operator.client.connection.close()
  if (own) await stopCluster()
}

async function deleteAtOnce(name: string): Promise<void> {
  const pod = await k.client.get(PODS, { namespace: NAMESPACE, name })
  await k.client.delete(PODS, pod, { gracePeriodSeconds: 0 })
}

async function trials(
  what: string,
  strike: (pod: string) => Promise<void>,
  after: (pod: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const gaps: number[] = []
  const slowest: number[] = []
  failed = 0
  for (let i = 0; i < Number(values.trials); i++) {
    await k.settled(NAME)
    const { shards = [] } = await k.status(NAME)
    const victim = shards[0]?.primary
    if (!victim) throw new Error('nobody leads')
    const from = performance.now()
    await strike(victim)
    await k.until('another epoch', 60_000, async () => {
      const now = await k.status(NAME)
      return now.shards?.[0]?.epoch !== shards[0]?.epoch && lastAck() > from + 200 ? true : undefined
    })
    await after(victim)
    await k.settled(NAME)
    const seen = writes.filter(({ sent, took }) => sent + took >= from - 50)
    const acks = seen.flatMap(({ sent, took, status }) => (status === 200 ? [sent + took] : []))
    const gap = Math.max(...acks.slice(1).map((time, j) => time - (acks[j] as number)))
    gaps.push(gap)
    slowest.push(Math.max(...seen.map(({ took }) => took)))
    const long = Math.max(gap, slowest.at(-1) ?? 0) > EXPLAINED_MS
    if (long) await explain(victim, from, seen)
    writes.splice(0, writes.length - 10)
    if (gaps.length % 10 === 0) console.log(`${gaps.length} of ${values.trials}: ${what}`)
  }
  const tell = (times: number[]) => {
    const { p50, p99, max } = spread(times)
    return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms, above the lease and a second: ${times.filter((one) => one > EXPLAINED_MS).length}`
  }
  console.log(`${what}, ${gaps.length} trials: no write acknowledged for ${tell(gaps)}`)
  console.log(`  slowest write: ${tell(slowest)}; writes not acknowledged: ${failed}`)
}

function lastAck(): number {
  return Math.max(...writes.map(({ sent, took, status }) => (status === 200 ? sent + took : 0)))
}

async function explain(victim: string, from: number, seen: Write[]): Promise<void> {
  console.log(`-- ${victim}, struck at ${new Date(performance.timeOrigin + from).toISOString()}`)
  for (const { sent, took, status, text } of seen.filter((one) => one.took > 500))
    console.log(`  write at ${Math.round(sent - from)} ms took ${Math.round(took)} ms: ${status} ${text}`)
  for (const pod of await k.pods('app.kubernetes.io/component in (shard,router)')) {
    const log = await k.kubectl('logs', pod.metadata.name, '--since=20s').catch(String)
    console.log(`  ${pod.metadata.name}:\n${log.trim().split('\n').slice(-30).join('\n')}`)
  }
}

async function write({ url, apiKey }: { url: string; apiKey: string }, writer: number): Promise<void> {
  for (let id = writer * 1e9; life.going; id++) {
    const sent = performance.now()
    const body = JSON.stringify({ points: [{ id, vector: [Math.sin(id), 1] }] })
    const answer = await request(`${url}/collections/${NAME}/points?wait=true`, {
      method: 'PUT',
      headers: { 'api-key': apiKey, 'content-type': 'application/json' },
      body,
    })
      .then(async ({ statusCode, body: reply }) => ({ status: statusCode, text: await reply.text() }))
      .catch((error: unknown) => ({ status: 0, text: String(error) }))
    writes.push({ sent, took: performance.now() - sent, ...answer })
    if (answer.status !== 200) failed++
    await sleep(answer.status === 200 ? 10 : 50)
  }
}

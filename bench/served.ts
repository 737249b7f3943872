/**
 * `npm run bench:served -- [--against REF] [--rows 390000] [--dimension 50] [--intrinsic 20] [--clients 1,16,64] [--seconds 8]
 * [--rounds 3]`: exact searches of one cell by closed-loop clients, in this version and in that of another commit, round by
 * round in turn; with the CPU seconds of the servers, and the memory of each process. Points are drawn from a normal
 * distribution of `intrinsic` dimensions, turned into `dimension` ones.
 */
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { squaredL2 } from '../core/metric.ts'
import { normal, seededRandom } from '../core/random.ts'
import { cpuSeconds, residentMiB, Version } from './version.ts'

const LIMIT = 10
const QUERIES = 512
/** Queries whose answers are compared with those of a plain loop. */
const CHECKED = 8
const COLLECTION = 'bench'
const PORT = 26_333
const NANOSECONDS = 1e6

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    rows: { type: 'string', default: '390000' },
    dimension: { type: 'string', default: '50' },
    intrinsic: { type: 'string', default: '20' },
    clients: { type: 'string', default: '1,16,64' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
  },
})
const [rows, dimension, intrinsic] = [Number(values.rows), Number(values.dimension), Number(values.intrinsic)]
const random = seededRandom(1)
const turn = Array.from({ length: dimension * intrinsic }, () => normal(random))

function draw(): Float32Array {
  const inner = Array.from({ length: intrinsic }, () => normal(random))
  return Float32Array.from({ length: dimension }, (_, i) =>
    inner.reduce((sum, x, j) => sum + x * (turn[i * intrinsic + j] as number), 0),
  )
}

interface Round {
  perSecond: number
  p50: number
  p99: number
  /** Of all servers, for one search, in microseconds. */
  cpuUs: number
}

async function round(version: Version, bodies: readonly string[], clients: number): Promise<Round> {
  const pool = new Pool(version.url, { connections: clients, pipelining: 1 })
  const histogram = createHistogram({ figures: 3 })
  const pids = version.processes().map(({ pid }) => pid)
  const cpu = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const before = cpu()
  const until = performance.now() + 1000 * Number(values.seconds)
  let sent = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until) {
        const body = bodies[sent++ % bodies.length] as string
        const at = performance.now()
        const { statusCode, body: answer } = await pool.request({
          method: 'POST',
          path: `/collections/${COLLECTION}/points/query`,
          headers: { 'content-type': 'application/json' },
          body,
        })
        await answer.dump()
        if (statusCode !== 200) throw new Error(`${version.name} answered ${statusCode}`)
        histogram.record(Math.max(1, Math.round((performance.now() - at) * NANOSECONDS)))
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  await pool.close()
  const { count } = histogram
  return {
    perSecond: count / seconds,
    p50: histogram.percentile(50) / NANOSECONDS,
    p99: histogram.percentile(99) / NANOSECONDS,
    cpuUs: (1e6 * (cpu() - before)) / count,
  }
}

async function checkAnswers(version: Version, vectors: readonly Float32Array[], queries: readonly Float32Array[]) {
  for (const query of queries.slice(0, CHECKED)) {
    const expected = [...vectors.keys()]
      .map((id) => ({ id, distance: squaredL2(vectors[id] as Float32Array, query) }))
      .sort((a, b) => a.distance - b.distance || a.id - b.id)
      .slice(0, LIMIT)
    const { points } = await version.client.collection(COLLECTION).query(query, { limit: LIMIT, exact: true })
    const [found, wanted] = [points.map(({ id }) => id).join(), expected.map(({ id }) => id).join()]
    if (found !== wanted) throw new Error(`${version.name} found ${found} instead of ${wanted}`)
  }
}

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] as number
const line = (...cells: (string | number)[]) =>
  console.log(
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(cell < 100 ? 1 : 0) : cell)).join(' | ')} |`,
  )

const vectors = Array.from({ length: rows }, draw)
const queries = Array.from({ length: QUERIES }, draw)
const bodies = queries.map((query) =>
  JSON.stringify({ query: Array.from(query), limit: LIMIT, params: { exact: true } }),
)
const versions = [new Version(undefined, PORT)]
if (values.against !== undefined) versions.push(new Version(values.against, PORT + 10))
try {
  console.log(
    `${rows} x ${dimension}, one cell, one replica; raw vectors ${((4 * rows * dimension) / 2 ** 20).toFixed(0)} MiB\n`,
  )
  for (const version of versions) {
    version.start(COLLECTION, { dimension, clusters: 1, replicas: 1, durability: 'Memory' })
    const started = performance.now()
    const points = vectors.map((vector, id) => ({ id, vector }))
    const collection = version.client.collection(COLLECTION)
    await collection.ingest(points, { batch: 1000 })
    // What was acknowledged before it is visible with it.
    await collection.upsert(points.slice(-1), { wait: true })
    console.log(`${version.name}: loaded in ${((performance.now() - started) / 1000).toFixed(0)} s`)
    await checkAnswers(version, vectors, queries)
  }
  line(
    'clients',
    'version',
    'searches a second',
    'p50, ms',
    'p99, ms',
    'CPU of the servers, us a search',
    'of the first',
  )
  line(...Array.from({ length: 7 }, () => '---'))
  for (const clients of values.clients.split(',').map(Number)) {
    const rounds = versions.map((): Round[] => [])
    for (let n = 0; n < Number(values.rounds); n++)
      for (const [i, version] of versions.entries()) rounds[i]?.push(await round(version, bodies, clients))
    const rates = rounds.map((list) => median(list.map(({ perSecond }) => perSecond)))
    for (const [i, list] of rounds.entries()) {
      const of = (field: keyof Round) => median(list.map((one) => one[field]))
      const share = `${((rates[i] as number) / (rates[0] as number)).toFixed(2)}x`
      line(String(clients), versions[i]?.name ?? '', of('perSecond'), of('p50'), of('p99'), of('cpuUs'), share)
    }
  }
  console.log('')
  for (const version of versions)
    for (const { kind, pid } of version.processes())
      console.log(`${version.name}: ${kind} ${residentMiB(pid).toFixed(0)} MiB resident`)
} finally {
  for (const version of versions) version.close()
}

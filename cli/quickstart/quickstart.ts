/** `npm start`: a cluster from a manifest, real data, a search that the reader can judge, recall against brute force. */
import { fileURLToPath } from 'node:url'
import type { Collection } from '../../client/src/index.ts'
import { squaredL2 } from '../../core/metric.ts'
import { client } from '../commands/data-commands.ts'
import { startLocal } from '../local/local.ts'
import { note, ProgressBar, print, WaitLine } from '../output.ts'
import { type Digit, drawDigit, loadDigits } from './digits.ts'
import { settled } from './settle.ts'

const COLLECTION = 'digits'
const SHOWN_NEIGHBOURS_MAX = 4
/** Columns of a drawing and the gap beside it; a terminal shows as many neighbours as it has room for. */
const DRAWING_COLUMNS = 30
const RECALL_QUERIES = 100
const RECALL_LIMIT = 10
/** Of a step to try next: the longest command, with an endpoint of any port. */
const STEP_COLUMNS = 62
const manifest = fileURLToPath(new URL('../../examples/quickstart.yaml', import.meta.url))

interface Topology {
  points: number
  centroids: { version: number; cells_still_moving: number }
  redundant_storage: { bound: number; average: number }
  cells: {
    cell: number
    points: number
    redundant_rows: number
    health: string
    primary: string | null
    pods: unknown[]
  }[]
}

type Digits = Collection<{ digit: number }>

export async function runQuickstart(dataDir: string, port: number | undefined): Promise<void> {
  const started = performance.now()
  const options = { files: [manifest], dataDir, port, host: undefined, apiKey: undefined, readOnlyApiKey: undefined }
  const { endpoint } = await startLocal(options, (what) => note(`waiting for ${what} ...`))
  print(`cluster ready at ${endpoint}: 4 cells x 2 replicas (${seconds(started)})`)
  const digits = loadDigits()
  const collection: Digits = (await client({ dataDir, collection: COLLECTION })).collection<{ digit: number }>(
    COLLECTION,
  )
  await load(collection, digits)
  const topology = await settle(collection)
  print(
    `\nk-means has put ${topology.points.toLocaleString('en')} digits into ${topology.cells.length} cells, ${topology.redundant_storage.average.toFixed(2)} rows of each on average:`,
  )
  for (const { cell, points, redundant_rows, health, primary, pods } of topology.cells) {
    print(
      `  cell ${cell}: ${String(points).padStart(5)} points, ${String(redundant_rows).padStart(4)} redundant rows of neighbours' points, ${pods.length} pods, primary ${primary ?? 'none'}${health === 'ok' ? '' : ` (${health})`}`,
    )
  }
  await showNeighbours(collection, digits)
  await showRecall(collection, digits, topology.cells.length)
  print(`\nEverything took ${seconds(started)}; the servers keep running. What to try next:`)
  for (const [step, effect] of [
    ['npx maksdb status', 'processes and primaries'],
    ['npx maksdb search --collection digits --id 7 --limit 5', 'neighbours of a point'],
    [`curl -s ${endpoint}/v1/collections/digits/topology`, 'cells, replicas, log positions'],
    ['kill -9 the pid of a primary in "status", and search again', 'another pod takes over within seconds'],
    ['npm stop', 'stops everything; data stays'],
  ] as const)
    print(`  ${step.padEnd(STEP_COLUMNS)} ${effect}`)
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}

async function load(collection: Digits, digits: readonly Digit[]): Promise<void> {
  if ((await collection.count()) >= digits.length) {
    print(`an earlier start has loaded the ${digits.length.toLocaleString('en')} digits`)
    return
  }
  const bar = new ProgressBar('loading handwritten digits', digits.length, false)
  const points = digits.map(({ id, label, pixels }) => ({ id, vector: pixels, payload: { digit: label } }))
  const report = await collection.ingest(points, { batch: 200, onProgress: (progress) => bar.update(progress.points) })
  bar.end(report.points)
}

/** The first 5,000 points train the cells; moving rows to their cells continues while the others arrive. */
async function settle(collection: Digits): Promise<Topology> {
  const line = new WaitLine()
  try {
    return await settled(
      async () => (await collection.topology()) as unknown as Topology,
      (what) => line.show(what),
    )
  } finally {
    line.end()
  }
}

async function showNeighbours(collection: Digits, digits: readonly Digit[]): Promise<void> {
  const query = digits[4] as Digit
  const fitting = Math.floor(((process.stdout.columns ?? 160) - 2) / DRAWING_COLUMNS) - 1
  const shown = Math.max(1, Math.min(SHOWN_NEIGHBOURS_MAX, fitting))
  const { points, report } = await collection.query({ id: query.id }, { limit: shown })
  const drawings = [query.pixels, ...points.map(({ id }) => (digits[Number(id)] as Digit).pixels)].map(drawDigit)
  const captions = [
    `the query: a ${query.label}`,
    ...points.map(({ payload, score }) => `a ${payload.digit}, distance ${score.toFixed(2)}`),
  ]
  print(
    `\nits nearest neighbours (${report.probed} of ${report.cells} cells probed, ${report.scanned.toLocaleString('en')} rows compared):\n`,
  )
  print(`  ${captions.map((caption) => caption.padEnd(28)).join('  ')}`)
  for (let line = 0; line < (drawings[0] as string[]).length; line++)
    print(`  ${drawings.map((drawing) => drawing[line]).join('  ')}`)
}

async function showRecall(collection: Digits, digits: readonly Digit[], cells: number): Promise<void> {
  const queries = Array.from({ length: RECALL_QUERIES }, (_, i) => digits[(i * 97) % digits.length] as Digit)
  const truth = queries.map((query) => bruteForce(query, digits))
  print(`\nrecall@${RECALL_LIMIT} against brute force, ${RECALL_QUERIES} queries:`)
  for (let probes = 1; probes <= cells; probes *= 2) {
    let found = 0
    for (const [i, query] of queries.entries()) {
      const { points } = await collection.query(query.pixels, { limit: RECALL_LIMIT, probes, withPayload: false })
      const limit = truth[i] as number
      found += points.filter(({ score }) => score <= limit * (1 + 1e-6)).length
    }
    print(`  ${probes} of ${cells} cells probed: ${(found / (RECALL_LIMIT * RECALL_QUERIES)).toFixed(4)}`)
  }
}

/** The distance of the true last neighbour: a point that is at most so far belongs to the answer, up to ties. */
function bruteForce(query: Digit, digits: readonly Digit[]): number {
  const distances = Float64Array.from(digits, ({ pixels }) => squaredL2(query.pixels, pixels)).sort()
  return Math.sqrt(distances[RECALL_LIMIT - 1] as number)
}

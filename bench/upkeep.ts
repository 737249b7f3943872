/**
 * `npm run bench:upkeep -- [--data synthetic-128-20] [--rows 200000] [--seconds 8] [--writes 2000]`: a cell of one replica
 * that loses its process, from its log and from a snapshot; and latencies of searches while rows are overwritten, while dead
 * rows are cleaned, and while snapshots are taken, next to those without. See bench/README.md.
 */
import { parseArgs } from 'node:util'
import { bodiesOf, COLLECTION, checkAnswers, fill, QUERY_PATH } from './collection.ts'
import { dataSet, queryOf, titleOf } from './data/data-set.ts'
import { load } from './load/load.ts'
import { printMachine } from './machine/limits.ts'
import { Overwriter } from './overwriter.ts'
import { firstAnswer, killedUntilAnswer, metricOf, snapshotTaken } from './restart.ts'
import { row, table, thousands, times } from './table.ts'
import { Version } from './version.ts'

const PORT = 26_353
const CLIENTS = 8
const CAPACITY_SECONDS = 4
const WARM_UP_SECONDS = 1
/** Starts that differ by less differ by chance. */
const DIFFERENCE_SECONDS = 0.5
/** Of the searches that clients get answered as fast as they can: the rest is for the work beside them. */
const LOAD_SHARE = 0.3
const CONNECTIONS = 256
/** Enough for a snapshot to follow the other. */
const TRICKLE = 10
const CLEANED = 'maksdb_compactions_total'
const OVERWRITTEN_AT_A_TIME = 2000
/** A cell is not cleaned while fewer of its rows are dead. */
const DEAD_SHARE = 1 / 8
/** An entry of the log takes its values and less than this. */
const ENTRY_BYTES = 1200
/** Of the size of Redis a third is its memory, and 0.8 of that the log's; when 0.15 of that are new, a snapshot is due. */
const REDIS_SHARE = 0.03
const NEVER = '1000000000'
const NO_SNAPSHOTS = { MAKSDB_SNAPSHOT_ENTRIES: NEVER, MAKSDB_SNAPSHOT_INTERVAL_MS: NEVER }
const SNAPSHOTS_ALWAYS = { MAKSDB_SNAPSHOT_ENTRIES: '1', MAKSDB_SNAPSHOT_INTERVAL_MS: '1' }

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'synthetic-128-20' },
    rows: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '8' },
    writes: { type: 'string', default: '2000' },
  },
})
const set = dataSet(values.data, Number(values.rows))
const [seconds, writes] = [Number(values.seconds), Number(values.writes)]
const query = queryOf(set, 0)
const bodies = bodiesOf(set)
/** The rows are written twice, and once more in the windows. */
const logBytes = 3 * set.rows * (4 * set.dimension + ENTRY_BYTES)
const redis = { managed: { storage: { size: `${Math.ceil(logBytes / REDIS_SHARE / 2 ** 20)}Mi` } } }
const spec = { dimension: set.dimension, clusters: 1, replicas: 1, durability: 'Memory', redis }

interface Latencies {
  p50: number
  p99: number
}

/** Searches at a rate for some seconds, beside work that is stopped afterwards. */
async function beside(
  version: Version,
  name: string,
  rate: number,
  base: Latencies | undefined,
  work?: (stop: AbortSignal) => Promise<void>,
): Promise<Latencies> {
  const stop = new AbortController()
  const counted = ['maksdb_snapshot_seconds_count', CLEANED]
  const counts = () => Promise.all(counted.map((metric) => metricOf(version, metric)))
  const before = await counts()
  const working = work?.(stop.signal)
  const options = { port: version.port, path: QUERY_PATH, bodies, warmUpSeconds: WARM_UP_SECONDS, seconds }
  const report = await load({ ...options, connections: CONNECTIONS, rate })
  stop.abort()
  await working
  const after = await counts()
  const { p50, p99, p999, max, unfinished, failed } = report
  const happened = after.map((count, i) => count - (before[i] as number))
  const lost = unfinished + Object.values(failed).reduce((sum, count) => sum + count, 0)
  row(name, p50, p99, times(p99, base?.p99 ?? p99), p999, max, String(lost), ...happened.map(String))
  return { p50, p99 }
}

async function capacity(version: Version): Promise<number> {
  const options = { port: version.port, path: QUERY_PATH, bodies, connections: CLIENTS }
  return (await load({ ...options, warmUpSeconds: WARM_UP_SECONDS, seconds: CAPACITY_SECONDS })).rate
}

/** Its log alone, and after that windows without snapshots. */
async function withoutSnapshots(version: Version): Promise<{ empty: number; replay: number; rate: number }> {
  version.start(COLLECTION, spec, NO_SNAPSHOTS)
  await version.client.collection(COLLECTION).upsert([{ id: 0, vector: query }], { wait: true })
  const empty = await killedUntilAnswer(version, 1, query)
  console.log(`loaded in ${(await fill(version, set)).toFixed(0)} s`)
  await checkAnswers(version, set)
  const replay = await killedUntilAnswer(version, set.rows, query)
  await checkAnswers(version, set)
  const rate = LOAD_SHARE * (await capacity(version))
  table(
    `Searches at ${rate.toFixed(0)} a second, ${titleOf(set)}, one cell, one replica`,
    'beside',
    'p50, ms',
    'p99, ms',
    'p99 of without',
    'p99.9, ms',
    'max, ms',
    'not answered',
    'snapshots',
    'chunks cleaned',
  )
  const base = await beside(version, 'nothing', rate, undefined)
  const overwriter = new Overwriter(version, set)
  const overwriting = (stop: AbortSignal) => overwriter.writeAt(writes, stop)
  const without = await beside(version, `${thousands(writes)} overwritten rows a second`, rate, base, overwriting)
  while ((await metricOf(version, CLEANED)) === 0) await overwriter.write(OVERWRITTEN_AT_A_TIME)
  await beside(version, 'the same, and cleaning', rate, without, overwriting)
  return { empty, replay, rate }
}

async function withSnapshots(version: Version, rate: number): Promise<{ all: number; cold: number }> {
  version.stop()
  version.start(COLLECTION, spec, SNAPSHOTS_ALWAYS)
  await snapshotTaken(version)
  const cold = await killedUntilAnswer(version, set.rows, query)
  await checkAnswers(version, set)
  const base = await beside(version, 'nothing, another start', rate, undefined)
  const overwriter = new Overwriter(version, set)
  const writing = (stop: AbortSignal) => overwriter.writeAt(TRICKLE, stop)
  await beside(version, `${TRICKLE} overwritten rows a second, and snapshots all the time`, rate, base, writing)
  await snapshotTaken(version)
  version.stop()
  const started = performance.now()
  version.start(COLLECTION, spec, SNAPSHOTS_ALWAYS)
  return { cold, all: await firstAnswer(version, set.rows, query, started) }
}

console.log('# Figures of one run on one machine: compare within it, not across machines')
printMachine()
if (set.rows * DEAD_SHARE < writes * (WARM_UP_SECONDS + seconds))
  throw new Error('so many writes would have rows cleaned in every window: fewer --writes or --seconds, or more --rows')
const version = new Version(undefined, PORT)
try {
  const { empty, replay, rate } = await withoutSnapshots(version)
  const { cold, all } = await withSnapshots(version, rate)
  const title = `A cell of ${titleOf(set)}, one replica: from the end of processes to the first answer over all rows`
  table(title, 'what', 'seconds', 'rows a second beyond the start of an empty cell')
  const perSecond = (taken: number) => (taken - empty < DIFFERENCE_SECONDS ? '' : set.rows / (taken - empty))
  row('the shard is killed: an empty cell', empty.toFixed(2), '')
  row('the shard is killed: rows from the log', replay.toFixed(2), perSecond(replay))
  row('the shard is killed: rows from a snapshot', cold.toFixed(2), perSecond(cold))
  row('all processes are started: rows from a snapshot', all.toFixed(2), perSecond(all))
} finally {
  version.close()
}

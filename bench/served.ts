/**
 * `npm run bench:served -- [--against REF] [--data glove50,synthetic-768-40] [--rows N] [--clients 1,16,64] [--rate R,R]
 * [--seconds 8] [--rounds 3]`: exact searches of one cell over REST, in this version and in that of another commit, round by
 * round in turn; next to faiss-node in this process, in batches of 64 by one thread. `--clients` send their next search when
 * they have their answer; with `--rate` searches are sent at times that do not depend on answers. See bench/README.md.
 */
import { parseArgs } from 'node:util'
import { bodiesOf, COLLECTION, checkAnswers, fill, LIMIT, QUERY_PATH } from './collection.ts'
import { type DataSet, dataSet, titleOf } from './data/data-set.ts'
import { faissRate } from './kernels/faiss-peer.ts'
import { type LoadReport, load } from './load/load.ts'
import { printMachine } from './machine/limits.ts'
import { type Cell, median, row, table, times } from './table.ts'
import { cpuSecondsOf, residentMiB, Version } from './version.ts'

const PORT = 26_333
const WARM_UP_SECONDS = 1
const PEER_BATCH = 64
/** Of searches that are sent at given times: enough that none waits for a free one while the server keeps up. */
const CONNECTIONS_AT_A_RATE = 256
/** The logs of all data sets are smaller than the share of this that they may take. */
const REDIS_SIZE = '16Gi'

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    data: { type: 'string', default: 'glove50' },
    rows: { type: 'string' },
    clients: { type: 'string', default: '1,16,64' },
    rate: { type: 'string', default: '' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
  },
})

/** How searches are sent. */
interface Sending {
  name: string
  connections: number
  rate?: number
}

type Round = Pick<LoadReport, 'rate' | 'p50' | 'p90' | 'p99' | 'p999' | 'max'> & {
  /** CPU time of one search, in microseconds. */
  serversUs: number
  clientUs: number
}

async function round(version: Version, bodies: readonly string[], { connections, rate }: Sending): Promise<Round> {
  const processes = version.processes()
  let before = 0
  const report = await load({
    port: version.port,
    path: QUERY_PATH,
    bodies,
    connections,
    ...(rate === undefined ? {} : { rate }),
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: Number(values.seconds),
    onMeasuring: () => {
      before = cpuSecondsOf(processes)
    },
  })
  if (Object.keys(report.failed).length > 0 || report.count === 0)
    throw new Error(`${version.name} answered ${report.count} searches, and failed ${JSON.stringify(report.failed)}`)
  const us = (seconds: number) => (1e6 * seconds) / report.count
  return { ...report, serversUs: us(cpuSecondsOf(processes) - before), clientUs: us(report.cpuSeconds) }
}

function sendings(): Sending[] {
  const numbers = (list: string) => list.split(',').filter(Boolean).map(Number)
  return [
    ...numbers(values.clients).map((clients) => ({ name: `${clients} clients`, connections: clients })),
    ...numbers(values.rate).map((rate) => ({ name: `${rate} a second`, connections: CONNECTIONS_AT_A_RATE, rate })),
  ]
}

async function serve(versions: readonly Version[], set: DataSet): Promise<void> {
  for (const version of versions) {
    const { dimension } = set
    const redis = { managed: { storage: { size: REDIS_SIZE } } }
    version.start(COLLECTION, { dimension, clusters: 1, replicas: 1, durability: 'Memory', redis })
    const seconds = await fill(version, set)
    console.log(`${version.name}: loaded in ${seconds.toFixed(0)} s`)
    await checkAnswers(version, set)
  }
}

async function compare(versions: readonly Version[], set: DataSet, peer: number): Promise<void> {
  const bodies = bodiesOf(set)
  const latencies = ['p50', 'p90', 'p99', 'p999', 'max'] as const
  table(
    `Exact searches over REST: ${titleOf(set)}, one cell, one replica, ${LIMIT} neighbours`,
    'sent by',
    'version',
    'searches a second',
    `of ${versions.at(-1)?.name}`,
    'of faiss-node in process',
    ...latencies.map((name) => `${name.replace('p999', 'p99.9')}, ms`),
    'CPU of the servers, us a search',
    'CPU of the client',
  )
  for (const sending of sendings()) {
    const rounds = versions.map((): Round[] => [])
    for (let n = 0; n < Number(values.rounds); n++)
      for (const [i, version] of versions.entries()) rounds[i]?.push(await round(version, bodies, sending))
    const of = (i: number, field: keyof Round) => median((rounds[i] ?? []).map((one) => one[field]))
    for (const [i, version] of versions.entries()) {
      const rate = of(i, 'rate')
      const shown: Cell[] = latencies.map((name) => of(i, name))
      const cpu = [of(i, 'serversUs'), of(i, 'clientUs')]
      row(
        sending.name,
        version.name,
        rate,
        times(rate, of(versions.length - 1, 'rate')),
        times(rate, peer),
        ...shown,
        ...cpu,
      )
    }
  }
}

function printMemory(versions: readonly Version[], set: DataSet): void {
  const raw = (4 * set.rows * set.dimension) / 2 ** 20
  console.log(`\nraw vectors ${raw.toFixed(0)} MiB`)
  for (const version of versions)
    for (const { kind, pid } of version.processes()) {
      const resident = residentMiB(pid)
      console.log(
        `${version.name}: ${kind} ${resident.toFixed(0)} MiB resident, ${times(resident, raw)} of the raw vectors`,
      )
    }
}

console.log('# Figures of one run on one machine: compare within it, not across machines')
printMachine()
for (const name of values.data.split(',')) {
  const set = dataSet(name, values.rows === undefined ? undefined : Number(values.rows))
  console.log(`\n${titleOf(set)}`)
  const peer = await faissRate(set, PEER_BATCH, LIMIT)
  console.log(`faiss-node in process, batches of ${PEER_BATCH}, one thread: ${peer.toFixed(0)} searches a second`)
  const versions = [new Version(undefined, PORT)]
  try {
    if (values.against !== undefined) versions.push(new Version(values.against, PORT + 10))
    await serve(versions, set)
    await compare(versions, set, peer)
    printMemory(versions, set)
  } finally {
    for (const version of versions) version.close()
  }
}

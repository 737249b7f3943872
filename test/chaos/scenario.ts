/** One chaos run: a cluster, clients, faults drawn from a seed, and two judges at the end. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Random, seededRandom } from '../../core/random.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { TestRedis } from '../support/redis.ts'
import { Clients, DIMENSION, type Tally } from './clients.ts'
import { differences } from './copies.ts'
import { FAULTS, type Fault, type Target } from './faults.ts'
import { History } from './history.ts'
import { judge, type Verdict } from './judge.ts'
import { LOSSES } from './losses.ts'
import { sound } from './report.ts'

export interface ChaosOptions {
  minutes: number
  seed: number
  clients: number
  say: (line: string) => void
}

export interface ChaosReport extends Verdict {
  seed: number
  minutes: number
  /** How often each fault was made. */
  faults: Map<string, number>
  tally: Tally
  /** Milliseconds from the end of each fault until writes flowed again. */
  recoveries: number[]
  /** What pods, directory and scroll say otherwise of one another at the end. */
  disagreements: string[]
  /** Where history, drawings and, after a violation, the cluster are. */
  folder: string
}

const CELLS = 3
const ALL: Record<string, Fault> = { ...FAULTS, ...LOSSES }
/** After a fault, writes must flow again within this time. */
const RECOVERY_LIMIT_MS = 60_000
const FLOWING = 30
const FOUND_MS = 1500
/** Share of faults that come while another is going on. */
const DOUBLE_SHARE = 0.15

export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(options.seed)
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-chaos-'))
  const redis = await TestRedis.start()
  const proxy = await FaultProxy.start(redis.port)
  const cluster = await startCluster(proxy)
  const history = new History(join(folder, 'history.jsonl'))
  const clients = new Clients(cluster, history, options.clients, options.seed)
  await flowing(clients, 100)
  const faults = new Map<string, number>()
  const recoveries: number[] = []
  const target: Target = { cluster, redis, proxy, cells: CELLS, random }
  const deck = new Deck(random)
  const end = performance.now() + options.minutes * 60_000
  const turn = async () => {
    const names = deck.draw()
    // Writes may flow again while a pod is still reading the log that it is about to lose.
    if (names.some((name) => name in LOSSES)) await cluster.allFollow()
    const before = performance.now()
    const made = await Promise.all(names.map((name) => strike(name, target, options.say)))
    const struck = performance.now()
    if (made.flat().some((name) => name in LOSSES)) await repaired(cluster)
    await flowing(clients)
    recoveries.push(performance.now() - struck)
    await led(cluster)
    for (const name of made.flat()) faults.set(name, (faults.get(name) ?? 0) + 1)
    options.say(`${((performance.now() - before) / 1000).toFixed(1).padStart(6)} s  ${names.join(', and ')}`)
    await sleep(random() * 1000)
  }
  // What was seen until a run broke off is judged, too.
  let broken: string | undefined
  try {
    while (performance.now() < end) await turn()
  } catch (error) {
    broken = String(error)
  }
  await clients.stop()
  const disagreements =
    broken === undefined ? await atTheEnd(cluster, history, clients.ids) : [`the run broke off: ${broken}`]
  await history.close()
  const verdict = { ...(await judge(history.entries, folder)), disagreements }
  if (sound(verdict)) {
    await cluster.close()
    proxy.close()
    await redis.close()
  } else options.say(`the cluster is left as it is in ${cluster.folder}, with Redis on port ${redis.port}`)
  return {
    ...verdict,
    seed: options.seed,
    minutes: options.minutes,
    faults,
    tally: clients.tally,
    recoveries,
    folder,
  }
}

function startCluster(proxy: FaultProxy): Promise<TestCluster> {
  return TestCluster.start({
    spec: {
      dimension: DIMENSION,
      clusters: CELLS,
      replicas: 2,
      centroids: { source: 'Dynamic', sampleSize: 300 },
      redundantStorage: '1.3',
      redis: { external: { urlSecretRef: { name: 'redis', key: 'url' } } },
    },
    documents: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'redis' },
        stringData: { url: `redis://127.0.0.1:${proxy.port}` },
      },
    ],
    env: { MAKSDB_SNAPSHOT_ENTRIES: '2000' },
  })
}

/** The fault's name where it could be made: of two at a time, one may have taken away what the other was meant for. */
async function strike(name: string, target: Target, say: ChaosOptions['say']): Promise<string[]> {
  try {
    await (ALL[name] as Fault)(target)
    return [name]
  } catch (error) {
    say(`not made: ${name}: ${String(error)}`)
    return []
  }
}

/** Every fault before any comes twice; now and then two at a time, but no loss beside anything else. */
class Deck {
  readonly #random: Random
  #left: string[] = []

  constructor(random: Random) {
    this.#random = random
  }

  draw(): string[] {
    const first = this.#next(Object.keys(ALL))
    if (first in LOSSES || this.#random() >= DOUBLE_SHARE) return [first]
    return [first, this.#next(Object.keys(FAULTS))]
  }

  #next(from: readonly string[]): string {
    if (!this.#left.some((name) => from.includes(name))) this.#left.push(...from)
    const some = this.#left.filter((name) => from.includes(name))
    const name = some[Math.floor(this.#random() * some.length)] as string
    this.#left.splice(this.#left.indexOf(name), 1)
    return name
  }
}

/**
 * A loss is found at the next heartbeat, where there was anything to lose; writes may be taken until then, which is no harm:
 * the shards hold them.
 */
async function repaired(cluster: TestCluster): Promise<void> {
  await sleep(FOUND_MS)
  await until(
    'the log to be repaired',
    async () => ((await cluster.topology().catch(() => undefined))?.gate === 'open' ? true : undefined),
    RECOVERY_LIMIT_MS,
  )
  await cluster.allFollow()
}

/** Every cell has a primary, not only some. */
async function led(cluster: TestCluster): Promise<void> {
  await until(
    'every cell to be led',
    async () => {
      const primaries = (await cluster.processes()).filter(({ role }) => role === 'primary')
      return new Set(primaries.map(({ cluster: cell }) => cell)).size === CELLS || undefined
    },
    RECOVERY_LIMIT_MS,
  )
}

async function flowing(clients: Clients, more = FLOWING): Promise<void> {
  const from = clients.tally.acknowledged
  await until('writes to flow again', async () => clients.tally.acknowledged >= from + more, RECOVERY_LIMIT_MS)
}

/** What pods, directory, audit and scroll say otherwise of one another when all is calm. */
async function atTheEnd(cluster: TestCluster, history: History, ids: number): Promise<string[]> {
  await cluster.allReady()
  await cluster.settled()
  const scrolled = await readAll(cluster, history, ids)
  const audited = cluster.linesWith('did not say what the cells hold').length
  return [
    ...scrolled,
    ...(await differences(cluster)),
    ...(audited > 0 ? [`the audit corrected the directory ${audited} times`] : []),
  ]
}

/** Reads everything, as entries of the history that the judges hold against all before; tells what shows twice. */
async function readAll(cluster: TestCluster, history: History, ids: number): Promise<string[]> {
  const found: string[] = []
  const seen = new Map<number, number>()
  const call = history.now()
  for await (const { id, payload } of cluster.collection.scroll({ consistency: 'strong', batch: 1000 })) {
    if (seen.has(Number(id))) found.push(`point ${id} shows twice`)
    seen.set(Number(id), payload.n as number)
  }
  const ret = history.now()
  for (let id = 0; id < ids; id++)
    history.add({ kind: 'read', client: -1, id, value: seen.get(id), call, ret, level: 'strong' })
  return found
}

/**
 * `npm run chaos -- --minutes 5 --seed 1`: real processes, writers that remember what was acknowledged, and faults drawn
 * from a seed. Heals at the end, compares everything, and prints a report. Exit 1 where anything acknowledged is missing,
 * came back after its delete, or shows twice.
 */
import { parseArgs } from 'node:util'
import { type Random, seededRandom } from '../../core/random.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { flowing, violations, Writers } from '../support/writers.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: '1' } },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const CELLS = 3
const DIMENSION = 16
/** After a fault writes must flow again within this time. */
const RECOVERY_LIMIT_MS = 60_000

type Fault = (cluster: TestCluster, random: Random) => Promise<void>

const pick = (random: Random, below: number) => Math.floor(random() * below)
const pause = async (pid: number, ms: number) => {
  process.kill(pid, 'SIGSTOP')
  await sleep(ms)
  process.kill(pid, 'SIGCONT')
}

const FAULTS: Record<string, Fault> = {
  'kill a primary': async (cluster, random) => kill(await cluster.primary(pick(random, CELLS))),
  'kill a replica': async (cluster) => kill(await cluster.find({ kind: 'shard', role: 'replica' })),
  'kill both pods of a cell': async (cluster, random) => {
    const cell = pick(random, CELLS)
    for (const one of await cluster.processes()) if (one.cluster === cell) kill(one)
  },
  'kill Redis': async (cluster) => kill(await cluster.find({ kind: 'redis' })),
  'kill the router': async (cluster) => kill(await cluster.find({ kind: 'router' })),
  'kill the supervisor': async (cluster) => {
    kill(await cluster.find({ kind: 'supervisor' }))
    await cluster.start()
  },
  'kill everything': async (cluster) => {
    for (const one of await cluster.processes()) kill(one)
    await cluster.start()
  },
  'stop and start': async (cluster) => {
    await cluster.stop()
    await cluster.start()
  },
  'pause a primary past its lease': async (cluster, random) =>
    pause((await cluster.primary(pick(random, CELLS))).pid, 4500),
  'pause a primary for a moment': async (cluster, random) =>
    pause((await cluster.primary(pick(random, CELLS))).pid, 700),
  'pause Redis for a moment': async (cluster) => pause((await cluster.find({ kind: 'redis' })).pid, 1000),
  'pause Redis past every lease': async (cluster) => pause((await cluster.find({ kind: 'redis' })).pid, 7000),
  'pause the router': async (cluster) => pause((await cluster.find({ kind: 'router' })).pid, 1500),
  'kill a primary and Redis': async (cluster, random) => {
    kill(await cluster.primary(pick(random, CELLS)))
    kill(await cluster.find({ kind: 'redis' }))
  },
}

const random = seededRandom(seed)
const cluster = await TestCluster.start({
  spec: {
    dimension: DIMENSION,
    clusters: CELLS,
    replicas: 2,
    centroids: { source: 'Dynamic', sampleSize: 1500 },
    redundantStorage: '1.3',
  },
  env: { MAKSDB_SNAPSHOT_ENTRIES: '2000' },
})
const vector = (id: number, n: number) =>
  Array.from({ length: DIMENSION }, (_, i) => Math.sin(id * 3 + i) + 4 * Math.cos(((id + n) % 5) * (i + 1)))
const writers = new Writers(cluster, { writers: 6, idsPerWriter: 400, deletes: 0.15, vector })
await flowing(writers, 100)
const counts = new Map<string, number>()
const recoveries: number[] = []
const end = performance.now() + minutes * 60_000
while (performance.now() < end) {
  const names = Object.keys(FAULTS)
  const name = names[pick(random, names.length)] as string
  const before = performance.now()
  await (FAULTS[name] as Fault)(cluster, random)
  const struck = performance.now()
  await flowing(writers, 30, RECOVERY_LIMIT_MS)
  recoveries.push(performance.now() - struck)
  counts.set(name, (counts.get(name) ?? 0) + 1)
  console.log(`${((performance.now() - before) / 1000).toFixed(1).padStart(6)} s  ${name}`)
  await sleep(random() * 1500)
}
const state = await writers.stop()
await cluster.allReady()
await cluster.settled()
const wrong = await violations(cluster, state)
const count = await cluster.collection.count({ consistency: 'strong' })
const topology = await cluster.topology()
if (topology.points !== count) wrong.push(`the directory counts ${topology.points} points, the cells ${count}`)
recoveries.sort((a, b) => a - b)
console.log(`\nseed ${seed}, ${minutes} minutes, ${recoveries.length} faults of ${counts.size} kinds:`)
for (const [name, times] of counts) console.log(`  ${String(times).padStart(4)}  ${name}`)
console.log(`writes acknowledged ${state.writes}, refused or unknown ${JSON.stringify([...state.failures])}`)
console.log(
  `writes flow again after p50 ${Math.round(recoveries[recoveries.length >> 1] ?? 0)} ms, max ${Math.round(recoveries.at(-1) ?? 0)} ms`,
)
console.log(wrong.length === 0 ? 'lost 0, resurrected 0, duplicated 0' : wrong.join('\n'))
if (wrong.length === 0) await cluster.close()
else console.log(`the cluster is left as it is in ${cluster.folder}`)
process.exit(wrong.length === 0 ? 0 : 1)

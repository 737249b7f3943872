/** Training while writers overwrite, readers look, and processes die: an id is never in two cells, never in none. */
import { afterEach, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { kill, TestCluster } from '../support/cluster.ts'
import { flowing, violations, Writers } from '../support/writers.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const FIXED = 3000
const DIMENSION = 16

/** Points around one of four corners; each number puts an id somewhere else. */
const vectorOf = (id: number, n: number) =>
  Array.from({ length: DIMENSION }, (_, i) => Math.sin(id * 3 + i) + 4 * Math.cos(((id + n) % 4) * (i + 1)))

async function startUntrained(sampleSize: number, replicas = 2): Promise<void> {
  cluster = await TestCluster.start({
    spec: {
      dimension: DIMENSION,
      clusters: 3,
      replicas,
      centroids: { source: 'Dynamic', sampleSize, seed: 3 },
      redundantStorage: '1.2',
    },
  })
}

/** Looks at everything, over and over: each of the fixed ids exactly once, in count, scroll and strong search. */
class Watcher {
  looks = 0
  readonly wrong: string[] = []
  #stopped = false
  readonly #running: Promise<void>

  constructor(expected: () => number) {
    this.#running = this.#watch(expected)
  }

  async #watch(expected: () => number): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#look(expected())
        this.looks++
      } catch {
        // Refused while a process is being replaced: no answer is no wrong answer.
        await sleep(20)
      }
    }
  }

  async #look(least: number): Promise<void> {
    const seen = new Map<unknown, number>()
    for await (const { id } of cluster.collection.scroll({ consistency: 'strong', batch: 700, withPayload: false }))
      seen.set(id, (seen.get(id) ?? 0) + 1)
    const fixed = [...seen].filter(([id]) => Number(id) >= 50_000_000)
    if (fixed.length !== least) this.wrong.push(`scroll saw ${fixed.length} of ${least} fixed ids`)
    for (const [id, times] of seen) if (times !== 1) this.wrong.push(`scroll saw ${String(id)} ${times} times`)
    const { points } = await cluster.collection.query(vectorOf(1, 1), {
      limit: 10_000,
      exact: true,
      consistency: 'strong',
      withPayload: false,
    })
    const found = points.map(({ id }) => id)
    if (new Set(found).size !== found.length) this.wrong.push('strong search saw an id twice')
    const foundFixed = found.filter((id) => Number(id) >= 50_000_000).length
    if (foundFixed !== least) this.wrong.push(`strong search saw ${foundFixed} of ${least} fixed ids`)
    // Default reads, too, see what was acknowledged before they began.
    const default_ = await cluster.collection.query(vectorOf(1, 1), { limit: 10_000, exact: true, withPayload: false })
    const there = default_.points.filter(({ id }) => Number(id) >= 50_000_000).length
    if (default_.report.consistency !== 'eventual' && there !== least)
      this.wrong.push(`default search saw ${there} of ${least} fixed ids`)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }
}

async function ingestFixed(): Promise<void> {
  const points = Array.from({ length: FIXED }, (_, i) => ({
    id: 50_000_000 + i,
    vector: vectorOf(i, 0),
    payload: { n: 0 },
  }))
  await cluster.collection.ingest(points, { batch: 300 })
}

const load = () => new Writers(cluster, { writers: 3, idsPerWriter: 150, deletes: 0.15, vector: vectorOf })

describe('training', () => {
  it('moves rows to their cells under writers and readers: every id exactly once, no update lost', async () => {
    await startUntrained(FIXED + 200)
    await ingestFixed()
    const writers = load()
    const watcher = new Watcher(() => FIXED)
    await flowing(writers, 150)
    await cluster.settled()
    await flowing(writers, 100)
    await watcher.stop()
    const state = await writers.stop()
    expect(watcher.wrong).toEqual([])
    expect(watcher.looks).toBeGreaterThan(2)
    expect(await violations(cluster, state)).toEqual([])
    const { points, cells, redundant_storage } = await cluster.topology()
    expect(points).toBe(await cluster.collection.count({ consistency: 'strong' }))
    expect(redundant_storage.average).toBeLessThanOrEqual(1.2)
    console.log(
      `cells of ${cells.map((cell) => cell.points).join(', ')} points; ${watcher.looks} full looks; ${state.writes} writes`,
    )
  })

  it('never changes the count, by any way of counting', async () => {
    await startUntrained(FIXED + 200, 1)
    await ingestFixed()
    const train = cluster.fetch('POST', '/v1/collections/things/centroids/train', {})
    const counts = new Set<number>()
    let moving = 0
    for (;;) {
      counts.add(await cluster.collection.count({ consistency: 'strong' }))
      counts.add(await cluster.collection.count())
      const { centroids } = await cluster.topology()
      if (centroids.version > 0 && centroids.cells_still_moving === 0) break
      if (centroids.version > 0) moving++
    }
    expect((await train).status).toBe(200)
    expect([...counts]).toEqual([FIXED])
    expect(moving).toBeGreaterThan(0)
  })

  it('goes on after a crash of the movers, of Redis and of everything: the same', async () => {
    await startUntrained(FIXED + 200)
    await ingestFixed()
    const writers = load()
    const watcher = new Watcher(() => FIXED)
    await flowing(writers, 60)
    const train = cluster.fetch('POST', '/v1/collections/things/centroids/train', {})
    for (const cell of [0, 1, 2, 0]) {
      await sleep(150)
      kill(await cluster.primary(cell))
    }
    kill(await cluster.find({ kind: 'redis' }))
    await sleep(400)
    for (const one of await cluster.processes()) kill(one)
    await cluster.start()
    await train.catch(() => undefined)
    await cluster.settled()
    await flowing(writers)
    await watcher.stop()
    const state = await writers.stop()
    expect(watcher.wrong).toEqual([])
    expect(await violations(cluster, state)).toEqual([])
    expect((await cluster.topology()).points).toBe(await cluster.collection.count({ consistency: 'strong' }))
  })
})

describe('other sources of centroids', () => {
  it('uploaded ones move what is there, and cells without points are reported', async () => {
    cluster = await TestCluster.start({ spec: { dimension: 2, clusters: 3, centroids: { source: 'Supplied' } } })
    await cluster.collection.upsert(
      Array.from({ length: 300 }, (_, i) => ({ id: i, vector: [(i % 2) * 10 + Math.sin(i), Math.cos(i)] })),
    )
    expect((await cluster.topology()).centroids).toEqual({ source: 'Supplied', version: 0, cells_still_moving: 0 })
    const upload = await cluster.fetch('PUT', '/v1/collections/things/centroids', {
      centroids: [
        [0, 0],
        [10, 0],
        [500, 500],
      ],
    })
    expect(upload.json.result).toEqual({ version: 1 })
    const { cells } = await cluster.settled()
    await sleep(1000)
    expect((await cluster.topology()).cells.map(({ points, health }) => [points, health])).toEqual([
      [150, 'ok'],
      [150, 'ok'],
      [0, 'empty'],
    ])
    expect(cells).toHaveLength(3)
    expect((await cluster.fetch('GET', '/v1/collections/things/centroids')).raw).toContain(
      '"centroids":[[0,0],[10,0],[500,500]]',
    )
  })

  it('those of a ConfigMap beside the manifest are in force from the start', async () => {
    const centroids = JSON.stringify([
      [0, 0],
      [10, 0],
    ])
    cluster = await TestCluster.start({
      spec: {
        dimension: 2,
        clusters: 2,
        centroids: { source: 'Supplied', configMapRef: { name: 'mine', key: 'c.json' } },
      },
      documents: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' }, data: { 'c.json': centroids } }],
    })
    await cluster.settled()
    await cluster.collection.upsert([
      { id: 1, vector: [1, 0] },
      { id: 2, vector: [9, 0] },
      { id: 3, vector: [11, 0] },
    ])
    const { points, report } = await cluster.collection.query([10, 0], { probes: 1 })
    expect([points.map(({ id }) => id), report.probed, report.scanned]).toEqual([[2, 3], 1, 2])
  })
})

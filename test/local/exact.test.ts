/** The quickstart's data: exactness against brute force, recall by probes, restart, and a log that stays short. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIGIT_DIMENSION, type Digit, loadDigits } from '../../cli/quickstart/digits.ts'
import { squaredL2 } from '../../core/metric.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster, type Topology } from '../support/cluster.ts'

const QUERIES = 1000
const LIMIT = 10
/** After so many entries of a cell a pod takes a snapshot. */
const SNAPSHOT_ENTRIES = 1500
let cluster: TestCluster
let digits: Digit[]
/** For each query the ten least distances. */
let truth: { query: Digit; distances: number[]; ids: Set<number> }[]

beforeAll(async () => {
  digits = loadDigits()
  // Before the cluster: it takes so long that a connection that is kept would be closed meanwhile.
  truth = Array.from({ length: QUERIES }, (_, i) => bruteForce(digits[(i * 37) % digits.length] as Digit))
  cluster = await TestCluster.start({
    name: 'digits',
    spec: {
      dimension: DIGIT_DIMENSION,
      clusters: 4,
      replicas: 2,
      centroids: { source: 'Dynamic', sampleSize: 5000 },
      redundantStorage: '1.1',
    },
    env: { MAKSDB_SNAPSHOT_ENTRIES: String(SNAPSHOT_ENTRIES) },
  })
  await cluster.collection.ingest(
    digits.map(({ id, label, pixels }) => ({ id, vector: pixels, payload: { digit: label } })),
    { batch: 200 },
  )
  await cluster.filled(digits.length)
})
afterAll(() => cluster.close())

function bruteForce(query: Digit) {
  const all = Float64Array.from(digits, ({ pixels }) => squaredL2(query.pixels, pixels))
  const least = all.toSorted().subarray(0, LIMIT)
  const last = least[LIMIT - 1] ?? 0
  return {
    query,
    distances: Array.from(least, (d) => Math.sqrt(d)),
    ids: new Set(digits.flatMap(({ id }, i) => ((all[i] as number) <= last ? id : []))),
  }
}

async function searchAll(params: object): Promise<{ id: number; score: number }[][]> {
  const found: { id: number; score: number }[][] = []
  for (let at = 0; at < QUERIES; at += 50) {
    const searches = truth
      .slice(at, at + 50)
      .map(({ query }) => ({ query: Array.from(query.pixels), limit: LIMIT, params }))
    const { json } = await cluster.fetch('POST', '/collections/digits/points/query/batch', { searches })
    found.push(...(json.result as { points: { id: number; score: number }[] }[]).map(({ points }) => points))
  }
  return found
}

describe('10,000 digits of 784 values', () => {
  it('exact answers equal brute force for 1,000 queries, ids up to ties', async () => {
    const found = await searchAll({ exact: true })
    found.forEach((points, i) => {
      const { distances, ids } = truth[i] as (typeof truth)[number]
      expect(points).toHaveLength(LIMIT)
      points.forEach(({ id, score }, n) => {
        expect(ids.has(id), `query ${i}, rank ${n}`).toBe(true)
        expect(score).toBeCloseTo(distances[n] as number, 4)
      })
    })
  })

  it('recall rises with the probes, to 1 at all cells', async () => {
    const recalls: number[] = []
    for (const probes of [1, 2, 4]) {
      const found = await searchAll({ probes })
      const hits = found.reduce((sum, points, i) => sum + points.filter(({ id }) => truth[i]?.ids.has(id)).length, 0)
      recalls.push(hits / (QUERIES * LIMIT))
    }
    console.log(`recall@${LIMIT} at 1, 2, 4 probes of 4: ${recalls.map((recall) => recall.toFixed(4)).join(', ')}`)
    expect(recalls[1]).toBeGreaterThan(recalls[0] as number)
    expect(recalls[2]).toBe(1)
    expect(recalls[0]).toBeGreaterThan(0.7)
  })

  it('copies stay within the bound, and never show twice', async () => {
    const { redundant_storage, cells, points } = await cluster.topology()
    expect(redundant_storage.average).toBeLessThanOrEqual(1.1)
    expect(redundant_storage.redundant_rows).toBeGreaterThan(0)
    expect(points).toBe(10_000)
    expect(cells.every(({ health }) => health === 'ok')).toBe(true)
    for (const found of await searchAll({ exact: true }))
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
  })

  it('after stop and start every vector is byte-equal and every payload there', async () => {
    await cluster.stop()
    expect(await cluster.processes()).toEqual([])
    await cluster.start()
    let seen = 0
    for await (const { id, vector, payload } of cluster.collection.scroll({ batch: 500, withVector: true })) {
      const digit = digits[Number(id)] as Digit
      expect(
        Buffer.from(Float32Array.from(vector ?? []).buffer).equals(Buffer.from(Float32Array.from(digit.pixels).buffer)),
      ).toBe(true)
      expect(payload).toEqual({ digit: digit.label })
      seen++
    }
    expect(seen).toBe(10_000)
  })

  it('steady overwrites do not make the log grow: it is cut after snapshots', async () => {
    const sizes: { entries: number; bytes: number }[] = []
    const measure = (topology: Topology) => ({
      entries: topology.cells.reduce((sum, { head, trimmed_below }) => sum + head - trimmed_below, 0),
      bytes: topology.cells.reduce((sum, { wal_bytes }) => sum + wal_bytes, 0),
    })
    const batch = digits
      .slice(0, 2000)
      .map(({ id, label, pixels }) => ({ id, vector: pixels, payload: { digit: label } }))
    const heads = (topology: Topology) => topology.cells.reduce((sum, { head }) => sum + head, 0)
    const before = heads(await cluster.topology())
    for (let round = 0; round < 8; round++) {
      await cluster.collection.ingest(batch, { batch: 200 })
      sizes.push(measure(await cluster.topology()))
    }
    const written = heads(await cluster.topology()) - before
    // Two snapshots of each of two pods and what came since: at most three intervals a cell, and one more for what is on its way.
    const settled = await until('the log to be cut', async () => {
      const now = measure(await cluster.topology())
      return now.entries < 4 * 4 * SNAPSHOT_ENTRIES && now.entries < written ? now : undefined
    })
    console.log(
      `${written} entries written; entries kept: ${sizes.map(({ entries }) => entries).join(', ')}, at the end ${settled.entries} (${(settled.bytes / 1e6).toFixed(0)} MB)`,
    )
    expect(await cluster.collection.count()).toBe(10_000)
  })

  it('a cell that is half dead stays exact', async () => {
    // The overwrites above left dead rows in every index; exactness must not have noticed.
    const found = await searchAll({ exact: true })
    found.forEach((points, i) => {
      for (const { id } of points) expect(truth[i]?.ids.has(id)).toBe(true)
    })
  })
})

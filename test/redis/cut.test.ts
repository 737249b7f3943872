/** The cut: what one script reads of all cells is one state of them, whatever is written meanwhile. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import { readCut } from '../../store/topology.ts'
import { LogHarness, move, type PlayedPod, remove, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

const CELLS = 3
const IDS = Array.from({ length: 6 }, (_, id) => id)
const KEYS = IDS.map(idKey)

let redis: TestRedis
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())

/** Writes of one primary, moves to the next cell among them. */
async function write(h: LogHarness, pod: PlayedPod, round: number): Promise<void> {
  const { cell } = pod.log.scope
  const id = (round * (cell + 1)) % IDS.length
  const entry = await h.directory(idKey(id))
  if (entry?.owner === String(cell) && round % 3 === 0)
    return void (await h.commit(pod, [move(id, (cell + 1) % CELLS, entry.version, `"${round}"`)]))
  await h.commit(pod, [round % 5 === 4 ? remove(id) : upsert(id, cell, `"${round}"`)])
}

it('the heads, the version and the owners of a cut are one state: what has a later version lies after the heads (L18)', async () => {
  const h = new LogHarness(redis.client, CELLS)
  await h.create()
  const pods = await Promise.all([0, 1, 2].map((cell) => h.lead(cell)))
  const scope = { namespace: 'test', name: h.name, clusters: CELLS }
  const life = { writing: true }
  const writers = pods.map(async (pod) => {
    for (let round = 0; life.writing; round++) await write(h, pod, round)
  })
  const cuts = []
  for (let i = 0; i < 60; i++) cuts.push(await readCut(redis.client, scope, KEYS))
  life.writing = false
  await Promise.all(writers)

  const logs = await Promise.all(pods.map((_, cell) => h.entries(cell)))
  for (const cut of cuts) {
    if (!cut) throw new Error('the gate is closed')
    const owners = new Map<IdKey, number>()
    for (const [cell, entries] of logs.entries()) {
      const { seq } = cut.heads[cell] ?? { seq: 0 }
      const within = entries.filter(({ version }) => version <= cut.version)
      expect(within.filter(({ type }) => type === 'U' || type === 'T')).toEqual(
        entries.filter(({ position, type }) => position.seq <= seq && (type === 'U' || type === 'T')),
      )
      const rows = new Map(within.map((entry) => [entry.key, entry]))
      for (const [key, { type, flag }] of rows) if (type === 'U' && flag === 'o') owners.set(key, cell)
    }
    expect(cut.entries.map((entry) => entry?.owner)).toEqual(KEYS.map((key) => owners.get(key)))
  }
  expect(new Set(cuts.map((cut) => cut?.version)).size).toBeGreaterThan(20)
})

it('there is no cut while the gate is closed (L18)', async () => {
  const h = new LogHarness(redis.client, 1)
  await h.create()
  const scope = { namespace: 'test', name: h.name, clusters: 1 }
  expect(await readCut(redis.client, scope, [])).toBeDefined()
  await redis.restart()
  expect(await readCut(redis.client, scope, [])).toBeUndefined()
})

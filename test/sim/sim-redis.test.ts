/** The simulated Redis against the real one: the same calls, drawn from seeds, give the same replies and leave the same data. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { keysOf } from '../../protocol/keys.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Operation } from '../../store/cell-log.ts'
import type { Redis } from '../../store/connection.ts'
import { correctDirectory, scanDirectory } from '../../store/directory-audit.ts'
import type { LogTip } from '../../store/log-entry.ts'
import { RepairLog } from '../../store/repair-log.ts'
import {
  acceptLoss,
  readCut,
  readDirectoryTexts,
  readTopology,
  releaseLeaseOf,
  removeMember,
  reportRegression,
} from '../../store/topology.ts'
import {
  drop,
  edit,
  identity,
  LogHarness,
  move,
  type PlayedPod,
  remove,
  START,
  upsert,
} from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'
import { SimRedis } from './sim-redis.ts'

let real: TestRedis
beforeAll(async () => {
  real = await TestRedis.start()
})
afterAll(() => real.close())

const CELLS = 2
const STEPS = 60

/**
 * Hashes and run ids are other ones on each side: their order of appearance is the same. Epochs are milliseconds, of which one
 * may pass within a script on the real server; what they lead to shows in positions and hashes.
 */
class Names {
  readonly #known = new Map<string, string>()

  of(value: unknown): string {
    // Lua's `pairs` has no order.
    const ordered = JSON.stringify(value).replace(
      /#(\d+=\d+(?:;\d+=\d+)+)#/g,
      (_, heads: string) => `#${heads.split(';').sort().join(';')}#`,
    )
    return ordered.replace(/\b\d{13}\b/g, 'epoch').replace(/\b([0-9a-f]{20}|[0-9a-f]{40})\b/g, (name) => {
      const known = this.#known.get(name) ?? `#${this.#known.size}`
      this.#known.set(name, known)
      return known
    })
  }
}

class Side {
  readonly h: LogHarness
  readonly names = new Names()
  readonly pods = new Map<number, PlayedPod>()
  redis: Redis
  /** Where the pod of a cell says that its snapshot is. */
  readonly snapshots = new Map<number, string>()

  constructor(redis: Redis, name: string) {
    this.redis = redis
    this.h = new LogHarness(redis, CELLS)
    Object.assign(this.h, {
      name,
      cells: this.h.cells.map((log) => Object.assign(log, { keys: keysOf('test', name) })),
    })
  }
}

const scopeOf = (side: Side) => ({ namespace: 'test', name: side.h.name, clusters: CELLS, uid: identity(CELLS).uid })
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T

function operation(random: Random): Operation {
  const id = Math.floor(random() * 4)
  const owner = Math.floor(random() * CELLS)
  const version = Math.floor(random() * 30)
  const idempotency =
    random() < 0.2
      ? { idempotency: { key: `k${Math.floor(random() * 3)}`, digest: `d${Math.floor(random() * 2)}` } }
      : {}
  const made = pick(random, [
    () => upsert(id, owner, `"${version}"`, random() < 0.4 ? { copy: 1 - owner } : {}),
    () => upsert(id, owner, '"if"', { expect: `v${version}` }),
    () => remove(id),
    () => move(id, owner, version, '"moved"'),
    () => drop(id, version),
    () => edit(id, `"edit ${version}"`, random() < 0.5 ? '' : `v${version}`),
  ])()
  return { ...made, ...idempotency }
}

/**
 * The end of a cell's log, or, where that is gone, of one that was another for each cell: logs that are equal but for their
 * epochs have equal hashes where the epochs happen to be equal, and on the real server a millisecond may pass within a script.
 */
async function endOf(side: Side, cell: number): Promise<LogTip> {
  const end = await side.h.end(cell).catch(() => START)
  return end.hash === '' ? { position: { epoch: 1, seq: 1 }, hash: String(cell).repeat(20) } : end
}

/** For the same reason each log begins with an entry that names its cell. */
async function create(side: Side): Promise<void> {
  for (let cell = 0; cell < CELLS; cell++) await side.h.claim(`${cell}/0`, START)
  for (let cell = 0; cell < CELLS; cell++) {
    const log = side.h.cell(cell)
    await log.acquire(
      side.redis,
      `${cell}/0`,
      `${cell}/0#0#0`,
      60_000,
      await side.h.head(cell),
      await side.h.timeline(),
    )
    await log.release(side.redis, `${cell}/0#0#0`)
  }
}

/** One step, drawn once and played on each side. */
type Step = (side: Side) => Promise<unknown>

function draw(random: Random): Step {
  const cell = Math.floor(random() * CELLS)
  const seed = Math.floor(random() * 1e9)
  const heartbeat = (side: Side) =>
    ({
      pod: `${cell}/0`,
      cell,
      startId: '1',
      oldestSnapshot: side.snapshots.get(cell) ?? null,
      retentionPin: null,
      newestSnapshot: null,
    }) as Heartbeat
  const log = (side: Side) => side.h.cell(cell)
  const lead = (side: Side) => side.pods.get(cell)
  const steps: [weight: number, Step][] = [
    [
      8,
      async (side) => {
        const pod = lead(side)
        if (!pod) return 'nobody leads'
        const r = seededRandom(seed)
        return side.h.commit(
          pod,
          Array.from({ length: 1 + Math.floor(r() * 3) }, () => operation(r)),
        )
      },
    ],
    [
      2,
      async (side) => {
        const token = `${cell}/0#1#${seed}`
        const reply = await log(side).acquire(
          side.redis,
          `${cell}/0`,
          token,
          60_000,
          await side.h.head(cell),
          await side.h.timeline(),
        )
        if (reply[0] === 'OK') {
          const known = await side.h.end(cell)
          const leadOf = { epoch: reply[1] as string, token }
          side.pods.set(cell, { log: log(side), name: `${cell}/0`, lead: leadOf, known, batch: 0, connection: 0 })
        }
        // Milliseconds that are left are none of the protocol.
        return reply[0] === 'HELD' ? 'held' : reply
      },
    ],
    [
      2,
      async (side) =>
        side.redis === undefined || (lead(side) && releaseLeaseOf(side.redis, scopeOf(side), cell, `${cell}/0`, '1')),
    ],
    [
      1,
      async (side) => {
        const pod = lead(side)
        if (pod) pod.batch += seed % 2
        return pod?.batch
      },
    ],
    [
      1,
      async (side) => {
        const pod = lead(side)
        return pod && log(side).recoverBatch(side.redis, pod.lead, (pod.connection += 1))
      },
    ],
    [1, async (side) => lead(side) && log(side).renew(side.redis, (lead(side) as PlayedPod).lead, 60_000)],
    [
      1,
      async (side) =>
        lead(side) &&
        log(side).publish(side.redis, (lead(side) as PlayedPod).lead, seed % 3, Buffer.from([seed % 256, 7])),
    ],
    [1, async (side) => lead(side) && log(side).finishMigrationScan(side.redis, (lead(side) as PlayedPod).lead, 1)],
    [2, async (side) => log(side).heartbeat(side.redis, heartbeat(side))],
    [
      1,
      async (side) => {
        const head = await side.h.head(cell)
        const position = `${head.epoch}-${head.seq}`
        side.snapshots.set(cell, position)
        return log(side).pinRetention(side.redis, heartbeat(side), position)
      },
    ],
    [1, async (side) => lead(side) && log(side).trim(side.redis, (lead(side) as PlayedPod).lead, 1, [])],
    [
      1,
      async (side) =>
        removeMember(side.redis, scopeOf(side), { pod: `${cell}/0`, cell, startId: seed % 2 === 0 ? '1' : '2' }),
    ],
    [1, async (side) => log(side).reap(side.redis, seed % 8192)],
    [1, async (side) => readCut(side.redis, scopeOf(side), [1, 2, 3].map(idKey))],
    [
      1,
      async (side) => {
        const view = await readTopology(side.redis, scopeOf(side))
        // Fields of a hash have no order.
        return {
          ...view,
          members: view.members.map((one) => [one.pod, one.retentionPin, one.oldestSnapshot].join()).sort(),
        }
      },
    ],
    [2, async (side) => log(side).read(side.redis, ORIGIN, 1000, 0)],
    [
      3,
      async (side) => {
        const held = seed % 3 === 0 ? START : await side.h.end(cell).catch(() => START)
        const known = seed % 7 === 0 ? { ...held, position: { ...held.position, seq: held.position.seq + 2 } } : held
        return side.h.claim(`${cell}/${seed % 2}`, held, { known, knownPods: 2, windowMs: 0, token: 'r', version: 9 })
      },
    ],
    [1, async (side) => acceptLoss(side.redis, scopeOf(side))],
    [
      2,
      async (side) => {
        const repair = new RepairLog(side.redis, scopeOf(side), 'r')
        const copies = await Promise.all(
          [0, 1].map(async (of) => ({
            cell: of,
            pod: `${of}/0`,
            tip: await endOf(side, of),
            version: 9,
          })),
        )
        const done: unknown[] = []
        const tried = async (work: Promise<unknown>) => {
          done.push(await work.catch((error: Error) => error.message))
        }
        await tried(repair.begin(copies, 9, { version: 1, bytes: Buffer.from([1, 2]) }))
        const fix = {
          key: idKey(2),
          cell,
          type: 'T' as const,
          flag: '-' as const,
          userVersion: undefined,
          evicted: false,
        }
        await tried(repair.append([{ fix, row: new Uint8Array(0) }]))
        const value = { owner: cell, spill: null, source: null, userVersion: 3, version: 4 }
        await tried(repair.writeDirectory(0, 8192, new Map([[idKey(1), value]])))
        const known = { request: 'k0', digest: 'd0', at: 9_000_000_000_000, id: idKey(3) }
        await tried(
          repair.writeIdempotency([
            { ...known, result: 'A7,7,0' },
            { ...known, request: 'k1', result: 'N' },
            { ...known, at: 1, request: 'k2', result: 'N' },
          ]),
        )
        await tried(repair.finish(1, 0, 'a report'))
        return done
      },
    ],
    [
      1,
      async (side) => {
        const { keys, next } = await scanDirectory(side.redis, scopeOf(side), cell, seed % 8192, 3)
        return [keys.sort(), next]
      },
    ],
    [
      1,
      async (side) => {
        const key = idKey(seed % 4)
        const expected = (await readDirectoryTexts(side.redis, scopeOf(side), [key]))?.texts[0] ?? ''
        const value = { owner: cell, spill: null, source: null, userVersion: 3, version: 4 }
        const amendment = { key, expected: seed % 3 === 0 ? 'another' : expected, value, stale: [1 - cell] }
        const token = lead(side)?.lead.token ?? ''
        const counters = { rows: seed % 2, copies: 0 }
        const history = seed % 5 === 0 ? 0 : await side.h.timeline()
        return correctDirectory(side.redis, { ...scopeOf(side), cell }, token, history, [amendment], counters)
      },
    ],
    [0.3, async (side) => reportRegression(side.redis, scopeOf(side), [`1-${seed % 20}`, '0-0'])],
    [1, async (side) => side.redis.del(keysOf('test', side.h.name).log(cell))],
  ]
  let at = random() * steps.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, step] of steps) {
    at -= weight
    if (at < 0) return step
  }
  throw new Error('no step')
}

/** What a real server keeps under a collection, as SimRedis.dump() tells it. */
async function dumpOf(redis: Redis, name: string): Promise<Record<string, unknown>> {
  const dump: Record<string, unknown> = {}
  for (const key of (await redis.keys(`maks:{test/${name}}*`)).sort()) {
    const type = await redis.type(key)
    if (type === 'hash')
      dump[key] = Object.fromEntries(Object.entries(await redis.hgetall(key)).sort(([a], [b]) => (a < b ? -1 : 1)))
    else if (type === 'string') dump[key] = (await redis.getBuffer(key))?.toString('latin1')
    else if (type === 'zset') dump[key] = (await redis.zrange(key, '0', '-1')).sort()
    else
      dump[key] = (await redis.xrangeBuffer(key, '-', '+')).map(([id, fields]) => [
        id.toString(),
        fields.map((field) => field.toString('latin1')),
      ])
  }
  return dump
}

/** Without times; texts that are JSON with their fields in order. */
function comparable(dump: Record<string, unknown>): unknown {
  const value = (name: string, text: unknown) => {
    if (name === 'first' || name === 'until') return 'a time'
    if (typeof text !== 'string' || !text.startsWith('{')) return text
    return Object.entries(JSON.parse(text) as object).sort(([a], [b]) => (a < b ? -1 : 1))
  }
  return Object.entries(dump)
    .filter(([key]) => !key.endsWith(':lease'))
    .map(([key, kept]) => [
      key,
      kept !== null && typeof kept === 'object' && !Array.isArray(kept)
        ? Object.entries(kept).map(([name, text]) => [name, value(name, text)])
        : kept,
    ])
}

describe('the simulated Redis', () => {
  it('answers as the real one does, and keeps the same, over 40 random histories of all scripts', async () => {
    let same = 0
    for (let seed = 0; seed < 40; seed++) {
      await real.client.flushall()
      const random = seededRandom(seed)
      const sim = new SimRedis()
      const sides = [new Side(real.client, 'diff'), new Side(sim.client, 'diff')] as const
      for (const side of sides) await create(side)
      for (let i = 0; i < STEPS; i++) {
        const step = draw(random)
        sim.now += 3
        // So that what is counted in milliseconds never coincides on one side alone.
        await sleep(2)
        const [expected, found] = await Promise.all(
          sides.map(async (side) => side.names.of((await step(side).catch((error: Error) => error.message)) ?? null)),
        )
        expect(found, `seed ${seed}, step ${i}`).toBe(expected)
        same++
      }
      const [kept, simulated] = [await dumpOf(real.client, 'diff'), sim.dump()]
      expect(new Names().of(comparable(simulated)), `seed ${seed}`).toBe(new Names().of(comparable(kept)))
    }
    expect(same).toBe(40 * STEPS)
  })
})

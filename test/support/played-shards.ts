/**
 * What a router sees of a collection whose pods are played: leases, heartbeats and cuts are in a real Redis, and each pod
 * listens on a port of its own and answers as its test says.
 */
import type { Server } from 'node:http'
import { pino } from 'pino'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { type Chunk, decodeFrame, encodeFrame, FRAME_TYPE } from '../../protocol/frame.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { Collection } from '../../router/cluster/collection.ts'
import { closeServer, listen, makeServer, readBody, send } from '../../runtime/http-server.ts'
import { inSlices } from '../../runtime/slices.ts'
import { until } from '../../runtime/until.ts'
import { identity, LogHarness, type PlayedPod } from './log-harness.ts'
import type { TestRedis } from './redis.ts'

const BODY_BYTES_MAX = 1024 * 1024
const LOCALHOST = '127.0.0.1'

/** A request of the router, and what breaks its connection off in the place of an answer. */
export interface Asked {
  path: string
  header: Record<string, unknown>
  breakOff: () => void
}

export interface Answer {
  header: unknown
  chunks?: Chunk[]
}

/** Throws a MaksError to refuse; a promise that does not end is a pod that hangs. */
export type Answering = (asked: Asked) => Answer | Promise<Answer>

export class PlayedShard {
  readonly pod: string
  readonly asked: Asked[] = []
  answer: Answering
  readonly #server: Server
  port = 0

  constructor(pod: string, answer: Answering) {
    this.pod = pod
    this.answer = answer
    this.#server = makeServer(async (request, response, url) => {
      const { header } = await inSlices(decodeFrame<Record<string, unknown>>(await readBody(request, BODY_BYTES_MAX)))
      const asked = { path: url.pathname, header, breakOff: () => request.socket.destroy() }
      this.asked.push(asked)
      const { header: answered, chunks } = await this.answer(asked)
      send(response, 200, FRAME_TYPE, encodeFrame(answered, chunks))
    })
  }

  async listen(): Promise<void> {
    this.port = await listen(this.#server, LOCALHOST, this.port, false)
  }

  /** The requests of one path. */
  of(path: string): Asked[] {
    return this.asked.filter((one) => one.path === path)
  }

  close(): Promise<void> {
    return closeServer(this.#server, 0)
  }
}

export function configOf(name: string, clusters: number, redisUrl: string): CollectionConfig {
  const { shape, uid, owner, since, ownRedis } = identity(clusters)
  return {
    collection: name,
    namespace: 'test',
    name,
    uid,
    owner,
    since,
    ownRedis,
    vectors: { '': { size: 2, metric: shape.vectors[''].metric } },
    clusters,
    replicas: 1,
    centroidSource: 'Random',
    seed: 1,
    sampleSize: 1000,
    recallTarget: 0.9,
    redundantStorage: 1,
    durability: 'Fsync',
    redisUrl,
    walBudgetBytes: 1e9,
  }
}

/** One pod of each cell leads, unless a test asks for more pods. */
export class PlayedCollection {
  readonly log: LogHarness
  readonly collection: Collection
  readonly shards: PlayedShard[] = []
  readonly primaries: PlayedPod[] = []

  private constructor(log: LogHarness, redis: TestRedis) {
    this.log = log
    this.collection = new Collection(configOf(log.name, log.cells.length, redis.url), pino({ level: 'silent' }))
  }

  /** Returns once the router's view has a primary of every cell. */
  static async start(redis: TestRedis, cells: number, pods: Record<string, Answering>): Promise<PlayedCollection> {
    const log = new LogHarness(redis.client, cells)
    await log.create()
    const played = new PlayedCollection(log, redis)
    for (const [pod, answer] of Object.entries(pods)) {
      const shard = new PlayedShard(pod, answer)
      played.shards.push(shard)
      await shard.listen()
      await played.beat(shard)
    }
    for (let cell = 0; cell < cells; cell++) played.primaries.push(await log.lead(cell))
    await until('a view of every primary', async () => {
      await played.collection.refresh()
      return Array.from({ length: cells }, (_, cell) => played.collection.leader(cell)).every(Boolean)
    })
    return played
  }

  async beat({ pod, port }: PlayedShard): Promise<void> {
    const [cell = 0, ordinal = 0] = pod.split('/').map(Number)
    const heartbeat = { pod, cell, ordinal, address: LOCALHOST, port, applied: '0-0', startId: pod } as Heartbeat
    await this.log.cell(cell).heartbeat(this.log.redis, heartbeat)
  }

  shard(pod: string): PlayedShard {
    const shard = this.shards.find((one) => one.pod === pod)
    if (!shard) throw new Error(`no pod ${pod}`)
    return shard
  }

  /** Another pod of the cell takes the lease, as after the death of its primary. */
  async deposed(cell: number, pod: string): Promise<void> {
    await this.log.redis.del(this.log.cell(cell).keys.lease(cell))
    this.primaries[cell] = await this.log.lead(cell, pod)
  }

  async close(): Promise<void> {
    this.collection.close()
    await Promise.all(this.shards.map((shard) => shard.close()))
  }
}

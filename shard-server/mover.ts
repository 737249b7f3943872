/**
 * Puts rows where the centroids want them. The primary of cell 0 makes the first centroids; then the primary of each cell
 * walks its rows: a misplaced one is moved (and lingers here), a lingering one is dropped once the primary of its new cell
 * has applied the move. A walk that finds neither is entered in the log. Any crash leaves work for the next walk.
 */
import { readFile } from 'node:fs/promises'
import { asMaksError, MaksError } from '../core/errors.ts'
import { randomCentroids } from '../core/kmeans.ts'
import type { Partition } from '../core/partition.ts'
import { parsePosition } from '../core/position.ts'
import { parseInSlices } from '../core/sliced-json.ts'
import { bytesOf, float32View, parseCentroids } from '../core/vector.ts'
import { type CentroidsRequest, RPC, type SampleRequest, type WaitRequest } from '../protocol/shard-rpc.ts'
import { sleep } from '../runtime/lifecycle.ts'
import { inSlices } from '../runtime/slices.ts'
import type { Operation, Progress } from '../store/cell-log.ts'
import { RedisLink } from '../store/redis-link.ts'
import { readCut } from '../store/topology.ts'
import type { Committer } from './committer.ts'
import type { Election } from './election.ts'
import type { HeartbeatLoop } from './heartbeat.ts'
import { callPeer, leaders } from './peers.ts'
import type { Pod } from './pod.ts'
import type { Replica } from './replica.ts'

const TICK_MS = 250
/** Moves committed together. */
const MOVES_PER_STEP = 128
const SERVED_TIMEOUT_MS = 10_000
/** FAISS' rule of thumb: more training points than this for each centroid change little. */
const SAMPLE_PER_CENTROID = 256
const SAMPLE_MIN = 10_000

export class Mover {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #election: Election
  readonly #heartbeat: HeartbeatLoop
  readonly #committer: Committer
  readonly #link: RedisLink
  #closed = false
  #publishing: Promise<number> | undefined

  constructor(pod: Pod, replica: Replica, election: Election, heartbeat: HeartbeatLoop, committer: Committer) {
    this.#pod = pod
    this.#replica = replica
    this.#election = election
    this.#heartbeat = heartbeat
    this.#committer = committer
    this.#link = new RedisLink(pod.config.redisUrl)
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      await sleep(TICK_MS)
      const progress = this.#heartbeat.progress
      if (this.#election.role !== 'primary' || !progress?.gateOpen) continue
      try {
        if (progress.centroidVersion === 0) await this.#firstCentroids(progress)
        else if (progress.walked < progress.centroidVersion) await this.#walk(progress.centroidVersion)
      } catch (thrown) {
        this.#pod.logger.warn({ error: asMaksError(thrown).message }, 'moving rows goes on later')
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#link.drop()
  }

  async #firstCentroids(progress: Progress): Promise<void> {
    const { config, env } = this.#pod
    if (env.MAKSDB_CELL !== 0) return
    if (config.centroidSource === 'Random') {
      await this.#publish(async () => randomCentroids(config.metric, config.dimension, config.clusters, config.seed))
    } else if (config.centroidSource === 'Supplied') {
      const file = config.centroidsFile
      if (file !== undefined)
        await this.#publish(async () => {
          const given = await inSlices(parseInSlices(await readFile(file)))
          return inSlices(parseCentroids(given, config))
        })
    } else if (config.clusters > 1 && progress.rows >= config.sampleSize) {
      await this.#publish(() => this.#train())
    }
  }

  /** Centroids on request. Returns the new version. Throws CONFLICT where there are some already. */
  async install(request: CentroidsRequest, uploaded: Buffer | undefined): Promise<number> {
    const { config, env } = this.#pod
    if (env.MAKSDB_CELL !== 0 || this.#election.role !== 'primary')
      throw new MaksError('NOT_PRIMARY', 'only the primary of cell 0 changes centroids', {
        details: { notExecuted: true },
      })
    if ((this.#heartbeat.progress?.centroidVersion ?? 0) > 0)
      throw new MaksError('CONFLICT', 'the collection has centroids; re-clustering is not built yet')
    if (request.action === 'train') return this.#publish(() => this.#train())
    return this.#publish(async () => {
      if (uploaded?.byteLength !== 4 * config.clusters * config.dimension)
        throw new MaksError('BAD_REQUEST', 'the centroids have the wrong size')
      return float32View(uploaded)
    })
  }

  #publish(make: () => Promise<Float32Array>): Promise<number> {
    this.#publishing ??= this.#publishOnce(make).finally(() => {
      this.#publishing = undefined
    })
    return this.#publishing
  }

  async #publishOnce(make: () => Promise<Float32Array>): Promise<number> {
    const lead = this.#election.lead
    if (!lead) throw new MaksError('NOT_PRIMARY', 'another pod leads now', { details: { notExecuted: true } })
    const centroids = await make()
    const reply = await this.#link.use((redis) => this.#pod.log.publish(redis, lead, 0, bytesOf(centroids)))
    if (reply[0] === 'CONFLICT') throw new MaksError('CONFLICT', `the collection has centroids of version ${reply[1]}`)
    if (reply[0] !== 'OK')
      throw new MaksError('NOT_PRIMARY', `the log refused the centroids: ${reply[0]}`, {
        details: { notExecuted: true },
      })
    this.#pod.logger.info({ version: reply[1] }, 'published centroids')
    // The next tick must know of them, or it would train again.
    await this.#heartbeat.send()
    return Number(reply[1])
  }

  async #train(): Promise<Float32Array> {
    const { config, index, logger } = this.#pod
    const wanted = Math.min(config.sampleSize, Math.max(SAMPLE_MIN, SAMPLE_PER_CENTROID * config.clusters))
    const parts: Float32Array[] = []
    for (const leader of await leaders(this.#pod, this.#link)) {
      if (!leader)
        throw new MaksError('NO_PRIMARY', 'training waits until every cell has a primary', {
          details: { notExecuted: true },
        })
      const request: SampleRequest = { limit: Math.ceil(wanted / config.clusters) }
      const { chunks } = await callPeer(this.#pod, leader, RPC.sample, request)
      if (chunks[0]) parts.push(float32View(chunks[0]))
    }
    const points = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
    parts.reduce((at, part) => {
      points.set(part, at)
      return at + part.length
    }, 0)
    if (points.length < config.clusters * config.dimension)
      throw new MaksError('BAD_REQUEST', 'training needs at least one point for each cluster')
    const { centroids, sizes, iterations } = await index.call('train', {
      points,
      clusters: config.clusters,
      seed: config.seed,
    })
    logger.info({ sizes, iterations, sample: points.length / config.dimension }, 'trained centroids')
    return centroids
  }

  async #walk(version: number): Promise<void> {
    const { config, log, index } = this.#pod
    const stored = await this.#link.use((redis) => log.centroids(redis))
    if (stored?.version !== version) return
    const { metric, dimension, clusters } = config
    const partition: Partition = { version, metric, dimension, clusters, centroids: float32View(stored.bytes) }
    const head = parsePosition(this.#heartbeat.progress?.head ?? '0-0').seq
    if (!(await this.#replica.waitApplied(head, SERVED_TIMEOUT_MS))) return
    const compactions = this.#replica.stats?.compactions
    let found = 0
    for (let from: number | null = 0; from !== null && !this.#closed; ) {
      const step: Awaited<ReturnType<typeof index.call<'walk'>>> = await index.call('walk', {
        cell: this.#pod.env.MAKSDB_CELL,
        partition,
        redundantStorage: config.redundantStorage,
        from,
        limit: MOVES_PER_STEP,
      })
      const lingering = [...step.lingering]
      found += step.misplaced.length + lingering.length
      if (step.misplaced.length > 0) lingering.push(...(await this.#move(step.misplaced, version)))
      if (lingering.length > 0) await this.#drop(lingering)
      from = step.next
    }
    const lead = this.#election.lead
    if (found > 0 || this.#closed || !lead || this.#replica.stats?.compactions !== compactions) return
    await this.#link.use((redis) => log.walked(redis, lead, version))
    await this.#heartbeat.send()
    this.#pod.logger.info({ version }, 'every row is in its cell')
  }

  async #move(
    rows: { key: Operation['key']; version: number; owner: number; copy: number | null; row: Uint8Array }[],
    centroidVersion: number,
  ) {
    const moves = rows.map(
      ({ key, version, owner, copy, row }): Operation => ({
        type: 'M',
        key,
        owner,
        copy,
        expect: `o${version}`,
        centroidVersion,
        row,
      }),
    )
    const { results } = await this.#committer.commit(moves)
    return results.flatMap((result, i) =>
      result.outcome === 'applied' ? [{ key: (moves[i] as Operation).key, version: result.ordering }] : [],
    )
  }

  /** Drops rows that lingered, once the primaries of all cells have applied everything that is in the logs now. */
  async #drop(rows: { key: Operation['key']; version: number }[]): Promise<void> {
    const cut = await this.#link.use((redis) => readCut(redis, this.#pod.log.scope, []))
    if (!cut) return
    const served = await leaders(this.#pod, this.#link)
    await Promise.all(
      served.map(async (leader, cell) => {
        if (!leader)
          throw new MaksError('NO_PRIMARY', `cell ${cell} has no primary`, { details: { notExecuted: true } })
        const request: WaitRequest = {
          seq: cut.heads[cell]?.seq ?? 0,
          history: cut.history,
          timeoutMs: SERVED_TIMEOUT_MS,
        }
        await callPeer(this.#pod, leader, RPC.wait, request, [], SERVED_TIMEOUT_MS + 1000)
      }),
    )
    await this.#committer.commit(rows.map(({ key, version }): Operation => ({ type: 'L', key, expect: `o${version}` })))
  }
}

/**
 * Moves rows to the cells of their nearest centroids. The primary of cell 0 makes the first centroids; then the primary of
 * each cell scans its rows: a misplaced row is moved, and stays here as a source row, which is dropped once the primary of
 * its new cell has applied the move. A migration scan that finds neither is entered in the log. Any crash leaves work for the next scan.
 */
import { readFile } from 'node:fs/promises'
import { MaksError } from '../../core/errors.ts'
import { parseInSlices } from '../../core/json/sliced-json.ts'
import { randomCentroids } from '../../core/kmeans.ts'
import { parsePosition } from '../../core/log/position.ts'
import { assertCentroids, type Partition } from '../../core/partition.ts'
import { bytesOf, float32View, parseCentroids } from '../../core/vector.ts'
import { type CentroidsRequest, RPC, type SampleRequest, type WaitRequest } from '../../protocol/shard-rpc.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { HeartbeatReply, Operation } from '../../store/cell-log.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { readCut } from '../../store/topology.ts'
import type { Committer } from '../log/committer.ts'
import type { Election } from '../log/election.ts'
import type { HeartbeatLoop } from '../log/heartbeat.ts'
import type { Replica } from '../log/replica.ts'
import type { WriteAdmission } from '../log/write-admission.ts'
import { callPeer, leaders } from '../pod/peers.ts'
import type { Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'

const TICK_MS = 250
/** Moves committed together. */
const MOVES_PER_STEP = 128
const SERVED_TIMEOUT_MS = 10_000
/** After a scan that had to leave rows where they are. */
const NO_ROOM_PAUSE_MS = 5000
/** FAISS' rule of thumb: more training points than this for each centroid change little. */
const SAMPLE_PER_CENTROID = 256
const SAMPLE_MIN = 10_000

export class Rebalancer {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #election: Election
  readonly #heartbeat: HeartbeatLoop
  readonly #committer: Committer
  readonly #admission: Pick<WriteAdmission, 'hasRoom'>
  readonly #link: RedisLink
  readonly #loop: PodLoop
  #publishing: Promise<number> | undefined

  constructor(
    pod: Pod,
    replica: Replica,
    election: Election,
    heartbeat: HeartbeatLoop,
    committer: Committer,
    admission: Pick<WriteAdmission, 'hasRoom'>,
  ) {
    this.#pod = pod
    this.#replica = replica
    this.#election = election
    this.#heartbeat = heartbeat
    this.#committer = committer
    this.#admission = admission
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#loop = new PodLoop(pod, {
      name: 'rebalancer',
      level: 'warn',
      failed: 'the rebalancer stopped at an error, and retries',
      pauseMs: () => TICK_MS,
    })
  }

  run(): Promise<void> {
    return this.#loop.run(async () => {
      const progress = this.#heartbeat.progress
      if (this.#election.role !== 'primary' || !progress?.gateOpen) return
      if (progress.centroidVersion === 0) await this.#firstCentroids(progress)
      else if (progress.migrated < progress.centroidVersion) await this.#scan(progress.centroidVersion)
    })
  }

  close(): void {
    this.#loop.close()
    this.#link.drop()
  }

  async #firstCentroids(progress: HeartbeatReply): Promise<void> {
    const { config, env } = this.#pod
    if (env.MAKSDB_CELL !== 0) return
    if (config.centroidSource === 'Random') {
      await this.#publish(async () =>
        randomCentroids(config.vectors[''].metric, config.vectors[''].size, config.clusters, config.seed),
      )
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
      if (uploaded?.byteLength !== 4 * config.clusters * config.vectors[''].size)
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
    const { clusters, vectors } = this.#pod.config
    assertCentroids(centroids.byteLength, vectors[''].size, clusters)
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
    if (points.length < config.clusters * config.vectors[''].size)
      throw new MaksError('BAD_REQUEST', 'training needs at least one point for each cluster')
    const { centroids, sizes, iterations } = await index.call('train', {
      points,
      clusters: config.clusters,
      seed: config.seed,
    })
    logger.info({ sizes, iterations, sample: points.length / config.vectors[''].size }, 'trained centroids')
    return centroids
  }

  async #scan(version: number): Promise<void> {
    const { config, log, index } = this.#pod
    const stored = await this.#link.use((redis) => log.centroids(redis))
    if (stored?.version !== version) return
    const { size: dimension, metric } = config.vectors['']
    const { clusters } = config
    const partition: Partition = { version, metric, dimension, clusters, centroids: float32View(stored.bytes) }
    const head = parsePosition(this.#heartbeat.progress?.head ?? '0-0').seq
    if (!(await this.#replica.waitApplied(head, AbortSignal.timeout(SERVED_TIMEOUT_MS)))) return
    let found = 0
    let left = 0
    for (let from: number | null = 0; from !== null && !this.#loop.closed; ) {
      const step: Awaited<ReturnType<typeof index.call<'migrationScan'>>> = await index.call('migrationScan', {
        cell: this.#pod.env.MAKSDB_CELL,
        partition,
        redundantStorage: config.redundantStorage,
        from,
        limit: MOVES_PER_STEP,
      })
      const source = [...step.source]
      found += step.misplaced.length + source.length
      const movable = step.misplaced.filter(({ owner }) => this.#admission.hasRoom(owner))
      left += step.misplaced.length - movable.length
      if (movable.length > 0) source.push(...(await this.#move(movable, version)))
      if (source.length > 0) await this.#drop(source)
      from = step.next
    }
    if (left > 0) await this.#loop.pause(NO_ROOM_PAUSE_MS)
    const lead = this.#election.lead
    if (found > 0 || this.#loop.closed || !lead) return
    await this.#link.use((redis) => log.finishMigrationScan(redis, lead, version))
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
        copy: copy !== null && this.#admission.hasRoom(copy) ? copy : null,
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

  /** Drops source rows, once the primaries of all cells have applied everything that is in the logs now. */
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
          timeline: cut.timeline,
        }
        await callPeer(this.#pod, leader, RPC.wait, request, [], SERVED_TIMEOUT_MS)
      }),
    )
    await this.#committer.commit(rows.map(({ key, version }): Operation => ({ type: 'L', key, expect: `o${version}` })))
  }
}

/**
 * Redis comes back without the last two seconds of its file, and every shard was killed with it: what is lost then, at which
 * level, and is all of it told? The file is cut where it ended two seconds before the kill, as a failover to a replica that
 * lagged behind would have it.
 */
import { statSync, truncateSync } from 'node:fs'
import type { Durability } from '../../core/durability.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { runCli, TestCluster } from '../support/cluster.ts'
import { appendOnlyFile } from '../support/redis.ts'

export interface TailLoss {
  /** Writes acknowledged in the part of the log that Redis lost. */
  inTail: number
  /** Of all acknowledged writes, those that a strong read did not find. */
  lost: number
  /** What was said of it, '' where nothing was: a person was asked before anything went on. */
  told: string
  /** Entries that were said to be lost. */
  toldEntries: number
}

const TAIL_MS = 2000
const WRITERS = 4
const CELLS = 2

export class TailLossTrials {
  readonly cluster: TestCluster
  #next = 1

  private constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  static async start(durability: Durability): Promise<TailLossTrials> {
    const cluster = await TestCluster.start({
      spec: { dimension: 2, clusters: CELLS, replicas: 2, durability, centroids: { source: 'Random', seed: 1 } },
    })
    await cluster.settled()
    return new TailLossTrials(cluster)
  }

  async trial(): Promise<TailLoss> {
    const { cluster } = this
    const acknowledged: number[] = []
    const end = new AbortController()
    const writing = Array.from({ length: WRITERS }, async () => {
      while (!end.signal.aborted) {
        const id = this.#next++
        const point = { id, vector: [Math.sin(id), Math.cos(id)], payload: { n: id } }
        const answer = await cluster
          .fetch('PUT', '/collections/things/points?wait=true&timeout=5', { points: [point] })
          .catch(() => undefined)
        if (answer?.status === 200) acknowledged.push(id)
      }
    })
    await sleep(1000)
    const file = appendOnlyFile(cluster.redisFiles)
    const { size } = statSync(file)
    const before = acknowledged.length
    await sleep(TAIL_MS)
    await cluster.killAll()
    end.abort()
    await Promise.all(writing)
    truncateSync(file, size)
    const started = runCli(['start', '--data-dir', cluster.dataDir, '--port', String(cluster.port)])
    const told = await this.#untilOpen()
    await started
    const found = new Set<unknown>()
    for (let at = 0; at < acknowledged.length; at += 500)
      for (const { id } of await cluster.collection.get(acknowledged.slice(at, at + 500), { consistency: 'strong' }))
        found.add(id)
    return {
      inTail: acknowledged.length - before,
      lost: acknowledged.filter((id) => !found.has(id)).length,
      told,
      toldEntries: entriesOf(told),
    }
  }

  /** Accepts the loss where one is told; returns what was told. */
  async #untilOpen(): Promise<string> {
    let told = ''
    await until(
      'the collection to open',
      async () => {
        const { gate, regressed } = (await this.cluster.topology().catch(() => undefined)) ?? {}
        if (regressed?.includes('no pod holds')) {
          told = regressed
          await this.cluster.client.acceptLoss('things').catch(() => undefined)
        }
        return gate === 'open' || undefined
      },
      90_000,
    )
    await this.cluster.allFollow()
    return told
  }
}

/** "cell 1: no pod holds the entries after 12-100 up to 12-130": 30. */
function entriesOf(told: string): number {
  return [...told.matchAll(/after \d+-(\d+) up to \d+-(\d+)/g)].reduce(
    (sum, [, from, to]) => sum + Number(to) - Number(from),
    0,
  )
}

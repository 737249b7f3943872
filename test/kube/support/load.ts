/** Writers and readers with an unmodified Qdrant client, and what they saw: acknowledged writes, failed reads, gaps. */
import { QdrantClient } from '@qdrant/js-client-rest'
import { sleep } from '../../../runtime/lifecycle.ts'

const RETRY_MS = 20
/** Between two requests of one writer or reader: a client that never rests takes the processor that new pods start on. */
const PAUSE_MS = 50

export interface LoadReport {
  acknowledged: number
  reads: number
  failedReads: string[]
  /** Longest time between two acknowledged writes to each cell, ms, and the 99th percentile of all. */
  gaps: { cell: number; maxMs: number; p99Ms: number }[]
  lost: number[]
}

/** One writer for each of `centres`, whose vectors lie in its cell, and two readers. */
export class Load {
  readonly #client: QdrantClient
  readonly #collection: string
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[]
  /** id -> cell, of every write that was acknowledged. */
  readonly #acknowledged = new Map<number, number>()
  readonly #times: number[][]
  readonly #failedReads: string[] = []
  #reads = 0
  #next: number

  constructor(at: { host: string; apiKey: string }, collection: string, centres: readonly number[][], firstId = 0) {
    this.#client = new QdrantClient({
      host: at.host,
      port: 6333,
      apiKey: at.apiKey,
      https: false,
      timeout: 30_000,
      checkCompatibility: false,
    })
    this.#collection = collection
    this.#next = firstId
    this.#times = centres.map(() => [])
    this.#running = [
      ...centres.map((centre, cell) => this.#write(centre, cell)),
      this.#read(centres),
      this.#read(centres),
    ]
  }

  async #write(centre: number[], cell: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const id = this.#next++
      const points = [{ id, vector: centre.map((value) => value + (id % 97) / 1e4), payload: { id } }]
      // The same point again is the same state: a write of unknown outcome is sent until it is acknowledged.
      for (;;) {
        try {
          await this.#client.upsert(this.#collection, { wait: true, points })
          break
        } catch {
          if (this.#stop.signal.aborted) return
          await sleep(RETRY_MS)
        }
      }
      this.#acknowledged.set(id, cell)
      this.#times[cell]?.push(performance.now())
      await sleep(PAUSE_MS)
    }
  }

  async #read(centres: readonly number[][]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const query = centres[this.#reads++ % centres.length] as number[]
      try {
        await this.#client.query(this.#collection, { query, limit: 3, with_payload: true })
      } catch (error) {
        this.#failedReads.push(
          `${new Date().toISOString()} ${String(error)} ${JSON.stringify((error as { data?: unknown }).data ?? '')}`,
        )
      }
      await sleep(PAUSE_MS)
    }
  }

  get acknowledged(): number {
    return this.#acknowledged.size
  }

  async end(): Promise<LoadReport> {
    this.#stop.abort()
    await Promise.all(this.#running)
    return {
      acknowledged: this.#acknowledged.size,
      reads: this.#reads,
      failedReads: this.#failedReads,
      gaps: this.#times.map((times, cell) => {
        const gaps = times.slice(1).map((time, i) => time - (times[i] as number))
        const sorted = gaps.toSorted((a, b) => a - b)
        return {
          cell,
          maxMs: Math.round(sorted.at(-1) ?? 0),
          p99Ms: Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0),
        }
      }),
      lost: await this.missing(),
    }
  }

  /** Acknowledged points that are not there. */
  async missing(): Promise<number[]> {
    const ids = [...this.#acknowledged.keys()]
    const missing: number[] = []
    for (let from = 0; from < ids.length; from += 500) {
      const asked = ids.slice(from, from + 500)
      const found = await this.#client.retrieve(this.#collection, { ids: asked })
      const has = new Set(found.map(({ id }) => id))
      missing.push(...asked.filter((id) => !has.has(id)))
    }
    return missing
  }
}

/** Writers that never stop, and remember what was acknowledged: the least that must be there at the end. */
import type { PointId } from '../../client/src/index.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { within } from '../../runtime/until.ts'
import type { TestCluster } from './cluster.ts'

export interface Acknowledged {
  /** The last acknowledged number of each id; undefined for an acknowledged delete. */
  numbers: Map<PointId, number | undefined>
  /** Ids whose last write has an unknown outcome: they may hold it, or what was acknowledged before. */
  unknown: Map<PointId, Set<number | undefined>>
  /** All ids that these writers ever sent a write for. */
  written: Set<PointId>
  writes: number
  failures: Map<string, number>
  /** Longest time without an acknowledged write. */
  gapMs: number
}

export interface WriterOptions {
  writers: number
  idsPerWriter: number
  vector: (id: number, n: number) => number[]
  /** Share of deletes. */
  deletes?: number
  /** Where the ids begin: writers of one collection must not share ids. */
  firstId?: number
}

export class Writers {
  readonly state: Acknowledged = {
    numbers: new Map(),
    unknown: new Map(),
    written: new Set(),
    writes: 0,
    failures: new Map(),
    gapMs: 0,
  }
  readonly #cluster: TestCluster
  readonly #options: WriterOptions
  readonly #running: Promise<void>[]
  #stopped = false
  #lastAck = performance.now()

  constructor(cluster: TestCluster, options: WriterOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#running = Array.from({ length: options.writers }, (_, writer) => this.#write(writer))
  }

  /** Each writer has ids of its own, so that the last acknowledged write of an id is known. */
  async #write(writer: number): Promise<void> {
    const { idsPerWriter, vector, deletes = 0, firstId = 0 } = this.#options
    for (let n = 1; !this.#stopped; n++) {
      const id = firstId + writer * 1_000_000 + ((n * 7919) % idsPerWriter)
      const remove = Math.random() < deletes
      this.state.written.add(id)
      try {
        // One try only: what a retry would hide is what these tests look at.
        const response = await fetch(
          `${this.#cluster.url}/collections/${this.#cluster.name}/points${remove ? '/delete' : ''}?wait=true&timeout=10`,
          {
            method: remove ? 'POST' : 'PUT',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(
              remove ? { points: [id] } : { points: [{ id, vector: vector(id, n), payload: { n } }] },
            ),
          },
        )
        await this.#note(id, remove ? undefined : n, response.status)
      } catch {
        await this.#note(id, remove ? undefined : n, 0)
      }
    }
  }

  async #note(id: number, number: number | undefined, status: number): Promise<void> {
    const { state } = this
    if (status === 200) {
      state.gapMs = Math.max(state.gapMs, performance.now() - this.#lastAck)
      this.#lastAck = performance.now()
      state.numbers.set(id, number)
      state.unknown.delete(id)
      state.writes++
      return
    }
    state.failures.set(String(status), (state.failures.get(String(status)) ?? 0) + 1)
    // 503 and 429 say that nothing was applied; a broken connection and 504 say nothing.
    if (status === 504 || status === 0) state.unknown.set(id, (state.unknown.get(id) ?? new Set()).add(number))
    await sleep(20)
  }

  resetGap(): void {
    this.#lastAck = performance.now()
    this.state.gapMs = 0
  }

  async stop(): Promise<Acknowledged> {
    this.#stopped = true
    await Promise.all(this.#running)
    return this.state
  }
}

/** Ids whose stored number is neither the acknowledged one nor one of unknown outcome: lost, resurrected or invented. */
export async function violations(cluster: TestCluster, state: Acknowledged): Promise<string[]> {
  const found: string[] = []
  const seen = new Map<PointId, number>()
  for await (const { id, payload } of cluster.collection.scroll({ consistency: 'strong', batch: 1000 })) {
    if (seen.has(id)) found.push(`${String(id)} twice`)
    seen.set(id, payload.n as number)
  }
  for (const [id, number] of state.numbers) {
    const stored = seen.get(id)
    if (stored !== number && !state.unknown.get(id)?.has(stored))
      found.push(`${String(id)}: acknowledged ${number}, stored ${stored}`)
  }
  for (const [id, number] of seen) {
    if (!state.written.has(id)) continue
    if (!state.numbers.has(id) && !state.unknown.get(id)?.has(number))
      found.push(`${String(id)}: stored ${number}, never acknowledged`)
  }
  return found
}

/** Waits for writes to flow again after a fault. */
export async function flowing(writers: Writers, more = 50, timeoutMs = 30_000): Promise<void> {
  const from = writers.state.writes
  const flows = await within({ limitMs: timeoutMs, everyMs: 20 }, () => writers.state.writes >= from + more)
  if (!flows) throw new Error(`no writes: ${JSON.stringify([...writers.state.failures])}`)
}

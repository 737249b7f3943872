/** The reads: search, retrieve, scroll, count. Free of HTTP; each says how it was answered. */
import { asMaksError, MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import { checkLimit } from '../../core/limits.ts'
import { mergeHits, mergePages } from '../../core/merge.ts'
import { passesThreshold, scoreOf } from '../../core/metric.ts'
import { probesForRecall, rankCells } from '../../core/partition.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import {
  type CountResponse,
  type HitRow,
  type RowHeader,
  type RowsResponse,
  RPC,
  type SearchResponse,
} from '../../protocol/shard-rpc.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import { tokenText } from '../cluster/session-token.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { type CellAnswer, type ReadLevel, readCell } from './cell-read.ts'
import { type LevelOptions, levelFor, scattered } from './consistency.ts'
import type { ReadReport } from './read-report.ts'

export interface ReadOptions extends LevelOptions {
  timeoutMs: number
  withPayload: boolean
  withVector: boolean
}

export interface SearchOptions extends ReadOptions {
  exact: boolean
  probes: number | undefined
  recallTarget: number | undefined
  /** Answer with what there is where a cell has no live pod. */
  partial: boolean
}

export interface Query {
  vector: Float32Array
  limit: number
  offset: number
  scoreThreshold: number | undefined
  /** The point that the query came from, which is no answer to itself. */
  exclude: IdKey | undefined
}

export interface ScoredPoint extends HitRow {
  score: number
  vector?: Float32Array
  payload?: Buffer
}

export interface Point extends RowHeader {
  vector?: Float32Array
  /** JSON text. */
  payload?: Buffer
}

/** A cut may be overtaken by a compaction; then the read takes a new one. */
const CUT_ATTEMPTS = 4

export class Reads {
  readonly #shards: ShardClient

  constructor(shards: ShardClient) {
    this.#shards = shards
  }

  async search(
    collection: Collection,
    queries: readonly Query[],
    options: SearchOptions,
  ): Promise<{ points: ScoredPoint[][]; report: ReadReport }> {
    return this.#read(collection, options, collection.unsettled, async (read, deadline) => {
      const plan = await inSlices(this.#plan(collection, read, queries, options))
      const missing: number[] = []
      const answers: CellAnswer<SearchResponse>[] = []
      const found: Found[][][] = queries.map(() => [])
      await Promise.all(
        [...plan.asked].map(async ([cell, asked]) => {
          const vectors = Buffer.concat(asked.map(({ query }) => bytesOf(query.vector)))
          const header = {
            limits: asked.map(({ query }) => query.limit + query.offset + (query.exclude === undefined ? 0 : 1)),
            withPayload: options.withPayload,
            withVector: options.withVector,
          }
          try {
            const answer = await readCell<SearchResponse>(
              this.#shards,
              collection,
              cell,
              read,
              { path: RPC.search, header, chunks: [vectors] },
              deadline,
            )
            answers.push(answer)
            const hits = await inSlices(attach(answer, collection.config.vectors[''].size, options))
            asked.forEach(({ i }, n) => (found[i] as Found[][]).push(hits[n] as Found[]))
          } catch (error) {
            if (!options.partial || asMaksError(error).code !== 'CELL_UNAVAILABLE') throw error
            missing.push(cell)
          }
        }),
      )
      const report: ReadReport = {
        ...levelReport(options, read, answers),
        probed: plan.most,
        cells: collection.config.clusters,
        scanned: answers.reduce((sum, answer) => sum + answer.header.scanned, 0),
        exact: missing.length === 0 && plan.least === collection.config.clusters,
        ...(missing.length > 0 ? { missing: missing.sort((a, b) => a - b) } : {}),
      }
      const points: ScoredPoint[][] = []
      for (const [i, query] of queries.entries())
        points.push(await inSlices(finish(collection, query, found[i] as Found[][])))
      return { points, report }
    })
  }

  /** The queries of each cell, and of how many cells a query asks. */
  *#plan(
    collection: Collection,
    read: ReadLevel,
    queries: readonly Query[],
    options: SearchOptions,
  ): Generator<void, { asked: Map<number, { query: Query; i: number }[]>; most: number; least: number }, void> {
    const asked = new Map<number, { query: Query; i: number }[]>()
    let most = 0
    let least = Number.POSITIVE_INFINITY
    let candidates = 0
    for (const [i, query] of queries.entries()) {
      const cells = this.#cells(collection, read, query.vector, options)
      most = Math.max(most, cells.length)
      least = Math.min(least, cells.length)
      candidates += cells.length * (query.limit + query.offset)
      for (const cell of cells) {
        const some = asked.get(cell)
        if (some) some.push({ query, i })
        else asked.set(cell, [{ query, i }])
      }
      yield
    }
    checkLimit('CANDIDATES_MAX', 'limit and offset of all queries, times the cells that each asks', candidates)
    return { asked, most, least }
  }

  #cells(collection: Collection, read: ReadLevel, vector: Float32Array, options: SearchOptions): number[] {
    const { partition, config } = collection
    const ranked = rankCells(partition, vector)
    if (options.exact || scattered(collection, read)) return ranked
    const recall = options.recallTarget ?? config.recallTarget
    const wanted =
      options.probes ??
      (options.recallTarget === undefined ? config.probes : undefined) ??
      probesForRecall(config.clusters, recall)
    return ranked.slice(0, Math.min(wanted, config.clusters))
  }

  async retrieve(
    collection: Collection,
    keys: readonly IdKey[],
    options: ReadOptions,
  ): Promise<{ points: Point[]; report: ReadReport }> {
    const deadline = performance.now() + options.timeoutMs
    for (let attempt = 1; ; attempt++) {
      const read = await levelFor(collection, { ...options, spread: true, keys, again: attempt > 1 })
      const located = read.level === 'cut' && read.cut.entries.length === keys.length ? read.cut.entries : undefined
      const byCell = new Map<number, IdKey[]>()
      keys.forEach((key, i) => {
        const cells = located
          ? [located[i]?.owner]
          : Array.from({ length: collection.config.clusters }, (_, cell) => cell)
        for (const cell of cells) {
          if (cell === undefined) continue
          const some = byCell.get(cell)
          if (some) some.push(key)
          else byCell.set(cell, [key])
        }
      })
      try {
        const answers = await Promise.all(
          [...byCell].map(([cell, wanted]) => {
            const header = { keys: wanted, withPayload: options.withPayload, withVector: options.withVector }
            return readCell<RowsResponse>(this.#shards, collection, cell, read, { path: RPC.rows, header }, deadline)
          }),
        )
        const newest = new Map<IdKey, Point>()
        for (const point of answers.flatMap((answer) => rowsOf(answer, collection.config.vectors[''].size, options))) {
          if ((newest.get(point.key)?.version ?? -1) < point.version) newest.set(point.key, point)
        }
        return { points: keys.flatMap((key) => newest.get(key) ?? []), report: levelReport(options, read, answers) }
      } catch (error) {
        if (asMaksError(error).code !== 'STALE' || attempt === CUT_ATTEMPTS) throw error
      }
    }
  }

  scroll(
    collection: Collection,
    from: IdKey | null,
    limit: number,
    options: ReadOptions,
  ): Promise<{ points: Point[]; next: IdKey | null; report: ReadReport }> {
    return this.#read(collection, options, true, async (read, deadline) => {
      const header = { from, limit: limit + 1, withPayload: options.withPayload, withVector: options.withVector }
      const answers = await this.#all<RowsResponse>(collection, read, { path: RPC.scroll, header }, deadline)
      const pages = answers.map((answer) => rowsOf(answer, collection.config.vectors[''].size, options))
      const page = await inSlices(mergePages(pages, limit + 1))
      return {
        points: page.slice(0, limit),
        next: page[limit]?.key ?? null,
        report: levelReport(options, read, answers),
      }
    })
  }

  count(collection: Collection, options: ReadOptions): Promise<{ count: number; report: ReadReport }> {
    return this.#read(collection, options, true, async (read, deadline) => {
      const answers = await this.#all<CountResponse>(collection, read, { path: RPC.count, header: {} }, deadline)
      return {
        count: answers.reduce((sum, answer) => sum + answer.header.count, 0),
        report: levelReport(options, read, answers),
      }
    })
  }

  #all<A>(
    collection: Collection,
    read: ReadLevel,
    call: { path: string; header: object },
    deadline: number,
  ): Promise<CellAnswer<A>[]> {
    const cells = Array.from({ length: collection.config.clusters }, (_, cell) => cell)
    return Promise.all(cells.map((cell) => readCell<A>(this.#shards, collection, cell, read, call, deadline)))
  }

  /** Runs a read at its level; a state that a pod can no longer serve is taken anew. */
  async #read<T>(
    collection: Collection,
    options: ReadOptions,
    spread: boolean,
    run: (read: ReadLevel, deadline: number) => Promise<T>,
  ): Promise<T> {
    const deadline = performance.now() + options.timeoutMs
    for (let attempt = 1; ; attempt++) {
      const read = await levelFor(collection, { ...options, spread, keys: undefined, again: attempt > 1 })
      try {
        return await run(read, deadline)
      } catch (error) {
        if (asMaksError(error).code !== 'STALE' || attempt === CUT_ATTEMPTS) throw error
      }
    }
  }
}

type Found = ScoredPoint

function* attach(
  { header, chunks }: CellAnswer<SearchResponse>,
  dimension: number,
  options: ReadOptions,
): Generator<void, Found[][], void> {
  const found: Found[][] = []
  const at = { row: 0, payload: 0 }
  for (const hits of header.hits) {
    found.push(withChunks(hits, chunks, at, dimension, options).map((hit) => Object.assign(hit, { score: 0 })))
    yield
  }
  return found
}

function rowsOf(answer: CellAnswer<RowsResponse>, dimension: number, options: ReadOptions): Point[] {
  return withChunks(answer.header.rows, answer.chunks, { row: 0, payload: 0 }, dimension, options)
}

/** Rows with their parts of the chunks, of which those before `at` have been given out. */
function withChunks<R extends { payloadBytes?: number }>(
  rows: readonly R[],
  [vectorBytes, payloads]: readonly Buffer[],
  at: { row: number; payload: number },
  dimension: number,
  { withVector, withPayload }: ReadOptions,
): (R & { vector?: Float32Array; payload?: Buffer })[] {
  const vectors = withVector && vectorBytes ? float32View(vectorBytes) : undefined
  return rows.map((row) => {
    const payloadAt = at.payload
    at.payload += row.payloadBytes ?? 0
    const vectorAt = dimension * at.row++
    return {
      ...row,
      ...(vectors ? { vector: vectors.subarray(vectorAt, vectorAt + dimension) } : {}),
      ...(withPayload && payloads ? { payload: payloads.subarray(payloadAt, at.payload) } : {}),
    }
  })
}

function* finish(collection: Collection, query: Query, answers: Found[][]): Generator<void, ScoredPoint[], void> {
  const { metric } = collection.config.vectors['']
  const merged = (yield* mergeHits(answers, query.limit + query.offset + 1))
    .filter((hit) => hit.key !== query.exclude)
    .slice(query.offset, query.offset + query.limit)
  for (const hit of merged) hit.score = scoreOf(metric, hit.distance)
  const threshold = query.scoreThreshold
  return threshold === undefined ? merged : merged.filter((hit) => passesThreshold(metric, hit.score, threshold))
}

function levelReport(
  { consistency }: ReadOptions,
  read: ReadLevel,
  answers: readonly { primary: boolean }[],
): Pick<ReadReport, 'consistency' | 'token'> {
  if (read.level === 'cut') {
    const level = consistency === 'bounded' || consistency === 'session' ? consistency : 'strong'
    return { consistency: level, token: tokenText(read.cut) }
  }
  return { consistency: read.level === 'primary' && answers.every((answer) => answer.primary) ? 'primary' : 'eventual' }
}

export function notFound(collection: string, id: string): MaksError {
  return new MaksError('NOT_FOUND', `Not found: point ${id} does not exist in ${collection}`)
}

/** The search of a batch of queries: it selects the cells of each, sends one frame to each cell, and merges the answers. */
import { asMaksError } from '../../core/errors.ts'
import { checkLimit } from '../../core/limits.ts'
import { mergeHits } from '../../core/merge.ts'
import { passesThreshold, scoreOf } from '../../core/metric.ts'
import { probesForRecall, rankCells } from '../../core/partition.ts'
import { bytesOf } from '../../core/vector.ts'
import { type QuerySpec, RPC, type SearchRequest, type SearchResponse } from '../../protocol/shard-rpc.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { type CellAnswer, readCell } from './cell-read.ts'
import { mayBeMisplaced, type ReadSource } from './consistency.ts'
import { hitsOf, type ScoredPoint } from './rows.ts'

export interface Query {
  spec: QuerySpec
  vector: Float32Array
}

interface Plan {
  /** The queries for each cell, by their numbers. */
  asked: Map<number, number[]>
  /** The largest number of cells for a query; `least` is the smallest. */
  most: number
  least: number
}

export interface SearchOutcome extends Plan {
  /** Of each query, nearest first. */
  points: ScoredPoint[][]
  answers: CellAnswer<SearchResponse>[]
  /** Cells without an answer, if all queries for them accept a partial one. */
  missing: number[]
}

export async function search(
  shards: ShardClient,
  collection: Collection,
  source: ReadSource,
  queries: readonly Query[],
  call: Call,
): Promise<SearchOutcome> {
  const plan = await inSlices(planOf(collection, source, queries))
  const missing: number[] = []
  const answers: CellAnswer<SearchResponse>[] = []
  const found: ScoredPoint[][][] = queries.map(() => [])
  await Promise.all(
    [...plan.asked].map(async ([cell, numbers]) => {
      const some = numbers.map((number) => queries[number] as Query)
      const specs = some.map(({ spec }) => spec)
      const header = { queries: specs } satisfies Omit<SearchRequest, 'scope'>
      const chunks = [some.map(({ vector }) => bytesOf(vector))]
      try {
        const request = { path: RPC.search, header, chunks }
        const answer = await readCell<SearchResponse>(shards, collection, cell, source, request, call)
        answers.push(answer)
        const hits = await inSlices(hitsOf(answer, collection.config.vectors[''].size, specs))
        numbers.forEach((number, n) => (found[number] as ScoredPoint[][]).push(hits[n] as ScoredPoint[]))
      } catch (error) {
        if (!specs.every(({ partial }) => partial) || asMaksError(error).code !== 'CELL_UNAVAILABLE') throw error
        missing.push(cell)
      }
    }),
  )
  const points: ScoredPoint[][] = []
  for (const [i, { spec }] of queries.entries())
    points.push(await inSlices(merged(collection, spec, found[i] as ScoredPoint[][])))
  return { ...plan, points, answers, missing: missing.sort((a, b) => a - b) }
}

/** Rows of all cells, as the topology has counted them: however large a limit is, no more hits come. */
export function heldRows({ topology }: Collection): number {
  return topology ? topology.rows + topology.redundantRows : Number.POSITIVE_INFINITY
}

function* planOf(collection: Collection, source: ReadSource, queries: readonly Query[]): Generator<void, Plan, void> {
  const plan: Plan = { asked: new Map(), most: 0, least: Number.POSITIVE_INFINITY }
  let candidates = 0
  const rows = heldRows(collection)
  for (const [number, query] of queries.entries()) {
    const cells = cellsOf(collection, source, query)
    plan.most = Math.max(plan.most, cells.length)
    plan.least = Math.min(plan.least, cells.length)
    candidates += Math.min(cells.length * (query.spec.limit + query.spec.offset), rows)
    for (const cell of cells) {
      const numbers = plan.asked.get(cell)
      if (numbers) numbers.push(number)
      else plan.asked.set(cell, [number])
    }
    yield
  }
  checkLimit('CANDIDATES_MAX', 'limit and offset of all queries, times the cells that each asks', candidates)
  return plan
}

function cellsOf(collection: Collection, source: ReadSource, { spec, vector }: Query): number[] {
  const { partition, config } = collection
  const ranked = rankCells(partition, vector)
  if (spec.exact || mayBeMisplaced(collection, source)) return ranked
  const recall = spec.recallTarget ?? config.recallTarget
  const wanted =
    spec.probes ??
    (spec.recallTarget === undefined ? config.probes : undefined) ??
    probesForRecall(config.clusters, recall)
  return ranked.slice(0, Math.min(wanted, config.clusters))
}

function* merged(
  { config }: Collection,
  { limit, offset, exclude, scoreThreshold }: QuerySpec,
  answers: ScoredPoint[][],
): Generator<void, ScoredPoint[], void> {
  const { metric } = config.vectors['']
  const nearest = (yield* mergeHits(answers, limit + offset + 1))
    .filter((hit) => hit.key !== exclude)
    .slice(offset, offset + limit)
  for (const hit of nearest) hit.score = scoreOf(metric, hit.distance)
  if (scoreThreshold === undefined) return nearest
  return nearest.filter((hit) => passesThreshold(metric, hit.score, scoreThreshold))
}

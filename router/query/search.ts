/**
 * The search of a batch of queries: it selects the cells of each, sends one frame to each cell, and merges the answers. A query
 * with a filter that finds too few points in these cells asks the others, too: it never finds fewer points than there are.
 */
import { asMaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
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
import { orderedPlans, type QueryPlan } from './read-report.ts'
import { hitsOf, type ScoredPoint } from './rows.ts'

export interface Query {
  spec: QuerySpec
  /** The values of its vectors, one after the other: of one, or of as many as `spec.scoring` counts. */
  vector: Float32Array
}

export interface SearchOutcome {
  /** The largest number of cells that a query asked; `least` is the smallest. */
  most: number
  least: number
  /** Of each query, nearest first. */
  points: ScoredPoint[][]
  answers: CellAnswer<SearchResponse>[]
  /** Cells without an answer, if all queries for them accept a partial one. */
  missing: number[]
  /** Of the queries that ask for it. */
  plans: QueryPlan[]
}

export async function search(
  shards: ShardClient,
  collection: Collection,
  source: ReadSource,
  queries: readonly Query[],
  call: Call,
): Promise<SearchOutcome> {
  const cells = await inSlices(planOf(collection, source, queries))
  const missing: number[] = []
  const plans: QueryPlan[] = []
  const answers: CellAnswer<SearchResponse>[] = []
  const found: ScoredPoint[][][] = queries.map(() => [])
  const ask = async (cell: number, numbers: readonly number[]): Promise<void> => {
    const some = numbers.map((number) => queries[number] as Query)
    const specs = some.map(({ spec }) => spec)
    const header = { queries: specs } satisfies Omit<SearchRequest, 'scope'>
    const chunks = [some.map(({ vector }) => bytesOf(vector))]
    try {
      const request = { path: RPC.search, header, chunks }
      const answer = await readCell<SearchResponse>(shards, collection, cell, source, request, call)
      answers.push(answer)
      for (const [n, plan] of (answer.header.plans ?? []).entries())
        if (plan) plans.push({ query: numbers[n] as number, cell, ...plan })
      const hits = await inSlices(hitsOf(answer, collection.config.vectors[''].size, specs))
      numbers.forEach((number, n) => (found[number] as ScoredPoint[][]).push(hits[n] as ScoredPoint[]))
    } catch (error) {
      if (!specs.every(({ partial }) => partial) || asMaksError(error).code !== 'CELL_UNAVAILABLE') throw error
      missing.push(cell)
    }
  }
  const askAll = (plan: readonly number[][]) => Promise.all([...byCell(plan)].map((asked) => ask(...asked)))
  await askAll(cells)
  const more: number[][] = []
  for (const [i, query] of queries.entries())
    more.push(await inSlices(moreCells(collection, query, cells[i] as number[], found[i] as ScoredPoint[][])))
  await askAll(more)
  const counts = cells.map((first, i) => first.length + (more[i] as number[]).length)
  const points: ScoredPoint[][] = []
  for (const [i, { spec }] of queries.entries())
    points.push(await inSlices(merged(collection, spec, found[i] as ScoredPoint[][])))
  const [most, least] = [Math.max(0, ...counts), Math.min(...counts)]
  return { most, least, points, answers, missing: missing.sort((a, b) => a - b), plans: orderedPlans(plans) }
}

/** Rows of all cells, as the topology has counted them: however large a limit is, no more hits come. */
export function heldRows({ topology }: Collection): number {
  return topology ? topology.rows + topology.redundantRows : Number.POSITIVE_INFINITY
}

/** The cells of each query. */
function* planOf(
  collection: Collection,
  source: ReadSource,
  queries: readonly Query[],
): Generator<void, number[][], void> {
  const plan: number[][] = []
  let candidates = 0
  const rows = heldRows(collection)
  for (const query of queries) {
    const { limit, offset, filter } = query.spec
    const cells = cellsOf(collection, source, query)
    plan.push(cells)
    const most = filter === undefined ? cells.length : collection.config.clusters
    candidates += Math.min(most * (limit + offset), rows)
    yield
  }
  checkLimit('CANDIDATES_MAX', 'limit and offset of all queries, times the cells that each asks', candidates)
  return plan
}

/** The queries for each cell, by their numbers. */
function byCell(plan: readonly number[][]): Map<number, number[]> {
  const asked = new Map<number, number[]>()
  for (const [number, cells] of plan.entries())
    for (const cell of cells) {
      const numbers = asked.get(cell)
      if (numbers) numbers.push(number)
      else asked.set(cell, [number])
    }
  return asked
}

/** The other cells, for a query with a filter that has found fewer points than it wants. */
function* moreCells(
  { config }: Collection,
  { spec: { filter, limit, offset, exclude } }: Query,
  asked: readonly number[],
  found: readonly (readonly ScoredPoint[])[],
): Generator<void, number[], void> {
  if (filter === undefined || asked.length === config.clusters) return []
  const excluded = new Set(exclude)
  const keys = new Set<IdKey>()
  for (const points of found)
    for (const { key } of points) {
      if (!excluded.has(key)) keys.add(key)
      if (keys.size >= limit + offset) return []
      yield
    }
  const first = new Set(asked)
  return Array.from({ length: config.clusters }, (_, cell) => cell).filter((cell) => !first.has(cell))
}

function cellsOf(collection: Collection, source: ReadSource, { spec, vector }: Query): number[] {
  const { partition, config } = collection
  // No cell is nearer than another to several vectors.
  if (spec.scoring !== undefined) return Array.from({ length: config.clusters }, (_, cell) => cell)
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
  { limit, offset, exclude, scoreThreshold, scoring }: QuerySpec,
  answers: ScoredPoint[][],
): Generator<void, ScoredPoint[], void> {
  // Scores by several vectors are better if they are higher, as products are.
  const metric = scoring === undefined ? config.vectors[''].metric : 'InnerProduct'
  const excluded = new Set(exclude)
  const nearest = (yield* mergeHits(answers, limit + offset + excluded.size))
    .filter((hit) => !excluded.has(hit.key))
    .slice(offset, offset + limit)
  for (const hit of nearest) hit.score = scoreOf(metric, hit.distance)
  if (scoreThreshold === undefined) return nearest
  return nearest.filter((hit) => passesThreshold(metric, hit.score, scoreThreshold))
}

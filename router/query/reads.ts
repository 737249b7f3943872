/** The reads: search, retrieve, scroll, count. Free of any protocol; each answer has a report. */
import type { FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import { checkLimit } from '../../core/limits.ts'
import { mergePages } from '../../core/merge.ts'
import { type CountResponse, type RowsResponse, RPC } from '../../protocol/shard-rpc.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { readCell } from './cell-read.ts'
import { CellReads, cellsOf, consistencyReport, filtered } from './cell-reads.ts'
import type { ReadRequest, ReadSource } from './consistency.ts'
import type { ReadReport } from './read-report.ts'
import { type PlacedPoint, rowsOf, type ScoredPoint, type Wanted } from './rows.ts'
import { heldRows, type Query, search } from './search.ts'

/** Up to `limit` points, ids from `from` on. */
export interface Page {
  from: IdKey | null
  limit: number
  filter?: FilterText
}

/** The points of each query, the best first. */
export interface Found {
  points: ScoredPoint[][]
  report: ReadReport
}

export class Reads {
  readonly #shards: ShardClient
  readonly #cells: CellReads

  constructor(shards: ShardClient) {
    this.#shards = shards
    this.#cells = new CellReads(shards)
  }

  search(collection: Collection, queries: readonly Query[], read: ReadRequest, call: Call): Promise<Found> {
    return this.searches(collection, read, call, (ask) => ask(queries))
  }

  /** Several searches, each after the answer of the one before, of the same state if the read has one. */
  searches<T>(
    collection: Collection,
    read: ReadRequest,
    call: Call,
    run: (ask: (queries: readonly Query[]) => Promise<Found>) => Promise<T>,
  ): Promise<T> {
    return this.#cells.read(collection, read, { spread: collection.unsettled }, call, (source) =>
      run((queries) => this.#search(collection, queries, read, source, call)),
    )
  }

  async #search(
    collection: Collection,
    queries: readonly Query[],
    read: ReadRequest,
    source: ReadSource,
    call: Call,
  ): Promise<Found> {
    const { points, answers, missing, most, least, plans } = await search(
      this.#shards,
      collection,
      source,
      queries,
      call,
    )
    const { clusters } = collection.config
    const report: ReadReport = {
      ...consistencyReport(read, source, answers),
      probed: most,
      cells: clusters,
      scanned: answers.reduce((sum, answer) => sum + answer.header.scanned, 0),
      exact: missing.length === 0 && least === clusters,
      ...(missing.length > 0 ? { missing } : {}),
      ...(plans.length > 0 ? { explain: plans } : {}),
    }
    return { points, report }
  }

  /** The existing points of these ids, in the order of the ids. */
  retrieve(
    collection: Collection,
    keys: readonly IdKey[],
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: PlacedPoint[]; report: ReadReport }> {
    return this.#cells.read(collection, read, { spread: true, keys }, call, async (source) => {
      const answers = await Promise.all(
        [...keysByCell(collection, keys, source)].map(([cell, some]) => {
          const request = { path: RPC.rows, header: { keys: some, ...wanted } }
          return readCell<RowsResponse>(this.#shards, collection, cell, source, request, call)
        }),
      )
      const newest = new Map<IdKey, PlacedPoint>()
      for (const point of answers.flatMap((answer) => rowsOf(answer, collection.config.vectors[''].size, wanted))) {
        if ((newest.get(point.key)?.version ?? -1) < point.version) newest.set(point.key, point)
      }
      return {
        points: keys.flatMap((key) => newest.get(key) ?? []),
        report: consistencyReport(read, source, answers),
      }
    })
  }

  /** Points in the order of their ids. Throws PAYLOAD_TOO_LARGE for a page that is larger than an answer may be. */
  async scroll(
    collection: Collection,
    { from, limit, filter }: Page,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: PlacedPoint[]; next: IdKey | null; report: ReadReport }> {
    const sent = Math.min((limit + 1) * collection.config.clusters, heldRows(collection))
    checkLimit('CANDIDATES_MAX', 'limit, times the cells', sent)
    return this.#cells.read(collection, read, { spread: true }, call, async (source) => {
      const request = { path: RPC.scroll, header: { from, limit: limit + 1, ...filtered(filter), ...wanted } }
      const answers = await this.#cells.all<RowsResponse>(collection, source, request, call)
      const pages = answers.map((answer) => rowsOf(answer, collection.config.vectors[''].size, wanted))
      const page = await inSlices(mergePages(pages, limit + 1))
      return {
        points: page.slice(0, limit),
        next: page[limit]?.key ?? null,
        report: consistencyReport(read, source, answers),
      }
    })
  }

  /** @param filter of the points to count; absent: all */
  count(
    collection: Collection,
    read: ReadRequest,
    call: Call,
    filter?: FilterText,
  ): Promise<{ count: number; report: ReadReport }> {
    return this.#cells.read(collection, read, { spread: true }, call, async (source) => {
      const request = { path: RPC.count, header: filtered(filter) }
      const answers = await this.#cells.all<CountResponse>(collection, source, request, call)
      return {
        count: answers.reduce((sum, answer) => sum + answer.header.count, 0),
        report: consistencyReport(read, source, answers),
      }
    })
  }
}

/** The ids to ask of each cell: an id goes to its own cell if the cut names that, else to all cells. */
function keysByCell(collection: Collection, keys: readonly IdKey[], source: ReadSource): Map<number, IdKey[]> {
  const entries = source.from === 'cut' && source.cut.entries.length === keys.length ? source.cut.entries : undefined
  const all = cellsOf(collection)
  const byCell = new Map<number, IdKey[]>()
  keys.forEach((key, i) => {
    for (const cell of entries ? [entries[i]?.owner] : all) {
      if (cell === undefined) continue
      const some = byCell.get(cell)
      if (some) some.push(key)
      else byCell.set(cell, [key])
    }
  })
  return byCell
}

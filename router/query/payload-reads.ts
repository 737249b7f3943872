/** The reads that list or count points by their payloads, over all cells. Free of any protocol; each answer has a report. */
import type { FilterText } from '../../core/filter/filter.ts'
import { compareOrderValues, parseOrderValue } from '../../core/filter/order-value.ts'
import { compareKeys } from '../../core/ids.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { beyond, LIMITS } from '../../core/limits.ts'
import { firstOfAll } from '../../core/merge.ts'
import { type FacetResponse, type RowOrder, type RowsResponse, RPC } from '../../protocol/shard-rpc.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { CellReads, consistencyReport, filtered } from './cell-reads.ts'
import type { ReadRequest } from './consistency.ts'
import { type FacetHit, mergedFacets } from './facets.ts'
import type { ReadReport } from './read-report.ts'
import { type Point, rowsOf, type Wanted } from './rows.ts'

/** By the values at a path: see `RowOrder`. */
export type ValueOrder = Omit<Extract<RowOrder, { by: 'value' }>, 'by'>

/** Points of one page: `limit` of those that match. */
export interface Part {
  limit: number
  filter?: FilterText
}

/** A point that an order by values has put in its place. */
export interface OrderedPoint extends Point {
  orderValue: string
}

export class PayloadReads {
  readonly #cells: CellReads

  constructor(shards: ShardClient) {
    this.#cells = new CellReads(shards)
  }

  /** The first points in the order of their values: a point with several values once at each. */
  async ordered(
    collection: Collection,
    order: ValueOrder,
    part: Part,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: OrderedPoint[]; report: ReadReport }> {
    const { pages, report } = await this.#pages(collection, { by: 'value', ...order }, part, wanted, read, call)
    const lists = pages.map(({ points }) =>
      (points as OrderedPoint[]).map((point) => ({ point, value: parseOrderValue(point.orderValue) })),
    )
    const sign = order.direction === 'asc' ? 1 : -1
    const merged = await inSlices(
      firstOfAll(
        lists,
        part.limit,
        (a, b) => sign * (compareOrderValues(a.value, b.value) || compareKeys(a.point.key, b.point.key)),
      ),
    )
    return { points: merged.map(({ point }) => point), report }
  }

  /** Points drawn by chance, each with the same probability. */
  async sample(
    collection: Collection,
    part: Part,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ points: Point[]; report: ReadReport }> {
    const { pages, report } = await this.#pages(collection, { by: 'chance' }, part, wanted, read, call)
    return { points: drawn(pages, part.limit, Math.random), report }
  }

  /** Asks each cell for a page; throws PAYLOAD_TOO_LARGE if one has more rows for it than may be sent. */
  #pages(
    collection: Collection,
    order: RowOrder,
    { limit, filter }: Part,
    wanted: Wanted,
    read: ReadRequest,
    call: Call,
  ): Promise<{ pages: { points: Point[]; matching: number }[]; report: ReadReport }> {
    const { clusters, vectors } = collection.config
    const most = Math.min(limit, Math.floor(LIMITS.CANDIDATES_MAX.value / clusters))
    return this.#cells.read(collection, read, { spread: true }, call, async (source) => {
      const header = { from: null, limit: most, order, ...filtered(filter), ...wanted }
      const request = { path: RPC.scroll, header }
      const answers = await this.#cells.all<RowsResponse>(collection, source, request, call)
      const pages = answers.map((answer) => {
        const { rows, matching = 0 } = answer.header
        if (most < limit && rows.length === most)
          throw beyond('CANDIDATES_MAX', 'limit, times the cells', Math.max(limit, most * clusters))
        return { points: rowsOf(answer, vectors[''].size, wanted), matching }
      })
      return { pages, report: consistencyReport(read, source, answers) }
    })
  }

  /** How many of the points have each of the values at a path: the most frequent values first. */
  facet(
    collection: Collection,
    path: JsonPath,
    { limit, filter }: Part,
    read: ReadRequest,
    call: Call,
  ): Promise<{ hits: FacetHit[]; report: ReadReport }> {
    return this.#cells.read(collection, read, { spread: true }, call, async (source) => {
      const request = { path: RPC.facet, header: { path, ...filtered(filter) } }
      const answers = await this.#cells.all<FacetResponse>(collection, source, request, call)
      const hits = await inSlices(mergedFacets(answers, limit))
      return { hits, report: consistencyReport(read, source, answers) }
    })
  }
}

/**
 * Draws from the pages of cells, each drawn by chance itself, as from all rows at once: the next point comes from a cell with
 * the probability that its share of the rows that are left has.
 */
export function drawn<P>(
  pages: readonly { points: readonly P[]; matching: number }[],
  limit: number,
  random: () => number,
): P[] {
  const left = pages.map(({ matching }) => matching)
  const next = pages.map(() => 0)
  const points: P[] = []
  for (let all = left.reduce((sum, one) => sum + one, 0); all > 0 && points.length < limit; all--) {
    let at = Math.floor(random() * all)
    const cell = left.findIndex((one) => (at -= one) < 0)
    points.push(pages[cell]?.points[next[cell] as number] as P)
    next[cell] = (next[cell] as number) + 1
    left[cell] = (left[cell] as number) - 1
  }
  return points
}

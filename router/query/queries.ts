/** Queries of all kinds, alone or in a batch: those that search go out together, those that list go one by one. */

import type { IdKey } from '../../core/ids.ts'
import { checkLimit } from '../../core/limits.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import { keysOf, queryOf } from './examples.ts'
import { type Group, groupsOfPoints } from './groups.ts'
import { mmr } from './mmr.ts'
import type { PayloadReads } from './payload-reads.ts'
import {
  type GroupsRequest,
  type ListRequest,
  type QueryRequest,
  type SearchRequest,
  searches,
} from './query-request.ts'
import { combined, type ReadReport } from './read-report.ts'
import type { Found, Reads } from './reads.ts'
import type { Point, ScoredPoint } from './rows.ts'
import type { Query } from './search.ts'

/** A comparison of two short vectors takes as long as one of so many values. */
const MMR_VALUES_MIN = 64
/** Of a point that a query lists: it has been compared with nothing. */
const LISTED_SCORE = 1

export class Queries {
  readonly #reads: Reads
  readonly #payloads: PayloadReads
  readonly #metrics: Metrics

  constructor(reads: Reads, payloads: PayloadReads, metrics: Metrics) {
    this.#reads = reads
    this.#payloads = payloads
    this.#metrics = metrics
  }

  /** The points of each query, and one report of all. Throws NOT_FOUND if the point of a query does not exist. */
  async points(collection: Collection, requests: readonly QueryRequest[], call: Call): Promise<Found> {
    const points: ScoredPoint[][] = []
    const reports: ReadReport[] = []
    for (const [at, request] of requests.entries()) {
      if (searches(request)) continue
      const page = await this.#list(collection, request as ListRequest, call)
      points[at] = page.points
      reports.push(page.report)
    }
    for (const group of groupsOf(requests)) {
      const asked = requestsOf(group)
      const { queries, reports: resolved } = await this.#resolve(collection, asked, call)
      const found = await this.#reads.search(collection, queries.map(candidatesFor(asked)), asked[0].read, call)
      this.#observe(collection, found.report)
      for (const [i, { request, at }] of group.entries())
        points[at] = await chosen(collection, request, found.points[i] as ScoredPoint[], call)
      reports.push(...resolved, found.report)
    }
    return { points, report: combined(reports) }
  }

  /** The points of a query in groups. Throws NOT_FOUND as `points` does. */
  async groups(
    collection: Collection,
    request: GroupsRequest,
    call: Call,
  ): Promise<{ groups: Group[]; report: ReadReport }> {
    const { spec, group, read } = request
    const grouping = { ...group, limit: spec.limit, filter: spec.filter }
    const reports: ReadReport[] = []
    const answer = <P>({ points, report }: { points: P[]; report: ReadReport }): P[] => {
      reports.push(report)
      return points
    }
    if (!searches(request)) {
      const list = (filter: typeof spec.filter, limit: number) =>
        this.#list(
          collection,
          { ...request, spec: { ...withFilter(spec, filter), limit, withPayload: true } } as ListRequest,
          call,
        )
      const groups = await groupsOfPoints(async (filter, limit) => answer(await list(filter, limit)), grouping, call)
      return { groups, report: combined(reports) }
    }
    const {
      queries: [query],
      reports: resolved,
    } = await this.#resolve(collection, [request], call)
    const { vector, spec: searched } = query as Query
    const groups = await this.#reads.searches(collection, read, call, (ask) =>
      groupsOfPoints(
        async (filter, limit) => {
          const found = await ask([{ vector, spec: { ...withFilter(searched, filter), limit, withPayload: true } }])
          this.#observe(collection, found.report)
          return answer(found)[0] as ScoredPoint[]
        },
        grouping,
        call,
      ),
    )
    return { groups, report: combined([...resolved, ...reports]) }
  }

  #observe(collection: Collection, { probed = 0 }: ReadReport): void {
    const { name: vectorcluster, collection: name } = collection.config
    this.#metrics.observe('maksdb_probed_cells', probed, { vectorcluster, collection: name })
  }

  /** The points that a query lists, in its order. */
  async #list(
    collection: Collection,
    { spec, read, target }: ListRequest,
    call: Call,
  ): Promise<{ points: ScoredPoint[]; report: ReadReport }> {
    const { limit, offset, filter, withPayload, withVector } = spec
    const wanted = { withPayload, withVector }
    const matching = filter === undefined ? {} : { filter }
    if ('drawn' in target) {
      const { points, report } = await this.#payloads.sample(collection, { limit, ...matching }, wanted, read, call)
      return { points: points.map(listed), report }
    }
    const part = { limit: offset + limit, ...matching }
    const { points, report } =
      'ordered' in target
        ? await this.#payloads.ordered(collection, target.ordered, part, wanted, read, call)
        : await this.#reads.scroll(collection, { from: null, ...part }, wanted, read, call)
    return { points: points.slice(offset).map(listed), report }
  }

  /** The queries with their vectors, and the reports of the reads of points whose vectors they are. */
  async #resolve(
    collection: Collection,
    requests: readonly [SearchRequest, ...SearchRequest[]],
    call: Call,
  ): Promise<{ queries: Query[]; reports: ReadReport[] }> {
    const keys = keysOf(requests)
    const vectors = new Map<IdKey, Float32Array>()
    const reports: ReadReport[] = []
    if (keys.length > 0) {
      const wanted = { withPayload: false, withVector: true }
      const { points, report } = await this.#reads.retrieve(collection, keys, wanted, requests[0].read, call)
      reports.push(report)
      for (const point of points) if (point.vector) vectors.set(point.key, point.vector)
    }
    return { queries: requests.map((request) => queryOf(collection, request, vectors)), reports }
  }
}

interface Grouped {
  request: SearchRequest
  /** Its index in the batch. */
  at: number
}

/** Groups of the requests that search, each answered by one read: they have the same consistency, and the same rule for the cells to ask. */
export function groupsOf(requests: readonly QueryRequest[]): [Grouped, ...Grouped[]][] {
  const groups = new Map<string, [Grouped, ...Grouped[]]>()
  requests.forEach((request, at) => {
    if (!searches(request)) return
    const { exact, probes, recallTarget, partial } = request.spec
    const alike = JSON.stringify([request.read, exact, probes, recallTarget, partial])
    const group = groups.get(alike)
    if (group) group.push({ request, at })
    else groups.set(alike, [{ request, at }])
  })
  return [...groups.values()]
}

function requestsOf([first, ...others]: [Grouped, ...Grouped[]]): [SearchRequest, ...SearchRequest[]] {
  return [first.request, ...others.map(({ request }) => request)]
}

/** What is searched for a query that chooses among candidates: all of them, with their vectors. */
function candidatesFor(requests: readonly SearchRequest[]): (query: Query, at: number) => Query {
  return (query, at) => {
    const { mmr: choice, spec } = requests[at] as SearchRequest
    if (choice === undefined) return query
    const candidates = choice.candidates ?? spec.limit
    return { ...query, spec: { ...query.spec, limit: candidates, offset: 0, withVector: true } }
  }
}

/** The points of a query among the candidates that were found for it. Throws PAYLOAD_TOO_LARGE if that would take too long. */
async function chosen(
  { config }: Collection,
  { mmr: choice, spec }: SearchRequest,
  found: ScoredPoint[],
  call: Call,
): Promise<ScoredPoint[]> {
  if (choice === undefined) return found
  const { limit, offset, withVector } = spec
  const { metric, size } = config.vectors['']
  const most = Math.min(limit + offset, found.length)
  const values = most * found.length * Math.max(size, MMR_VALUES_MIN)
  checkLimit('MMR_VALUES_MAX', 'candidates of mmr, times the points to choose and the dimension', values)
  const choosing = mmr(found, { diversity: choice.diversity, most, metric, check: () => checkWaiting(call) })
  const points = (await inSlices(choosing)).slice(offset)
  if (!withVector) for (const point of points) delete point.vector
  return points
}

function withFilter(spec: QueryRequest['spec'], filter: QueryRequest['spec']['filter']): QueryRequest['spec'] {
  const { filter: _own, ...rest } = spec
  return filter === undefined ? rest : { ...rest, filter }
}

function listed(point: Point): ScoredPoint {
  return { ...point, distance: 0, score: LISTED_SCORE }
}

/** The kinds of queries, and the bodies that they become. */
import type { Payload, PointId, QueryOptions, ReadOptions, ScoredPoint, Vector } from './types.ts'

/** A vector, or the point whose vector it is: then this point is in no answer. */
export type Example = Vector | { id: PointId }

/** The nearest points that are unlike each other. */
export interface MmrQuery {
  nearest: Example
  mmr: {
    /** 0 to 1: how much the difference to the points that are chosen already counts. @defaultValue 0.5 */
    diversity?: number
    /** Nearest points among which it chooses. @defaultValue limit */
    candidatesLimit?: number
  }
}

/** Points that are like some examples and unlike others. */
export interface RecommendQuery {
  recommend: {
    positive?: readonly Example[]
    negative?: readonly Example[]
    /** @defaultValue average_vector */
    strategy?: 'average_vector' | 'best_score' | 'sum_scores'
  }
}

export interface ContextPair {
  positive: Example
  negative: Example
}

/** The points nearest to the target, on the positive side of most pairs. */
export interface DiscoverQuery {
  discover: { target: Example; context?: readonly ContextPair[] }
}

/** Points on the positive side of all pairs. */
export interface ContextQuery {
  context: readonly ContextPair[]
}

export interface OrderBy<P extends Payload = Payload> {
  /** A path into the payload, to numbers or times. */
  key: (keyof P & string) | `${string}.${string}` | `${string}[${string}`
  /** @defaultValue asc */
  direction?: 'asc' | 'desc'
  /** The first value that may come: a number or a time. */
  startFrom?: number | bigint | string
}

/** Points in the order of a value of their payloads, each with its `orderValue`. */
export interface OrderByQuery<P extends Payload = Payload> {
  orderBy: OrderBy<P>
}

/** Points by chance, each with the same probability. */
export interface SampleQuery {
  sample: 'random'
}

export type Query<P extends Payload = Payload> =
  | Example
  | MmrQuery
  | RecommendQuery
  | DiscoverQuery
  | ContextQuery
  | OrderByQuery<P>
  | SampleQuery

export interface GroupOptions<P extends Payload> extends Omit<QueryOptions<P>, 'offset'> {
  /** A path into the payload, to texts or integers: the names of the groups of a point. */
  groupBy: string
  /** Points of a group at most. @defaultValue 3 */
  groupSize?: number
}

export interface PointGroup<P extends Payload> {
  id: string | number | bigint
  /** The best first. */
  hits: ScoredPoint<P>[]
}

export interface FacetOptions extends Pick<ReadOptions, 'consistency' | 'maxStalenessMs'> {
  /** Values at most, the most frequent first. @defaultValue 10 */
  limit?: number
}

export interface FacetHit {
  value: string | number | bigint | boolean
  /** Points that have the value. */
  count: number
}

/** The `query` of a request. */
export function queryBody<P extends Payload>(query: Query<P>): unknown {
  if ('nearest' in query) {
    const { diversity, candidatesLimit } = query.mmr
    return { nearest: exampleBody(query.nearest), mmr: { diversity, candidates_limit: candidatesLimit } }
  }
  if ('recommend' in query) {
    const { positive, negative, strategy } = query.recommend
    return { recommend: { positive: positive?.map(exampleBody), negative: negative?.map(exampleBody), strategy } }
  }
  if ('discover' in query) {
    const { target, context = [] } = query.discover
    return { discover: { target: exampleBody(target), context: context.map(pairBody) } }
  }
  if ('context' in query) return { context: query.context.map(pairBody) }
  if ('orderBy' in query) {
    const { key, direction, startFrom } = query.orderBy
    return { order_by: { key, direction, start_from: startFrom } }
  }
  return 'sample' in query ? query : exampleBody(query)
}

/** The options of a query in the names of its body. */
export function optionsBody<P extends Payload>(options: QueryOptions<P>): object {
  const { exact, probes, recallTarget, partial, consistency, maxStalenessMs } = options
  return {
    limit: options.limit,
    offset: options.offset,
    score_threshold: options.scoreThreshold,
    filter: options.filter,
    with_payload: options.withPayload ?? true,
    with_vector: options.withVector ?? false,
    params: { exact, probes, recall_target: recallTarget, partial, consistency, max_staleness_ms: maxStalenessMs },
  }
}

function exampleBody(example: Example): unknown {
  return 'id' in example ? example.id : example
}

function pairBody({ positive, negative }: ContextPair): object {
  return { positive: exampleBody(positive), negative: exampleBody(negative) }
}

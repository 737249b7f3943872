/** Bodies of queries, alone or in a batch: each becomes one `QuerySpec`; the vectors of a request share one memory. */
import { badRequest, MaksError } from '../../core/errors.ts'
import { checkLimit } from '../../core/limits.ts'
import type { PayloadSelector } from '../../core/payload-selector.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { QueryRequest } from '../points.ts'
import { Fields, NAME_SHOWN } from './json-fields.ts'
import { amountOf, defaultVector, filterOf, idAt, limitOf, onlyVector, selection, wantedOf } from './point-requests.ts'
import { type Outside, readParams } from './request-options.ts'

export interface ParsedQuery extends QueryRequest {
  /** The parts of the payloads that the answer shows. */
  payload: PayloadSelector
}

export interface QueryContext {
  config: CollectionConfig
  /** Options outside of the body: of each query that has none of its own. */
  outside: Outside
  /** Place of the query in its body; undefined if it is the body itself. */
  at?: string
  vectors: QueryVectors
}

/** The memory of the vectors of a request, one after the other. */
export class QueryVectors {
  readonly #dimension: number
  readonly #queries: number
  #all: Float32Array | undefined
  #given = 0

  constructor(dimension: number, queries: number) {
    this.#dimension = dimension
    this.#queries = queries
  }

  /** The place of the next vector. */
  next(): Float32Array {
    this.#all ??= new Float32Array(this.#queries * this.#dimension)
    const at = this.#given++ * this.#dimension
    return this.#all.subarray(at, at + this.#dimension)
  }
}

export type ParseQuery = (body: unknown, context: QueryContext) => ParsedQuery

/** The body of a `batch` route. Yields after each query. */
export function* parseQueries(
  body: unknown,
  parse: ParseQuery,
  context: Omit<QueryContext, 'vectors' | 'at'>,
): Generator<void, ParsedQuery[], void> {
  const fields = new Fields(body, 'the body')
  const searches = fields.take('searches')
  fields.end()
  if (!Array.isArray(searches) || searches.length === 0)
    throw new MaksError('BAD_REQUEST', '"searches" must be a list of queries')
  checkLimit('SEARCHES_MAX', '"searches"', searches.length)
  const vectors = new QueryVectors(context.config.vectors[''].size, searches.length)
  const queries: ParsedQuery[] = []
  let filterChars = 0
  for (const search of searches as unknown[]) {
    const query = parse(search, { ...context, vectors, at: `searches[${queries.length}]` })
    filterChars += query.spec.filter?.length ?? 0
    checkLimit('FILTER_CHARS_MAX', 'the filters of "searches"', filterChars)
    queries.push(query)
    yield
  }
  return queries
}

/** POST points/query. */
export function parseQuery(body: unknown, context: QueryContext): ParsedQuery {
  const fields = new Fields(body, context.at ?? 'the body')
  const query = fields.take('query')
  onlyVector(placeOf(context, 'using'), fields.take('using'), context.config)
  fields.refuse('', 'prefetch', 'lookup_from')
  return finish(fields, targetOf(query, context), context)
}

/** POST points/search. */
export function parseSearch(body: unknown, context: QueryContext): ParsedQuery {
  const fields = new Fields(body, context.at ?? 'the body')
  const given = fields.take('vector')
  let value = given
  if (typeof given === 'object' && given !== null && !Array.isArray(given) && 'vector' in given) {
    const named = new Fields(given, placeOf(context, 'vector'))
    onlyVector(placeOf(context, 'vector'), named.take('name'), context.config)
    value = named.take('vector')
    named.end()
  }
  return finish(fields, vectorOf(value, context, 'vector'), context)
}

/** Reads every option of a query; no other place does before the option has its effect. */
function finish(fields: Fields, target: QueryRequest['target'], context: QueryContext): ParsedQuery {
  const limit = limitOf(fields)
  const offset = amountOf(fields, 'offset', 0) ?? 0
  const scoreThreshold = fields.number('score_threshold', { min: -Number.MAX_VALUE, max: Number.MAX_VALUE })
  const chosen = selection(fields, context.config, false)
  const { read, probing } = readParams(context.outside, fields.take('params'), placeOf(context, 'params'))
  const filter = filterOf(fields, context.config, placeOf(context, 'filter'))
  fields.refuse('', 'shard_key')
  fields.end()
  if ('listed' in target && scoreThreshold !== undefined)
    throw badRequest(`${placeOf(context, 'score_threshold')} needs a "query": points that are listed have no score`)
  const threshold = scoreThreshold === undefined ? {} : { scoreThreshold }
  return {
    target,
    read,
    payload: chosen.payload,
    spec: { limit, offset, ...threshold, ...filter, ...wantedOf(chosen), ...probing },
  }
}

/** The name of a field in an error. */
function placeOf({ at }: QueryContext, field: string): string {
  return at === undefined ? field : `${at}.${field}`
}

function vectorOf(value: unknown, context: QueryContext, field: string): QueryRequest['target'] {
  return { vector: defaultVector(value, context.config, placeOf(context, field), context.vectors.next()) }
}

function targetOf(query: unknown, context: QueryContext): QueryRequest['target'] {
  if (query === undefined) return { listed: true }
  if (Array.isArray(query)) return vectorOf(query, context, 'query')
  if (typeof query !== 'object' || query === null) return { key: idAt(query, placeOf(context, 'query')) }
  const fields = new Fields(query, placeOf(context, 'query'))
  const nearest = fields.take('nearest')
  fields.refuseForm(' yet', 'mmr', ['diversity', 'candidates_limit'])
  if (nearest === undefined) {
    if (Object.hasOwn(query, '')) return vectorOf(query, context, 'query')
    const given = Object.entries(query)
      .find(([, value]) => value !== null)?.[0]
      .slice(0, NAME_SHOWN)
    const kind = given === undefined ? 'an empty object' : `"${given}"`
    throw new MaksError(
      'UNSUPPORTED',
      `${placeOf(context, 'query')}: ${kind} is not supported; use a vector, an id or {"nearest": ...}`,
    )
  }
  fields.end()
  const named = typeof nearest === 'object' && nearest !== null
  return named ? vectorOf(nearest, context, 'query.nearest') : { key: idAt(nearest, placeOf(context, 'query.nearest')) }
}

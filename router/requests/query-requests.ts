/** Bodies of queries, alone, in groups or in a batch: each becomes one `QuerySpec`; the vectors of a request share one memory. */
import { badRequest, MaksError } from '../../core/errors.ts'
import { pathAt } from '../../core/filter/filter-fields.ts'
import { checkLimit } from '../../core/limits.ts'
import type { PayloadSelector } from '../../core/payload-selector.ts'
import { examplesOf, type GroupsRequest, type QueryRequest, searches } from '../query/query-request.ts'
import { Fields } from './json-fields.ts'
import { amountOf, defaultVector, filterOf, limitOf, onlyVector, selection, wantedOf } from './point-requests.ts'
import { placeOf, type QueryContext, QueryVectors } from './query-context.ts'
import { type Asked, askedBy, checkLookup, discoverOf, recommendOf } from './query-targets.ts'
import { readParams } from './request-options.ts'

/** The parts of the payloads that the answer shows. */
interface Shown {
  payload: PayloadSelector
}
export type ParsedQuery = QueryRequest & Shown
export type ParsedGroups = GroupsRequest & Shown

/** Reads what a body asks for; its other fields are those of every query. */
export type QueryForm = (fields: Fields, context: QueryContext) => Asked

/** The bodies of points/query, /search, /recommend and /discover, and of their routes for batches and groups. */
export const FORMS = {
  query: (fields, context) => {
    const query = fields.take('query')
    onlyVector(placeOf(context, 'using'), fields.take('using'), context.config)
    fields.refuse('', 'prefetch')
    checkLookup(fields, context)
    return askedBy(query, context)
  },
  search: (fields, context) => {
    const given = fields.take('vector')
    let value = given
    if (typeof given === 'object' && given !== null && !Array.isArray(given) && 'vector' in given) {
      const named = new Fields(given, placeOf(context, 'vector'))
      onlyVector(placeOf(context, 'vector'), named.take('name'), context.config)
      value = named.take('vector')
      named.end()
    }
    const vector = defaultVector(value, context.config, placeOf(context, 'vector'), context.vectors.next())
    return { target: { vector } }
  },
  recommend: (fields, context) => ({ target: examplesIn(fields, context, recommendOf) }),
  discover: (fields, context) => ({ target: examplesIn(fields, context, discoverOf) }),
} satisfies Record<string, QueryForm>

function examplesIn(fields: Fields, context: QueryContext, parse: typeof recommendOf) {
  onlyVector(placeOf(context, 'using'), fields.take('using'), context.config)
  checkLookup(fields, context)
  return parse(fields, context, '')
}

/** The body of a route for one query. */
export function parseQuery(body: unknown, form: QueryForm, context: QueryContext): ParsedQuery {
  const fields = new Fields(body, context.at ?? 'the body')
  const query = finish(fields, form(fields, context), context)
  fields.end()
  checkLimit('EXAMPLES_MAX', placeOf(context, 'the examples'), examplesOf(query))
  return query
}

const GROUP_SIZE = 3

/** The body of a route for one query whose points come in groups. */
export function parseGroups(body: unknown, form: QueryForm, context: QueryContext): ParsedGroups {
  const fields = new Fields(body, 'the body')
  const path = pathAt(fields.take('group_by'), 'group_by')
  const size = amountOf(fields, 'group_size', 1) ?? GROUP_SIZE
  fields.refuse('', 'with_lookup', 'offset')
  const query = finish(fields, form(fields, context), context)
  fields.end()
  checkLimit('EXAMPLES_MAX', 'the examples', examplesOf(query))
  if (query.mmr !== undefined || 'ordered' in query.target || 'drawn' in query.target)
    throw new MaksError('UNSUPPORTED', 'query: "mmr", "order_by" and "sample" are not supported with "group_by"')
  return { ...query, group: { path, size } }
}

/** The body of a `batch` route. Yields after each query. */
export function* parseQueries(
  body: unknown,
  form: QueryForm,
  context: Omit<QueryContext, 'vectors' | 'at'>,
): Generator<void, ParsedQuery[], void> {
  const fields = new Fields(body, 'the body')
  const bodies = fields.take('searches')
  fields.end()
  if (!Array.isArray(bodies) || bodies.length === 0)
    throw new MaksError('BAD_REQUEST', '"searches" must be a list of queries')
  checkLimit('SEARCHES_MAX', '"searches"', bodies.length)
  const vectors = new QueryVectors(context.config.vectors[''].size, bodies.length)
  const queries: ParsedQuery[] = []
  let filterChars = 0
  let examples = 0
  for (const one of bodies as unknown[]) {
    const query = parseQuery(one, form, { ...context, vectors, at: `searches[${queries.length}]` })
    filterChars += query.spec.filter?.length ?? 0
    checkLimit('FILTER_CHARS_MAX', 'the filters of "searches"', filterChars)
    examples += examplesOf(query)
    checkLimit('EXAMPLES_MAX', 'the examples of "searches"', examples)
    queries.push(query)
    yield
  }
  return queries
}

/** Reads every option of a query; no other place does before the option has its effect. */
function finish(fields: Fields, asked: Asked, context: QueryContext): ParsedQuery {
  const limit = limitOf(fields)
  const offset = amountOf(fields, 'offset', 0) ?? 0
  const scoreThreshold = fields.number('score_threshold', { min: -Number.MAX_VALUE, max: Number.MAX_VALUE })
  const chosen = selection(fields, context.config, false)
  const { read, probing } = readParams(context.outside, fields.take('params'), placeOf(context, 'params'))
  const filter = filterOf(fields, context.config, placeOf(context, 'filter'))
  fields.refuse('', 'shard_key')
  const threshold = scoreThreshold === undefined ? {} : { scoreThreshold }
  const spec = { limit, offset, ...threshold, ...filter, ...wantedOf(chosen), ...probing }
  const query: ParsedQuery = { ...asked, read, payload: chosen.payload, spec }
  if (scoreThreshold !== undefined && !searches(query))
    throw badRequest(`${placeOf(context, 'score_threshold')} needs a "query": points that are listed have no score`)
  return query
}

/** What a query is about, as its body has it: a vector, an id, examples with a strategy, or an order of the points. */
import { badRequest, MaksError } from '../../core/errors.ts'
import type { Metric } from '../../core/metric.ts'
import type { Example, Examples, Mmr, QueryRequest } from '../query/query-request.ts'
import { Fields, NAME_SHOWN } from './json-fields.ts'
import { orderOf } from './order-by.ts'
import { amountOf, defaultVector, idAt, onlyVector } from './point-requests.ts'
import { placeOf, type QueryContext } from './query-context.ts'

/** What a body asks for. */
export type Asked = Pick<QueryRequest, 'target' | 'mmr'>

const STRATEGIES = { average_vector: 'average', best_score: 'bestScore', sum_scores: 'sumScores' } as const

/** The kinds of `query` beside a vector and an id. */
const KINDS = {
  nearest: nearestOf,
  recommend: (value: unknown, context: QueryContext, at: string) => {
    const fields = new Fields(value, at)
    const target = recommendOf(fields, context, `${at}.`)
    fields.end()
    return { target }
  },
  discover: (value: unknown, context: QueryContext, at: string) => {
    const fields = new Fields(value, at)
    const target = discoverOf(fields, context, `${at}.`)
    fields.end()
    if (target.by.is === 'context') throw badRequest(`${at}: "target" is missing`)
    return { target }
  },
  context: (value: unknown, context: QueryContext, at: string) => ({
    target: contextOf(undefined, pairsOf(value, context, at), placeOf(context, at)),
  }),
  order_by: (value: unknown, _context: QueryContext, at: string) => ({ target: { ordered: orderOf(value, at) } }),
  sample: (value: unknown, _context: QueryContext, at: string) => {
    if (value !== 'random') throw badRequest(`${at} must be "random"`)
    return { target: { drawn: true as const } }
  },
} satisfies Record<string, (value: unknown, context: QueryContext, at: string) => Asked>

/** The `query` of a body. */
export function askedBy(query: unknown, context: QueryContext): Asked {
  if (query === undefined) return { target: { listed: true } }
  if (typeof query !== 'object' || query === null || Array.isArray(query) || Object.hasOwn(query, ''))
    return { target: exampleOf(query, context, 'query', context.vectors.next()) }
  const [kind, ...others] = Object.entries(query).filter(([, value]) => value !== null)
  const [name, value] = kind ?? ['', undefined]
  if (name === 'nearest' || name === 'mmr') return nearestOf(query, context, 'query')
  const parse = Object.hasOwn(KINDS, name) ? KINDS[name as keyof typeof KINDS] : undefined
  if (parse === undefined || others.length > 0) throw unknownKind(others[0]?.[0] ?? kind?.[0], context)
  return parse(value, context, `query.${name}`)
}

function unknownKind(name: string | undefined, context: QueryContext): MaksError {
  const shown = name === undefined ? 'an empty object' : `"${name.slice(0, NAME_SHOWN)}"`
  const kinds = Object.keys(KINDS).map((kind) => `"${kind}"`)
  return new MaksError(
    'UNSUPPORTED',
    `${placeOf(context, 'query')}: ${shown} is not supported; use a vector, an id or an object with one of ${kinds.join(', ')}`,
  )
}

function nearestOf(query: unknown, context: QueryContext, at: string): Asked {
  const fields = new Fields(query, placeOf(context, at))
  const nearest = fields.take('nearest')
  const given = fields.take('mmr')
  fields.end()
  if (nearest === undefined) throw badRequest(`${placeOf(context, at)}: "nearest" is missing`)
  const target = exampleOf(nearest, context, `${at}.nearest`, context.vectors.next())
  return given === undefined ? { target } : { target, mmr: mmrOf(given, placeOf(context, `${at}.mmr`)) }
}

const DIVERSITY = 0.5

/** An object without members asks for it with its defaults, as in Qdrant. */
function mmrOf(value: unknown, at: string): Mmr {
  const fields = new Fields(value, at)
  const diversity = fields.number('diversity', { min: 0, max: 1 })
  const candidates = amountOf(fields, 'candidates_limit', 1)
  fields.end()
  return { diversity: diversity ?? DIVERSITY, ...(candidates === undefined ? {} : { candidates }) }
}

/**
 * A vector, or the id of a point.
 * @param into the memory of the vector
 * @param metric that of the collection, but for vectors of which an average is made: they keep their length
 */
export function exampleOf(
  value: unknown,
  context: QueryContext,
  at: string,
  into?: Float32Array,
  metric?: Metric,
): Example {
  const place = placeOf(context, at)
  if (typeof value !== 'object' || value === null) return { key: idAt(value, place) }
  return { vector: defaultVector(value, context.config, place, into, metric) }
}

/** `positive`, `negative` and `strategy`. @param at what stands before their names in an error */
export function recommendOf(fields: Fields, context: QueryContext, at: string): Examples {
  const strategy = fields.take('strategy') ?? 'average_vector'
  if (typeof strategy !== 'string' || !Object.hasOwn(STRATEGIES, strategy))
    throw badRequest(`${placeOf(context, `${at}strategy`)} must be one of ${Object.keys(STRATEGIES).join(', ')}`)
  const is = STRATEGIES[strategy as keyof typeof STRATEGIES]
  const metric = is === 'average' ? 'InnerProduct' : undefined
  const listOf = (name: string) =>
    examplesAt(fields.take(name), placeOf(context, at + name)).map((value, i) =>
      exampleOf(value, context, `${at}${name}[${i}]`, undefined, metric),
    )
  const positive = listOf('positive')
  const examples = [...positive, ...listOf('negative')]
  const positives = positive.length
  if (is === 'average' && positives === 0)
    throw badRequest(`${placeOf(context, `${at}positive`)} must have an example, for the strategy average_vector`)
  if (examples.length === 0) throw badRequest(`${placeOf(context, `${at}positive`)} or "negative" must have an example`)
  return { examples, by: is === 'average' ? { is, positives } : { is, positives, examples: examples.length } }
}

/** `target` and `context`; without a target it is a search by the context alone. */
export function discoverOf(fields: Fields, context: QueryContext, at: string): Examples {
  const given = fields.take('target')
  const target = given === undefined ? undefined : exampleOf(given, context, `${at}target`)
  return contextOf(
    target,
    pairsOf(fields.take('context') ?? [], context, `${at}context`),
    placeOf(context, `${at}context`),
  )
}

function contextOf(target: Example | undefined, pairs: readonly Example[], at: string): Examples {
  if (target) return { examples: [target, ...pairs], by: { is: 'discover', examples: pairs.length + 1 } }
  if (pairs.length === 0) throw badRequest(`${at} must have a pair of examples`)
  return { examples: pairs, by: { is: 'context', examples: pairs.length } }
}

/** One pair or a list of them: of each the positive and the negative example. */
function pairsOf(value: unknown, context: QueryContext, at: string): Example[] {
  const pairs: unknown[] = Array.isArray(value) ? value : [value]
  return pairs.flatMap((pair, i) => {
    const place = Array.isArray(value) ? `${at}[${i}]` : at
    const fields = new Fields(pair, placeOf(context, place))
    const both = ['positive', 'negative'].map((name) => {
      const example = fields.take(name)
      if (example === undefined) throw badRequest(`${placeOf(context, `${place}.${name}`)} is missing`)
      return exampleOf(example, context, `${place}.${name}`)
    })
    fields.end()
    return both
  })
}

function examplesAt(value: unknown, at: string): unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw badRequest(`${at} must be a list of vectors and ids`)
  return value as unknown[]
}

/** `lookup_from`: of this collection it changes nothing. Throws UNSUPPORTED for another one. */
export function checkLookup(fields: Fields, context: QueryContext): void {
  const given = fields.take('lookup_from')
  if (given === undefined) return
  const place = placeOf(context, 'lookup_from')
  const lookup = new Fields(given, place)
  const collection = lookup.take('collection')
  onlyVector(`${place}.vector`, lookup.take('vector'), context.config)
  lookup.refuse('', 'shard_key')
  lookup.end()
  if (collection !== undefined && collection !== context.config.collection)
    throw new MaksError('UNSUPPORTED', `${place}: examples of another collection are not supported`)
}

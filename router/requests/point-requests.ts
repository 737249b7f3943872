/**
 * Bodies of the routes that read points, from JSON to the requests of reads, and the parts that they share with those that
 * write (`write-requests.ts`). A body is checked as a whole before any of it is done.
 */
import { asMaksError, badRequest } from '../../core/errors.ts'
import { encodeFilter, type FilterText, isUnconditional } from '../../core/filter/filter.ts'
import { pathAt } from '../../core/filter/filter-fields.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { type IdKey, idKey } from '../../core/ids.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { checkLimit, type LimitName } from '../../core/limits.ts'
import { type PayloadSelector, parsePayloadSelector } from '../../core/payload-selector.ts'
import { parseVector } from '../../core/vector.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { ValueOrder } from '../query/payload-reads.ts'
import type { Wanted } from '../query/rows.ts'
import { Fields, NAME_SHOWN } from './json-fields.ts'
import { orderOf } from './order-by.ts'

/** The filter of a body; none if it is absent or has no condition. */
export interface Filtered {
  filter?: FilterText
}

/**
 * @param at the place of the filter in the body
 * @param field its name there
 */
export function filterOf(fields: Fields, { vectorName }: CollectionConfig, at = 'filter', field = 'filter'): Filtered {
  const given = fields.take(field)
  if (given === undefined) return {}
  const filter = parseFilter(given, at, vectorName)
  if (isUnconditional(filter)) return {}
  const text = encodeFilter(filter)
  checkLimit('FILTER_CHARS_MAX', at, text.length)
  return { filter: text }
}

/**
 * A vector, or one by the name of the collection's vector, or by the empty name, as in `{"text": [...]}`.
 * @param into see `parseVector`
 * @param metric absent: that of the collection
 */
export function defaultVector(
  value: unknown,
  config: CollectionConfig,
  what: string,
  into?: Float32Array,
  metric = config.vectors[''].metric,
): Float32Array {
  const list = Array.isArray(value) || value instanceof Float32Array
  const named = typeof value === 'object' && value !== null && !list
  const { size } = config.vectors['']
  return parseVector(named ? byName(value, config, what) : value, size, metric, what, into)
}

/** The value under the name of the collection's vector; the empty name always means that one. Throws UNSUPPORTED for another name. */
export function byName(
  value: unknown,
  { vectorName = '' }: Pick<CollectionConfig, 'vectorName'>,
  what: string,
): unknown {
  const fields = new Fields(value, what)
  const own = fields.take(vectorName)
  if (own !== undefined && vectorName !== '') fields.refuse('', '')
  const vector = own ?? fields.take('')
  fields.end()
  return vector
}

/** The key of an id; an error names the place of the id. */
export function idAt(id: unknown, what: string): IdKey {
  try {
    return idKey(id)
  } catch (thrown) {
    throw badRequest(`${what}: ${asMaksError(thrown).message}`)
  }
}

/** Ids of a list, each as often as it stands there. */
export function parseIds(ids: unknown, what: string, limit: LimitName): IdKey[] {
  if (!Array.isArray(ids)) throw badRequest(`"${what}" must be a list of ids`)
  checkLimit(limit, `"${what}"`, ids.length)
  return ids.map((id, at) => idAt(id, `${what}[${at}]`))
}

export interface Selection {
  payload: PayloadSelector
  withVector: boolean
}

/** The parts of a row that the cells send for a selection. */
export function wantedOf({ payload, withVector }: Selection): Wanted {
  return { withPayload: payload.kind !== 'none', withVector }
}

export function selection(fields: Fields, config: CollectionConfig, payloadByDefault: boolean): Selection {
  return {
    payload: parsePayloadSelector(fields.take('with_payload'), payloadByDefault),
    withVector: parseWithVector(fields.take('with_vector'), config),
  }
}

function parseWithVector(value: unknown, config: CollectionConfig): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  if (Array.isArray(value)) {
    for (const name of value as unknown[]) onlyVector('with_vector', name, config)
    return value.length > 0
  }
  throw badRequest('with_vector must be true or false')
}

export interface RetrieveRequest extends Selection {
  keys: IdKey[]
}

export function parseRetrieve(body: unknown, config: CollectionConfig): RetrieveRequest {
  const fields = new Fields(body, 'the body')
  const keys = [...new Set(parseIds(fields.take('ids'), 'ids', 'RETRIEVE_IDS_MAX'))]
  const chosen = selection(fields, config, true)
  fields.refuse('', 'shard_key')
  fields.end()
  return { keys, ...chosen }
}

export interface ScrollRequest extends Selection, Filtered {
  from: IdKey | null
  limit: number
  /** Absent: the order of ids. */
  order?: ValueOrder
}

const DEFAULT_LIMIT = 10
/** More points than any collection has, and still exact in sums. */
const AMOUNT_MAX = 2 ** 48

/** A number of points, as of `limit` and `offset`: as large as a client likes, for there are never more than there are. */
export function amountOf(fields: Fields, name: string, min: number): number | undefined {
  const given = fields.number(name, { min, max: Number.POSITIVE_INFINITY, integer: true })
  return given === undefined ? undefined : Math.min(given, AMOUNT_MAX)
}

export function limitOf(fields: Fields): number {
  return amountOf(fields, 'limit', 1) ?? DEFAULT_LIMIT
}

export function parseScroll(body: unknown, config: CollectionConfig): ScrollRequest {
  const fields = new Fields(body, 'the body')
  const offset = fields.take('offset')
  const limit = limitOf(fields)
  const chosen = selection(fields, config, true)
  const filter = filterOf(fields, config)
  const orderBy = fields.take('order_by')
  fields.refuse('', 'shard_key')
  fields.end()
  if (offset !== undefined && orderBy !== undefined)
    throw badRequest(
      '"offset" cannot be used with "order_by"; continue from "start_from", without the ids that were seen',
    )
  const order = orderBy === undefined ? {} : { order: orderOf(orderBy, 'order_by') }
  return { from: offset === undefined ? null : idAt(offset, 'offset'), limit, ...order, ...filter, ...chosen }
}

export interface FacetRequest extends Filtered {
  path: JsonPath
  limit: number
}

/** POST facet. Counts are exact, with or without `exact`. */
export function parseFacet(body: unknown, config: CollectionConfig): FacetRequest {
  const fields = new Fields(body, 'the body')
  const path = pathAt(fields.take('key'), 'key')
  const limit = limitOf(fields)
  fields.boolean('exact')
  const filter = filterOf(fields, config)
  fields.refuse('', 'shard_key')
  fields.end()
  return { path, limit, ...filter }
}

export function parseCount(body: unknown, config: CollectionConfig): Filtered {
  const fields = new Fields(body, 'the body')
  fields.boolean('exact')
  const filter = filterOf(fields, config)
  fields.refuse('', 'shard_key')
  fields.end()
  return filter
}

/** Throws BAD_REQUEST unless the name is absent, empty or that of the collection's vector: a point has one. */
export function onlyVector(field: string, name: unknown, { vectorName }: CollectionConfig): void {
  if (name === undefined || name === '' || name === vectorName) return
  if (typeof name !== 'string') throw badRequest(`${field}: the name of a vector must be a text`)
  throw badRequest(`${field}: there is no vector named ${JSON.stringify(name.slice(0, NAME_SHOWN))}`)
}

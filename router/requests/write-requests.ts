/**
 * Bodies of the routes that write points, from JSON to operations. A body is checked as a whole before any of it is done. Each
 * parser takes the place of its object in the body, for a batch holds several.
 */
import { badRequest, MaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import { checkLimit } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Edit, PointOperation, UpdateMode } from '../edit/edit.ts'
import { upsertOf } from '../write/point-row.ts'
import type { Write } from '../write/writes.ts'
import { Fields, isEmpty, NAME_SHOWN } from './json-fields.ts'
import { payloadText } from './payload-text.ts'
import { byName, defaultVector, filterOf, idAt, onlyVector, parseIds } from './point-requests.ts'

/** Of an object of a body. */
export interface Place {
  config: CollectionConfig
  /** What an error calls it. */
  what: string
  /** What stands before the name of a field in an error. */
  before: string
}

export function wholeBody(config: CollectionConfig): Place {
  return { config, what: 'the body', before: '' }
}

const MODES: readonly unknown[] = ['upsert', 'insert_only', 'update_only'] satisfies UpdateMode[]

/** Both forms of an upsert. The last of two points with one id wins. Yields after each point. */
export function* parseUpsert(body: unknown, place: Place): Generator<void, PointOperation, void> {
  const { config, what, before } = place
  const fields = new Fields(body, what)
  const points = fields.take('points')
  const batch = fields.take('batch')
  const mode = fields.take('update_mode') ?? 'upsert'
  const { filter } = filterOf(fields, config, `${before}update_filter`, 'update_filter')
  fields.refuse('', 'shard_key')
  fields.end()
  if (!MODES.includes(mode)) throw badRequest(`${what}: "update_mode" must be upsert, insert_only or update_only`)
  if ((points === undefined) === (batch === undefined)) throw badRequest(`${what} must hold either "points" or "batch"`)
  const writes = lastOfEach(yield* points === undefined ? parseBatch(batch, place) : parsePoints(points, place))
  if (mode === 'upsert' && filter === undefined) return { is: 'writes', writes }
  const byKey = new Map(writes.map((write) => [write.key, write]))
  return { is: 'edit', edit: editOf(byKey, { is: 'upserts', writes: byKey, mode: mode as UpdateMode }, filter) }
}

function* parsePoints(points: unknown, { config, before }: Place): Generator<void, Write[], void> {
  if (!Array.isArray(points)) throw badRequest(`"${before}points" must be a list`)
  checkLimit('WRITE_POINTS_MAX', `"${before}points"`, points.length)
  const writes: Write[] = []
  for (const point of points as unknown[]) {
    const what = `${before}points[${writes.length}]`
    const fields = new Fields(point, what)
    writes.push(toWrite(fields.take('id'), fields.take('vector'), fields.take('payload'), config, what))
    fields.end()
    yield
  }
  return writes
}

function* parseBatch(batch: unknown, { config, before }: Place): Generator<void, Write[], void> {
  const what = `${before}batch`
  const fields = new Fields(batch, what)
  const ids = fields.take('ids')
  const given = fields.take('vectors')
  const payloads = fields.take('payloads') ?? []
  fields.end()
  const vectors = Array.isArray(given) || given === undefined ? given : byName(given, config, `${what}.vectors`)
  if (!Array.isArray(ids) || !Array.isArray(vectors) || !Array.isArray(payloads))
    throw badRequest(`"${what}" holds lists: ids, vectors and, if any, payloads`)
  checkLimit('WRITE_POINTS_MAX', `"${what}.ids"`, ids.length)
  if (vectors.length !== ids.length || (payloads.length !== 0 && payloads.length !== ids.length))
    throw badRequest(`the lists of "${what}" differ in length`)
  const writes: Write[] = []
  for (let i = 0; i < ids.length; i++) {
    writes.push(toWrite(ids[i], vectors[i], payloads[i], config, `${what}[${i}]`))
    yield
  }
  return writes
}

function toWrite(id: unknown, vector: unknown, payload: unknown, config: CollectionConfig, what: string): Write {
  if (id === undefined) throw badRequest(`${what} has no id`)
  if (vector === undefined || vector === null) throw badRequest(`${what} has no vector`)
  const key = idAt(id, `${what}.id`)
  const parsed = defaultVector(vector, config, `${what}.vector`)
  return upsertOf(key, { vector: parsed, payload: payloadText(payload, `${what}.payload`) }, config, what)
}

function lastOfEach(writes: Write[]): Write[] {
  const last = new Map<IdKey, Write>()
  for (const write of writes) {
    last.delete(write.key)
    last.set(write.key, write)
  }
  return [...last.values()]
}

function editOf(points: ReadonlyMap<IdKey, unknown>, change: Edit['change'], onlyIf: FilterText | undefined): Edit {
  return { target: { keys: [...points.keys()] }, change, ...(onlyIf === undefined ? {} : { onlyIf }) }
}

/** By ids, or by a filter. */
export function parseDelete(body: unknown, place: Place): PointOperation {
  const fields = new Fields(body, place.what)
  const target = targetOf(fields, place)
  fields.end()
  if ('keys' in target) return { is: 'writes', writes: target.keys.map((key) => ({ key })) }
  return { is: 'edit', edit: { target, change: { is: 'delete' } } }
}

/** The points that an operation names: `points`, a list of ids, or `filter`; without conditions it must be `{"must": []}`, all points. */
export function targetOf(fields: Fields, { config, what, before }: Place): Edit['target'] {
  const points = fields.take('points')
  const given = fields.take('filter')
  const { filter } = filterOf(fields, config, `${before}filter`)
  fields.refuse('', 'shard_key')
  if (points !== undefined) {
    if (filter !== undefined) throw badRequest(`${what} must hold either "points" or "filter"`)
    return { keys: [...new Set(parseIds(points, `${before}points`, 'WRITE_POINTS_MAX'))] }
  }
  if (given === undefined) throw badRequest(`"${before}points" must be a list of ids, unless there is a "filter"`)
  if (isEmpty(given)) throw badRequest(`${before}filter is empty; {"must": []} names all points`)
  return { matching: filter }
}

/** The last of two vectors for one id wins. Yields after each point. */
export function* parseUpdateVectors(
  body: unknown,
  { config, what, before }: Place,
): Generator<void, PointOperation, void> {
  const fields = new Fields(body, what)
  const points = fields.take('points')
  const { filter } = filterOf(fields, config, `${before}update_filter`, 'update_filter')
  fields.refuse('', 'shard_key')
  fields.end()
  if (!Array.isArray(points) || points.length === 0)
    throw badRequest(`"${before}points" must be a list of ids with vectors`)
  checkLimit('WRITE_POINTS_MAX', `"${before}points"`, points.length)
  const vectors = new Map<IdKey, Float32Array>()
  for (const [i, given] of (points as unknown[]).entries()) {
    const at = `${before}points[${i}]`
    const point = new Fields(given, at)
    const vector = point.take('vector')
    const key = idAt(point.take('id'), `${at}.id`)
    point.end()
    if (vector === undefined) throw badRequest(`${at} has no vector`)
    vectors.set(key, defaultVector(vector, config, `${at}.vector`))
    yield
  }
  return { is: 'edit', edit: editOf(vectors, { is: 'vectors', vectors }, filter) }
}

/**
 * Always refused, after a check of the names: a point has one vector, and the cell that holds the point follows from it.
 */
export function parseDeleteVectors(body: unknown, place: Place): never {
  const fields = new Fields(body, place.what)
  const names = fields.take('vector')
  targetOf(fields, place)
  fields.end()
  if (!Array.isArray(names) || names.length === 0)
    throw badRequest(`"${place.before}vector" must be a list of names of vectors`)
  for (const name of names as unknown[]) onlyVector(`${place.before}vector`, name, place.config)
  const name = JSON.stringify(String(names[0]).slice(0, NAME_SHOWN))
  throw new MaksError(
    'UNSUPPORTED',
    `${place.before}vector: ${name} is the only vector of a point, which cannot be without one; delete the points, or give them another vector`,
  )
}

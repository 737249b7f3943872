/** Options of requests: of reads, in `params`, in the query string or as headers; and of writes. */
import type { IncomingHttpHeaders } from 'node:http'
import { badRequest, MaksError } from '../../core/errors.ts'
import { TIMEOUT_MS_MAX } from '../../protocol/env/config.ts'
import type { QuerySpec } from '../../protocol/shard-rpc.ts'
import { parseToken, type SessionToken } from '../cluster/session-token.ts'
import { type PointOperation, pointsNamed } from '../edit/edit.ts'
import type { WriteRequest } from '../edit/point-writes.ts'
import type { Consistency, ReadRequest } from '../query/consistency.ts'
import { type Bounds, Fields, NAME_SHOWN } from './json-fields.ts'

/** Query string and headers of a request as `express` reads them, header names in lower case. */
export interface Outside {
  query: Record<string, unknown>
  headers: IncomingHttpHeaders
}

/** The options that select the cells of a query, and show what was found there. */
export type Probing = Pick<QuerySpec, 'exact' | 'probes' | 'recallTarget' | 'partial' | 'explain'>

/** Of bounded reads; the first is the default. */
const STALENESS_MS = 5000
const STALENESS_MAX_MS = 3_600_000
/** Timeouts are seconds, as in Qdrant. */
const TIMEOUT_MAX_S = TIMEOUT_MS_MAX / 1000
const PROBES_MAX = 1_000_000

/** Parameters that a query string may have; headers with these names may begin with `maksdb-`. */
const OUTSIDE = new Set([
  'wait',
  'ordering',
  'timeout',
  // Of telemetry: known, and without meaning.
  'anonymize',
  'details_level',
  'consistency',
  'maksdb-probes',
  'maksdb-recall-target',
  'maksdb-exact',
  'maksdb-partial',
  'maksdb-explain',
  'maksdb-consistency',
  'maksdb-token',
  'maksdb-max-staleness-ms',
])
const FLAGS = new Set(['true', 'false', '1', '0'])
const OWN_HEADERS = new Set([...OUTSIDE, 'maksdb-if-version'])

/** Throws UNSUPPORTED that names a query parameter, or a `maksdb-` header, that no route reads. */
export function checkOutside({ query, headers }: Outside): void {
  const unknown = Object.keys(query).find((name) => !OUTSIDE.has(name))
  if (unknown !== undefined)
    throw new MaksError('UNSUPPORTED', `the query parameter "${unknown.slice(0, NAME_SHOWN)}" is not supported`)
  const header = Object.keys(headers).find((name) => name.startsWith('maksdb-') && !OWN_HEADERS.has(name))
  if (header !== undefined)
    throw new MaksError('UNSUPPORTED', `the header "${header.slice(0, NAME_SHOWN)}" is not supported`)
}

function headerOf({ headers }: Outside, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function outside(given: Outside, name: string): string | undefined {
  const value = given.query[name]
  if (value !== undefined && typeof value !== 'string')
    throw badRequest(`the query parameter "${name}" is given more than once`)
  return value ?? headerOf(given, name)
}

/** The options of a read: in `params`, in the query string, or in a header, in this order. */
export function readParams(
  request: Outside,
  params: unknown,
  what = 'params',
): { read: ReadRequest; probing: Probing } {
  const fields = new Fields(params ?? {}, what)
  fields.ignore('hnsw_ef', 'indexed_only', 'quantization', 'acorn')
  const number = (name: string, outsideName: string, bounds: Bounds) => {
    const given = outsideNumber(request, outsideName, bounds)
    return fields.number(name, bounds) ?? given
  }
  const flag = (name: string, outsideName: string) => {
    const given = outsideFlag(request, outsideName)
    return fields.boolean(name) ?? given
  }
  const probes = number('probes', 'maksdb-probes', { min: 1, max: PROBES_MAX, integer: true })
  const recallTarget = number('recall_target', 'maksdb-recall-target', { min: 0, max: 1 })
  const token = sessionToken(fields.take('token') ?? outside(request, 'maksdb-token'))
  const maxStalenessMs =
    number('max_staleness_ms', 'maksdb-max-staleness-ms', { min: 0, max: STALENESS_MAX_MS, integer: true }) ??
    STALENESS_MS
  const probing: Probing = {
    exact: flag('exact', 'maksdb-exact'),
    ...(probes === undefined ? {} : { probes }),
    ...(recallTarget === undefined ? {} : { recallTarget }),
    partial: flag('partial', 'maksdb-partial'),
    ...(flag('explain', 'maksdb-explain') ? { explain: true } : {}),
  }
  const consistency = parseConsistency(
    fields.take('consistency') ?? outside(request, 'maksdb-consistency') ?? request.query.consistency,
    token,
  )
  fields.end()
  return { read: { consistency, token, maxStalenessMs }, probing }
}

function outsideNumber(request: Outside, name: string, { min, max, integer }: Bounds): number | undefined {
  const text = outside(request, name)
  if (text === undefined) return undefined
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max) || (integer === true && !Number.isInteger(value))) {
    const shape = integer === true ? 'a whole number' : 'a number'
    throw badRequest(`"${name}" must be ${shape} from ${min} to ${max}, not "${text.slice(0, NAME_SHOWN)}"`)
  }
  return value
}

/** False if it is absent. */
function outsideFlag(request: Outside, name: string): boolean {
  const text = outside(request, name)
  if (text !== undefined && !FLAGS.has(text))
    throw badRequest(`"${name}" must be true or false, not "${text.slice(0, NAME_SHOWN)}"`)
  return text === 'true' || text === '1'
}

/** Qdrant's own levels are numbers of replicas to ask; here each answer already holds every acknowledged write. */
function parseConsistency(value: unknown, token: SessionToken | undefined): Consistency {
  if (token !== undefined && value !== undefined && value !== 'session')
    throw badRequest('"token" goes with consistency session, or with none')
  if (token !== undefined) return 'session'
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 0)) return 'default'
  if (value === 'eventual' || value === 'bounded' || value === 'session' || value === 'strong') return value
  if (value === 'majority' || value === 'quorum' || value === 'all') return 'default'
  if (typeof value === 'string' && /^\d+$/.test(value)) return 'default'
  throw badRequest('consistency must be eventual, bounded, session, strong, a number, majority, quorum or all')
}

/** The empty text begins a session. */
export function sessionToken(value: unknown): SessionToken | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw badRequest('"token" must be a text')
  return parseToken(value)
}

/** The time of a request, ms: `timeout` of its query string in seconds, else the router's own. */
export function timeoutMs(request: Outside, limits: { timeoutMs: number }): number {
  const text = request.query.timeout
  if (text === undefined || text === '') return limits.timeoutMs
  const seconds = typeof text === 'string' && /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds > 0) || seconds > TIMEOUT_MAX_S)
    throw badRequest(`"timeout" must be a number of seconds up to ${TIMEOUT_MAX_S}`)
  return seconds * 1000
}

/** @param points of the request */
export function writeOptions(request: Outside, points: number): WriteRequest {
  const { wait, ordering } = request.query
  if (wait !== undefined && wait !== 'true' && wait !== 'false') throw badRequest('"wait" must be true or false')
  if (ordering !== undefined && ordering !== 'weak' && ordering !== 'medium' && ordering !== 'strong') {
    throw badRequest('"ordering" must be weak, medium or strong')
  }
  const idempotencyKey = headerOf(request, 'idempotency-key')
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw badRequest('"Idempotency-Key" must be 1 to 255 visible ASCII characters')
  const token = sessionToken(outside(request, 'maksdb-token'))
  return { wait: wait === 'true', token, idempotencyKey, ifVersion: ifVersion(request, points) }
}

/** Header `maksdb-if-version`: the user version that the one point of the request must have; 0 if it must not exist. */
function ifVersion(request: Outside, points: number): number | undefined {
  const text = headerOf(request, 'maksdb-if-version')
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw badRequest('"maksdb-if-version" must be a version')
  if (points !== 1) throw badRequest('"maksdb-if-version" speaks of one point, so the request must hold one')
  return Number(text)
}

/** The options of a request of these operations. */
export function optionsOfWrites(request: Outside, operations: readonly PointOperation[]): WriteRequest {
  const points = operations.map(pointsNamed)
  const options = writeOptions(
    request,
    points.reduce<number>((sum, count) => sum + (count ?? Number.NaN), 0),
  )
  if (options.idempotencyKey !== undefined && points.includes(undefined))
    throw badRequest('"Idempotency-Key" needs "points": the points that a filter matches may be others the next time')
  return options
}

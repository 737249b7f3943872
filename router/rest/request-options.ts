/** Options that every read route takes in `params`, in the query string or as headers; and those of writes. */
import type { Request } from 'express'
import { badRequest, MaksError } from '../../core/errors.ts'
import { parseToken, type SessionToken } from '../cluster/session-token.ts'
import type { Consistency } from '../query/consistency.ts'
import { Fields } from './json-fields.ts'

export interface Limits {
  limitMax: number
  timeoutMs: number
}

export interface ReadParams {
  exact: boolean
  probes: number | undefined
  recallTarget: number | undefined
  partial: boolean
  consistency: Consistency
  /** What a session has seen. */
  token: SessionToken | undefined
  maxStalenessMs: number
}

/** Of bounded reads. */
const STALENESS_MS = 5000
const STALENESS_MAX_MS = 3_600_000
/** Timeouts are seconds, as in Qdrant. */
const TIMEOUT_MAX_S = 300
const PROBES_MAX = 1_000_000
/** Of a name that is answered back, so many characters. */
const NAME_SHOWN = 100

/** What may stand in the query string of a request; and what may begin with `maksdb-` among its headers. */
const OUTSIDE = new Set([
  'wait',
  'ordering',
  'timeout',
  'consistency',
  'maksdb-probes',
  'maksdb-recall-target',
  'maksdb-exact',
  'maksdb-partial',
  'maksdb-consistency',
  'maksdb-token',
  'maksdb-max-staleness-ms',
])
const FLAGS = new Set(['true', 'false', '1', '0'])
const OWN_HEADERS = new Set([...OUTSIDE, 'maksdb-if-version'])

/** Refuses what stands outside of the body under a name that nobody reads: it would be ignored without a word. */
export function checkOutside(request: Request): void {
  const unknown = Object.keys(request.query).find((name) => !OUTSIDE.has(name))
  if (unknown !== undefined)
    throw new MaksError('UNSUPPORTED', `the query parameter "${unknown.slice(0, NAME_SHOWN)}" is not supported`)
  const header = Object.keys(request.headers).find((name) => name.startsWith('maksdb-') && !OWN_HEADERS.has(name))
  if (header !== undefined)
    throw new MaksError('UNSUPPORTED', `the header "${header.slice(0, NAME_SHOWN)}" is not supported`)
}

function outside(request: Request, name: string): string | undefined {
  const query = request.query[name]
  if (query !== undefined && typeof query !== 'string')
    throw badRequest(`the query parameter "${name}" is given more than once`)
  return query ?? request.get(name)
}

export function readParams(request: Request, params: unknown): ReadParams {
  const given = params === undefined || params === null ? {} : params
  const fields = new Fields(given, 'params')
  fields.ignore('hnsw_ef', 'indexed_only', 'quantization', 'acorn')
  const outsideNumber = (name: string) => {
    const text = outside(request, name)
    if (text === undefined) return undefined
    if (!/^\d+(\.\d+)?$/.test(text)) throw badRequest(`"${name}" must be a number, not "${text}"`)
    return Number(text)
  }
  const probes = fields.number('probes', { min: 1, max: PROBES_MAX, integer: true }) ?? outsideNumber('maksdb-probes')
  if (probes !== undefined && (probes < 1 || !Number.isInteger(probes)))
    throw badRequest('"maksdb-probes" must be a whole number from 1 on')
  const recallTarget = fields.number('recall_target', { min: 0, max: 1 }) ?? outsideNumber('maksdb-recall-target')
  if (recallTarget !== undefined && recallTarget > 1) throw badRequest('"maksdb-recall-target" must be from 0 to 1')
  const token = sessionToken(fields.take('token') ?? outside(request, 'maksdb-token'))
  const maxStalenessMs =
    fields.number('max_staleness_ms', { min: 0, max: STALENESS_MAX_MS, integer: true }) ??
    outsideNumber('maksdb-max-staleness-ms') ??
    STALENESS_MS
  if (maxStalenessMs > STALENESS_MAX_MS)
    throw badRequest(`"maksdb-max-staleness-ms" must be at most ${STALENESS_MAX_MS}`)
  const flag = (name: string) => {
    const text = outside(request, name)
    if (text !== undefined && !FLAGS.has(text)) throw badRequest(`"${name}" must be true or false, not "${text}"`)
    return text === 'true' || text === '1'
  }
  const result: ReadParams = {
    exact: fields.boolean('exact') ?? flag('maksdb-exact'),
    probes,
    recallTarget,
    partial: fields.boolean('partial') ?? flag('maksdb-partial'),
    consistency: parseConsistency(
      fields.take('consistency') ?? outside(request, 'maksdb-consistency') ?? request.query.consistency,
      token,
    ),
    token,
    maxStalenessMs,
  }
  fields.end()
  return result
}

/** Qdrant's own levels speak of replicas that it would ask; here every answer already holds what was acknowledged. */
function parseConsistency(value: unknown, token: SessionToken | undefined): Consistency {
  if (token !== undefined && value !== undefined && value !== 'session')
    throw badRequest('"token" goes with consistency session, or with none')
  if (token !== undefined) return 'session'
  if (value === undefined || typeof value === 'number') return 'default'
  if (value === 'eventual' || value === 'bounded' || value === 'session' || value === 'strong') return value
  if (value === 'majority' || value === 'quorum' || value === 'all') return 'default'
  if (typeof value === 'string' && /^\d+$/.test(value)) return 'default'
  throw badRequest('consistency must be eventual, bounded, session, strong, a number, majority, quorum or all')
}

/** An empty one begins a session. */
export function sessionToken(value: unknown): SessionToken | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw badRequest('"token" must be a text')
  return parseToken(value)
}

export function timeoutMs(request: Request, limits: Limits): number {
  const text = request.query.timeout
  if (text === undefined || text === '') return limits.timeoutMs
  const seconds = Number(text)
  if (!(seconds > 0) || seconds > TIMEOUT_MAX_S)
    throw badRequest(`"timeout" must be a number of seconds up to ${TIMEOUT_MAX_S}`)
  return seconds * 1000
}

export function writeOptions(
  request: Request,
  limits: Limits,
): { wait: boolean; timeoutMs: number; token: SessionToken | undefined; idempotencyKey: string | undefined } {
  const { wait, ordering } = request.query
  if (wait !== undefined && wait !== 'true' && wait !== 'false') throw badRequest('"wait" must be true or false')
  if (ordering !== undefined && ordering !== 'weak' && ordering !== 'medium' && ordering !== 'strong') {
    throw badRequest('"ordering" must be weak, medium or strong')
  }
  const idempotencyKey = request.get('idempotency-key')
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw badRequest('"Idempotency-Key" must be 1 to 255 visible ASCII characters')
  const token = sessionToken(outside(request, 'maksdb-token'))
  return { wait: wait === 'true', timeoutMs: timeoutMs(request, limits), token, idempotencyKey }
}

/** Header `maksdb-if-version`: the user version that the one point of the request must have; 0 where it must not exist. */
export function ifVersion(request: Request, points: number): number | undefined {
  const text = request.get('maksdb-if-version')
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw badRequest('"maksdb-if-version" must be a version')
  if (points !== 1) throw badRequest('"maksdb-if-version" speaks of one point, so the request must hold one')
  return Number(text)
}

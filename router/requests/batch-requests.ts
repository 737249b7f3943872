/** Bodies of `points/batch`: operations that are carried out one after the other. */
import { badRequest, MaksError } from '../../core/errors.ts'
import { checkLimit } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { type PointOperation, pointsNamed } from '../edit/edit.ts'
import { asObject, Fields, NAME_SHOWN } from './json-fields.ts'
import { parseClearPayload, parseDeletePayload, parseOverwritePayload, parseSetPayload } from './payload-requests.ts'
import { type Place, parseDelete, parseDeleteVectors, parseUpdateVectors, parseUpsert } from './write-requests.ts'

type Parse = (body: unknown, place: Place) => PointOperation | Generator<void, PointOperation, void>

const OPERATIONS: Readonly<Record<string, Parse>> = {
  upsert: parseUpsert,
  delete: parseDelete,
  set_payload: parseSetPayload,
  overwrite_payload: parseOverwritePayload,
  delete_payload: parseDeletePayload,
  clear_payload: parseClearPayload,
  update_vectors: parseUpdateVectors,
  delete_vectors: parseDeleteVectors,
}

/** Yields after each operation, and after each point of an upsert. */
export function* parseOperations(body: unknown, config: CollectionConfig): Generator<void, PointOperation[], void> {
  const fields = new Fields(body, 'the body')
  const given = fields.take('operations')
  fields.end()
  if (!Array.isArray(given)) throw badRequest('"operations" must be a list of operations')
  checkLimit('OPERATIONS_MAX', '"operations"', given.length)
  const operations: PointOperation[] = []
  let points = 0
  for (const [i, one] of (given as unknown[]).entries()) {
    const operation = yield* parseOperation(one, config, `operations[${i}]`)
    points += pointsNamed(operation) ?? 0
    checkLimit('WRITE_POINTS_MAX', 'the points of "operations"', points)
    operations.push(operation)
    yield
  }
  return operations
}

function* parseOperation(one: unknown, config: CollectionConfig, at: string): Generator<void, PointOperation, void> {
  const members = Object.entries(asObject(one, at))
  const [name, body] = members[0] ?? []
  if (name === undefined || members.length > 1)
    throw badRequest(`${at} must have one member, which names the operation: ${Object.keys(OPERATIONS).join(', ')}`)
  const parse = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined
  if (!parse) throw new MaksError('UNSUPPORTED', `${at}: "${name.slice(0, NAME_SHOWN)}" is not supported`)
  const what = `${at}.${name}`
  const parsed = parse(body, { config, what, before: `${what}.` })
  return 'is' in parsed ? parsed : yield* parsed
}

/** Bodies of the routes that edit payloads, from JSON to operations. */
import { badRequest } from '../../core/errors.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { type JsonPath, parseJsonPath } from '../../core/json/json-path.ts'
import { checkStorable } from '../../core/json/request-json.ts'
import { checkLimit } from '../../core/limits.ts'
import { checkEditDepth, type Members, type PayloadEdit } from '../../core/payload-edit.ts'
import type { PointOperation } from '../edit/edit.ts'
import { asObject, Fields } from './json-fields.ts'
import { payloadText } from './payload-text.ts'
import { type Place, targetOf } from './write-requests.ts'

export function parseSetPayload(body: unknown, place: Place): PointOperation {
  const { before } = place
  return parsePayloadEdit(body, place, (fields) => {
    const members = membersOf(fields, before)
    const key = fields.take('key')
    if (key === undefined) return { is: 'set', members }
    const at = pathAt(key, `${before}key`)
    checkEditDepth(at, members, `${before}payload`)
    return { is: 'set', members, at }
  })
}

export function parseOverwritePayload(body: unknown, place: Place): PointOperation {
  return parsePayloadEdit(body, place, (fields) => {
    fields.refuse(': the whole payload is replaced', 'key')
    return { is: 'overwrite', payload: payloadText(membersOf(fields, place.before), `${place.before}payload`) }
  })
}

export function parseDeletePayload(body: unknown, place: Place): PointOperation {
  return parsePayloadEdit(body, place, (fields) => {
    const keys = fields.take('keys')
    const what = `${place.before}keys`
    if (!Array.isArray(keys)) throw badRequest(`"${what}" must be a list of paths into payloads`)
    checkLimit('EDIT_KEYS_MAX', `"${what}"`, keys.length)
    return { is: 'remove', paths: keys.map((key, i) => pathAt(key, `${what}[${i}]`)) }
  })
}

export function parseClearPayload(body: unknown, place: Place): PointOperation {
  return parsePayloadEdit(body, place, () => ({ is: 'clear' }))
}

function parsePayloadEdit(body: unknown, place: Place, editOf: (fields: Fields) => PayloadEdit): PointOperation {
  const fields = new Fields(body, place.what)
  const edit = editOf(fields)
  const target = targetOf(fields, place)
  fields.end()
  if ('keys' in target && target.keys.length === 0) throw badRequest(`"${place.before}points" names no point`)
  return { is: 'edit', edit: { target, change: { is: 'payload', edit } } }
}

function membersOf(fields: Fields, before: string): Members {
  const what = `${before}payload`
  const members = asObject(fields.take('payload'), what)
  checkStorable(members, what)
  checkLimit('PAYLOAD_BYTES_MAX', what, Buffer.byteLength(exactStringify(members)))
  return members
}

function pathAt(value: unknown, what: string): JsonPath {
  if (typeof value === 'string') checkLimit('PAYLOAD_PATH_CHARS_MAX', what, value.length)
  return parseJsonPath(value, what)
}

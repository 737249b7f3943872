/** A payload of a body, as it is stored. */
import { exactStringify } from '../../core/json/exact-json.ts'
import { checkStorable } from '../../core/json/request-json.ts'
import { asObject } from './json-fields.ts'

/** JSON text of a payload; '' for none. Throws BAD_REQUEST for one that could not be stored as it is. */
export function payloadText(value: unknown, what: string): string {
  if (value === undefined || value === null) return ''
  checkStorable(asObject(value, what), what)
  const text = exactStringify(value)
  return text === '{}' ? '' : text
}

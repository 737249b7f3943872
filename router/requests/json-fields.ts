/**
 * Reads the fields of a JSON object: each known field once, and a 400 that names the first of the others. Empty values that
 * clients send by default count as absent: null, and, for a field that is refused, an empty object or list. An object with
 * members is never absent: `{"text": {}}` asks for something.
 */
import { badRequest, MaksError } from '../../core/errors.ts'

/** Of a name or value that is answered back, so many characters. */
export const NAME_SHOWN = 100

export type JsonObject = Record<string, unknown>

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`${what} must be a JSON object`)
  return value as JsonObject
}

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}

/** Of a number; both are within. */
export interface Bounds {
  min: number
  /** Infinity: none. */
  max: number
  integer?: boolean
}

export class Fields {
  readonly #object: JsonObject
  readonly #what: string
  readonly #seen = new Set<string>()

  constructor(value: unknown, what: string) {
    this.#object = asObject(value, what)
    this.#what = what
  }

  /** The value of a field; undefined if it is absent or null. */
  take(name: string): unknown {
    this.#seen.add(name)
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined
    return value === null ? undefined : value
  }

  /** Fields that are known and without meaning. */
  ignore(...names: string[]): void {
    for (const name of names) this.#seen.add(name)
  }

  /** Throws UNSUPPORTED that names a field, unless it is empty. */
  refuse(why: string, ...names: string[]): void {
    for (const name of names) {
      this.#seen.add(name)
      if (!isEmpty(this.#object[name]))
        throw new MaksError('UNSUPPORTED', `${this.#what}: "${name}" is not supported${why}`)
    }
  }

  /** As `refuse`, but an object of these parts counts as empty if each of them is: the empty form that a client sends. */
  refuseForm(why: string, name: string, parts: readonly string[]): void {
    const form = this.take(name)
    if (typeof form !== 'object' || form === null || Array.isArray(form)) return this.refuse(why, name)
    const fields = new Fields(form, name)
    const meant = parts.some((part) => !isEmpty(fields.take(part)))
    fields.end()
    if (meant) this.refuse(why, name)
  }

  /** Throws BAD_REQUEST that names the field and its bounds. */
  number(name: string, check: Bounds): number | undefined {
    const given = this.take(name)
    if (given === undefined) return undefined
    const value = typeof given === 'bigint' ? Number(given) : given
    const shape = check.integer ? 'a whole number' : 'a number'
    if (typeof value !== 'number' || !Number.isFinite(value) || (check.integer === true && !Number.isInteger(value))) {
      throw badRequest(`${this.#what}: "${name}" must be ${shape}`)
    }
    if (value < check.min || value > check.max) {
      const bounds = Number.isFinite(check.max) ? `from ${check.min} to ${check.max}` : `at least ${check.min}`
      throw badRequest(`${this.#what}: "${name}" must be ${bounds}, not ${value}`)
    }
    return value
  }

  /** Throws BAD_REQUEST that names the field. */
  boolean(name: string): boolean | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (typeof value !== 'boolean') throw badRequest(`${this.#what}: "${name}" must be true or false`)
    return value
  }

  /** Throws UNSUPPORTED that names the first field that was not read. */
  end(): void {
    const unknown = Object.keys(this.#object).find((name) => !this.#seen.has(name))
    if (unknown !== undefined)
      throw new MaksError('UNSUPPORTED', `${this.#what}: "${unknown.slice(0, NAME_SHOWN)}" is not supported`)
  }
}

/**
 * Reads the fields of a JSON object: each known field once, and a 400 that names any that is left. What clients send
 * without meaning it is absent: null, and, for what is refused, an empty object or list. An object with members is never
 * absent, whatever they are: `{"text": {}}` asks for something.
 */
import { badRequest, MaksError } from '../../core/errors.ts'

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

export class Fields {
  readonly #object: JsonObject
  readonly #what: string
  readonly #seen = new Set<string>()

  constructor(value: unknown, what: string) {
    this.#object = asObject(value, what)
    this.#what = what
  }

  take(name: string): unknown {
    this.#seen.add(name)
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined
    return value === null ? undefined : value
  }

  /** Known, and of no meaning here. */
  ignore(...names: string[]): void {
    for (const name of names) this.#seen.add(name)
  }

  /** Refused by name, unless it is empty. */
  refuse(why: string, ...names: string[]): void {
    for (const name of names) {
      this.#seen.add(name)
      if (!isEmpty(this.#object[name]))
        throw new MaksError('UNSUPPORTED', `${this.#what}: "${name}" is not supported${why}`)
    }
  }

  /** Refused by name, as is anything in it but these parts of it where they are empty: a client's empty form of it. */
  refuseForm(why: string, name: string, parts: readonly string[]): void {
    const form = this.take(name)
    if (typeof form !== 'object' || form === null || Array.isArray(form)) return this.refuse(why, name)
    const fields = new Fields(form, name)
    const meant = parts.some((part) => !isEmpty(fields.take(part)))
    fields.end()
    if (meant) this.refuse(why, name)
  }

  number(name: string, check: { min: number; max: number; integer?: boolean }): number | undefined {
    const given = this.take(name)
    if (given === undefined) return undefined
    const value = typeof given === 'bigint' ? Number(given) : given
    const shape = check.integer ? 'a whole number' : 'a number'
    if (typeof value !== 'number' || !Number.isFinite(value) || (check.integer === true && !Number.isInteger(value))) {
      throw badRequest(`${this.#what}: "${name}" must be ${shape}`)
    }
    if (value < check.min || value > check.max)
      throw badRequest(`${this.#what}: "${name}" must be from ${check.min} to ${check.max}, not ${value}`)
    return value
  }

  boolean(name: string): boolean | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (typeof value !== 'boolean') throw badRequest(`${this.#what}: "${name}" must be true or false`)
    return value
  }

  /** Refuses the first field that nobody took. */
  end(): void {
    const unknown = Object.keys(this.#object).find((name) => !this.#seen.has(name))
    if (unknown !== undefined) throw new MaksError('UNSUPPORTED', `${this.#what}: "${unknown}" is not supported`)
  }
}

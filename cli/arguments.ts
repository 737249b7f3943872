/** Values of options, checked as the command line is read: what is wrong is wrong usage, and names the option. */

import { InvalidArgumentError } from 'commander'
import type { Filter, PointId } from '../client/src/index.ts'
import { exactParse } from '../core/json/exact-json.ts'

export const DEFAULT_DATA_DIR = '.maksdb'

/** gRPC has the port after REST's. */
export const parsePort = integer(1, 65_534)

export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
    throw new InvalidArgumentError(`It must be an integer ${range}.`)
  }
}

export function parseText(value: string): string {
  if (value === '') throw new InvalidArgumentError('It must not be empty.')
  return value
}

/** As the header can carry it that clients send it in. */
export function parseApiKey(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new InvalidArgumentError('It must consist of ASCII letters, digits and punctuation, without spaces.')
  return value
}

export function parseVector(value: string): number[] {
  const parsed = json(value)
  if (!Array.isArray(parsed) || !parsed.every((one) => typeof one === 'number' || typeof one === 'bigint'))
    throw new InvalidArgumentError("It must be a JSON list of numbers, as in '[0.1, 0.2]'.")
  return parsed.map(Number)
}

/** The server checks what is in it. */
export function parseFilter(value: string): Filter {
  const parsed = json(value)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new InvalidArgumentError(
      `It must be a JSON object, as in '{"must": [{"key": "year", "range": {"gte": 1970}}]}'.`,
    )
  return parsed
}

/** Digits are an integer id, anything else a string one; quotes make a string of digits. */
export function parseId(value: string): PointId {
  if (/^\d+$/.test(value)) return BigInt(value)
  const parsed = value.startsWith('"') ? json(value) : value
  if (typeof parsed !== 'string' || parsed === '')
    throw new InvalidArgumentError('It must be an integer, a UUID or another name; with quotes, a JSON string.')
  return parsed
}

/** For an option that takes several values. */
export function parseIds(value: string, before: PointId[] | undefined): PointId[] {
  return [...(before ?? []), parseId(value)]
}

function json(value: string): unknown {
  try {
    return exactParse(value)
  } catch {
    return undefined
  }
}

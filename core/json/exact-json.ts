/**
 * JSON that keeps 64-bit integers. `JSON.parse` rounds integers above 2^53; where a text holds such literals they become
 * bigints (by the reviver's source text), and `exactStringify` writes bigints back as bare integers.
 * A text without long integers, which is nearly every text, takes the fast path without a reviver.
 */
import { badRequest } from '../errors.ts'

const LONG_INTEGER = /(?<![\d.eE+])\d{16,}(?![\d.eE])/
/** Longer ones are beyond every number that is stored, and the time that they take grows with their square. */
const INTEGER = /^-?\d{1,309}$/

interface ReviverContext {
  source?: string
}

export const JSON_DEPTH_MAX = 128

/** Throws BAD_REQUEST on malformed text. */
export function exactParse(text: string): unknown {
  try {
    return LONG_INTEGER.test(text)
      ? (JSON.parse(text, reviveInteger as (key: string, value: unknown) => unknown) as unknown)
      : (JSON.parse(text) as unknown)
  } catch (error) {
    throw badRequest(`the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function reviveInteger(_key: string, value: unknown, context: ReviverContext): unknown {
  // What is beyond a float64 too stays Infinity, which whoever stores it refuses.
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isFinite(value)) return value
  const source = context.source ?? ''
  return INTEGER.test(source) ? BigInt(source) : value
}

const rawJSON = (JSON as unknown as { rawJSON: (this: void, text: string) => unknown }).rawJSON

export function exactStringify(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    // Without long integers, which JSON.stringify refuses, a replacer would cost several times as much.
    if (!(error instanceof TypeError)) throw error
  }
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? rawJSON(part.toString()) : part))
}

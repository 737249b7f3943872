/**
 * JSON that keeps 64-bit integers. `JSON.parse` rounds integers above 2^53; if a text holds such literals they become
 * bigints (by the reviver's source text), and `exactStringify` writes bigints back as bare integers.
 * A text without long integers, which is nearly every text, is parsed once, without a reviver: a look at the numbers of the
 * result finds them sooner than a search of the text does.
 */
import { badRequest } from '../errors.ts'

/** Longer ones are beyond every number that is stored, and the time that they take grows with their square. */
const INTEGER = /^-?\d{1,309}$/

interface ReviverContext {
  source?: string
}

export const JSON_DEPTH_MAX = 128

/** Throws BAD_REQUEST on malformed text. */
export function exactParse(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown
    if (!holdsRoundedInteger(value)) return value
    return JSON.parse(text, reviveInteger as (key: string, value: unknown) => unknown) as unknown
  } catch (error) {
    throw badRequest(`the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** May a number of the value have been an integer that float64 cannot hold? Every such literal has become one of 2^53 or more. */
function holdsRoundedInteger(root: unknown): boolean {
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'number' && isRounded(value)) return true
    if (typeof value !== 'object' || value === null) continue
    for (const part of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
      if (typeof part === 'number') {
        if (isRounded(part)) return true
      } else if (typeof part === 'object' && part !== null) open.push(part)
    }
  }
  return false
}

function isRounded(value: number): boolean {
  return (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) && Number.isFinite(value)
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

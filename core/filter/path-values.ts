/**
 * The values that a path leads to in a payload, as the reads that list, count or group by values see them: a list at the end of
 * the path stands for its elements, one level deep, as in Qdrant.
 */
import type { JsonPath } from '../json/json-path.ts'

/** The values in the order of the payload; none if the path leads nowhere. */
export function valuesAt(payload: unknown, path: JsonPath): unknown[] {
  const found: unknown[] = []
  collect(payload, path, 0, found)
  return found
}

function collect(value: unknown, path: JsonPath, at: number, into: unknown[]): void {
  const step = path[at]
  if (step === undefined) {
    if (Array.isArray(value)) for (const element of value as unknown[]) into.push(element)
    else into.push(value)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) {
    if (step.kind === 'key' && Object.hasOwn(value, step.key))
      collect((value as Record<string, unknown>)[step.key], path, at + 1, into)
    return
  }
  if (step.kind === 'index' && step.index < value.length) collect((value as unknown[])[step.index], path, at + 1, into)
  if (step.kind === 'every') for (const element of value as unknown[]) collect(element, path, at + 1, into)
}

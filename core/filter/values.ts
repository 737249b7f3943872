/** The values that a path leads to in a payload. */
import type { JsonPath } from '../json/json-path.ts'

/**
 * In the order of the payload; none if the path leads nowhere. A key leads into an object alone: of the objects of a list `a`,
 * the field is `a[].b`. A list at the end of the path is one value.
 */
export function valuesAt(payload: unknown, path: JsonPath): unknown[] {
  let values: unknown[] = [payload]
  for (const step of path) {
    const next: unknown[] = []
    for (const value of values) {
      if (typeof value !== 'object' || value === null) continue
      if (Array.isArray(value)) {
        if (step.kind === 'every') for (const element of value as unknown[]) next.push(element)
        else if (step.kind === 'index' && step.index < value.length) next.push((value as unknown[])[step.index])
      } else if (step.kind === 'key' && Object.hasOwn(value, step.key))
        next.push((value as Record<string, unknown>)[step.key])
    }
    if (next.length === 0) return next
    values = next
  }
  return values
}

/** The values that a path leads to in a payload. */
import type { JsonPath } from '../json/json-path.ts'

/** Of a field, by the values that a path leads to. */
export interface FieldRule {
  /** Does a field hold whose path leads nowhere? */
  absent: boolean
  /** Otherwise it holds if one of its values passes. */
  passes: (value: unknown) => boolean
}

type Tree = Record<string, unknown>

/**
 * A key leads into an object alone: of the objects of a list `a`, the field is `a[].b`. A list at the end of the path is one
 * value.
 */
export function compileField(path: JsonPath, { absent, passes }: FieldRule): (payload: unknown) => boolean {
  const keys = path.flatMap((step) => (step.kind === 'key' ? [step.key] : []))
  if (keys.length < path.length)
    return (payload) => {
      const found = look(payload, path, 0, passes)
      return found === 'passes' || (absent && found === 'nothing')
    }
  // Most paths are of keys alone, and lead to one value at most.
  return (payload) => {
    let value = payload
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
        return absent
      value = (value as Tree)[key]
    }
    return passes(value)
  }
}

type Found = 'nothing' | 'values' | 'passes'

function look(value: unknown, path: JsonPath, at: number, passes: FieldRule['passes']): Found {
  const step = path[at]
  if (step === undefined) return passes(value) ? 'passes' : 'values'
  if (typeof value !== 'object' || value === null) return 'nothing'
  if (!Array.isArray(value))
    return step.kind === 'key' && Object.hasOwn(value, step.key)
      ? look((value as Tree)[step.key], path, at + 1, passes)
      : 'nothing'
  if (step.kind === 'index')
    return step.index < value.length ? look((value as unknown[])[step.index], path, at + 1, passes) : 'nothing'
  let found: Found = 'nothing'
  if (step.kind === 'key') return found
  for (const element of value as unknown[]) {
    const one = look(element, path, at + 1, passes)
    if (one === 'passes') return one
    if (one === 'values') found = one
  }
  return found
}

/**
 * Edits of a payload, on its JSON text. What each does is Qdrant's (its `json_path/mod.rs`, `value_set` and `value_remove`): a
 * member that is set to null is removed; a path that meets a value of another kind replaces it by an object or a list; an
 * element that a list does not have is not added.
 */
import { badRequest } from './errors.ts'
import { exactParse, exactStringify, JSON_DEPTH_MAX } from './json/exact-json.ts'
import type { JsonPath } from './json/json-path.ts'

/** An object of a payload. */
export type Members = Readonly<Record<string, unknown>>

export type PayloadEdit =
  /** The members are merged into the payload, or into the object at every place that the path names. */
  | { is: 'set'; members: Members; at?: JsonPath }
  | { is: 'overwrite'; payload: string }
  /** What the paths name is removed, except an element by its number; of `a[]` the list stays, empty. */
  | { is: 'remove'; paths: readonly JsonPath[] }
  | { is: 'clear' }

/** An object that is written: without a prototype, so that a member may have any name, `__proto__` too. */
type Tree = Record<string, unknown>

/**
 * The payload after the edit.
 * @param payload JSON text of an object, '' for none; the result has the same form
 */
export function editPayload(edit: PayloadEdit, payload: string): string {
  switch (edit.is) {
    case 'clear':
      return ''
    case 'overwrite':
      return edit.payload
    case 'set': {
      const root = payload === '' ? {} : exactParse(payload)
      return payloadText(setAt(root, edit.at ?? [], edit.members))
    }
    default: {
      if (payload === '') return ''
      return payloadText(edit.paths.reduce<unknown>((root, path) => removeAt(root, path), exactParse(payload)))
    }
  }
}

function payloadText(payload: unknown): string {
  const text = exactStringify(payload)
  return text === '{}' ? '' : text
}

/** Throws BAD_REQUEST for members that would stand deeper in a payload than a payload may be nested. */
export function checkEditDepth(at: JsonPath, members: Members, what: string): void {
  if (at.length + depthOf(members) > JSON_DEPTH_MAX)
    throw badRequest(`${what} would be nested deeper than ${JSON_DEPTH_MAX} levels`)
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let deepest = 0
  for (const part of Object.values(value)) deepest = Math.max(deepest, depthOf(part))
  return deepest + 1
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function copyOf(value: unknown): Tree {
  return Object.assign(Object.create(null) as Tree, isObject(value) ? value : undefined)
}

/** The value with the members merged in at the path; what is not on the path is shared with it. */
function setAt(value: unknown, path: JsonPath, members: Members, depth = 0): unknown {
  const step = path[depth]
  if (step === undefined) return merged(value, members)
  if (step.kind === 'key') {
    const copy = copyOf(value)
    copy[step.key] = setAt(copy[step.key], path, members, depth + 1)
    return copy
  }
  if (!Array.isArray(value)) return []
  return value.map((part: unknown, i) =>
    step.kind === 'every' || step.index === i ? setAt(part, path, members, depth + 1) : part,
  )
}

function merged(value: unknown, members: Members): Tree {
  const copy = copyOf(value)
  for (const [name, member] of Object.entries(members)) {
    if (member === null) delete copy[name]
    else copy[name] = member
  }
  return copy
}

/** The value without what the path names below it. */
function removeAt(value: unknown, path: JsonPath, depth = 0): unknown {
  const step = path[depth]
  if (step === undefined) return value
  const last = depth === path.length - 1
  if (step.kind === 'key') {
    if (!isObject(value) || !Object.hasOwn(value, step.key)) return value
    const copy = copyOf(value)
    if (last) delete copy[step.key]
    else copy[step.key] = removeAt(copy[step.key], path, depth + 1)
    return copy
  }
  if (!Array.isArray(value)) return value
  if (last) return step.kind === 'every' ? [] : value
  return value.map((part: unknown, i) =>
    step.kind === 'every' || step.index === i ? removeAt(part, path, depth + 1) : part,
  )
}

/**
 * Edits of a payload, on its JSON text. What each does is Qdrant's (its `json_path/mod.rs`, `value_set` and `value_remove`): a
 * member that is set to null is removed; a path that meets a value of another kind replaces it by an object or a list; an
 * element that a list does not have is not added.
 */
import { badRequest } from './errors.ts'
import { exactParse, exactStringify, JSON_DEPTH_MAX } from './json/exact-json.ts'
import type { JsonPath, PathStep } from './json/json-path.ts'

/** An object of a payload. */
export type Members = Readonly<Record<string, unknown>>

export type PayloadEdit =
  /** The members are merged into the payload, or into the object at every place that the path names. */
  | { is: 'set'; members: Members; at?: JsonPath }
  | { is: 'overwrite'; payload: string }
  /** What the paths name is removed, except an element by its number; of `a[]` the list stays, empty. */
  | { is: 'remove'; paths: readonly JsonPath[] }
  | { is: 'clear' }

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
      const root = exactParse(payload)
      for (const path of edit.paths) removeAt(root, path)
      return payloadText(root)
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member may have any name, `__proto__` too, which an assignment would not make a member. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  else object[name] = value
}

/** Merges the members in at the path; returns the value, or what takes its place. It changes the value, which no other holds. */
function setAt(value: unknown, path: JsonPath, members: Members, depth = 0): unknown {
  const step = path[depth]
  if (step === undefined) return merged(value, members)
  if (step.kind === 'key') {
    const object = isObject(value) ? value : {}
    const present = Object.hasOwn(object, step.key) ? object[step.key] : undefined
    put(object, step.key, setAt(present, path, members, depth + 1))
    return object
  }
  if (!Array.isArray(value)) return []
  const list = value as unknown[]
  for (const i of placesOf(list, step)) list[i] = setAt(list[i], path, members, depth + 1)
  return list
}

function merged(value: unknown, members: Members): unknown {
  const object = isObject(value) ? value : {}
  for (const [name, member] of Object.entries(members)) {
    if (member === null) delete object[name]
    else put(object, name, member)
  }
  return object
}

/** Removes what the path names from the value, in place: many paths cost no more than their lengths. */
function removeAt(value: unknown, path: JsonPath, depth = 0): void {
  const step = path[depth]
  if (step === undefined) return
  const last = depth === path.length - 1
  if (step.kind === 'key') {
    if (!isObject(value) || !Object.hasOwn(value, step.key)) return
    if (last) delete value[step.key]
    else removeAt(value[step.key], path, depth + 1)
  } else if (Array.isArray(value)) {
    const list = value as unknown[]
    if (!last) for (const i of placesOf(list, step)) removeAt(list[i], path, depth + 1)
    else if (step.kind === 'every') list.length = 0
  }
}

function placesOf(list: readonly unknown[], step: PathStep): Iterable<number> {
  if (step.kind === 'every') return list.keys()
  return step.kind === 'index' && step.index < list.length ? [step.index] : []
}

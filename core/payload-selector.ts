/** `with_payload`: all, none, or the dotted keys to include or to leave out. Works on the payload's JSON text. */
import { badRequest } from './errors.ts'
import { exactParse, exactStringify } from './exact-json.ts'

export type PayloadSelector = { kind: 'all' } | { kind: 'none' } | { kind: 'include' | 'exclude'; paths: string[][] }

export function parsePayloadSelector(value: unknown, fallback: boolean): PayloadSelector {
  if (value === undefined || value === null) return { kind: fallback ? 'all' : 'none' }
  if (typeof value === 'boolean') return { kind: value ? 'all' : 'none' }
  if (Array.isArray(value)) return { kind: 'include', paths: parsePaths(value) }
  if (typeof value === 'object') {
    const { include, exclude } = value as { include?: unknown; exclude?: unknown }
    if (Array.isArray(include)) return { kind: 'include', paths: parsePaths(include) }
    if (Array.isArray(exclude)) return { kind: 'exclude', paths: parsePaths(exclude) }
  }
  throw badRequest('with_payload must be true, false, a list of keys, or {"include": [...]} or {"exclude": [...]}')
}

function parsePaths(keys: readonly unknown[]): string[][] {
  return keys.map((key) => {
    if (typeof key !== 'string') throw badRequest('with_payload lists keys as strings')
    return key.split('.')
  })
}

type Tree = Record<string, unknown>

/** The payload's JSON text after selection; '' stands for no payload. */
export function selectPayload(selector: PayloadSelector, payload: string): string {
  if (selector.kind === 'none' || payload === '') return ''
  if (selector.kind === 'all') return payload
  const tree = exactParse(payload) as Tree
  if (selector.kind === 'exclude') {
    for (const path of selector.paths) drop(tree, path)
    return exactStringify(tree)
  }
  const kept: Tree = Object.create(null) as Tree
  for (const path of selector.paths) copy(tree, kept, path)
  return exactStringify(kept)
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function drop(tree: Tree, [first = '', ...rest]: string[]): void {
  if (rest.length === 0) delete tree[first]
  else if (Object.hasOwn(tree, first) && isTree(tree[first])) drop(tree[first], rest)
}

function copy(from: Tree, to: Tree, [first = '', ...rest]: string[]): void {
  if (!Object.hasOwn(from, first)) return
  const value = from[first]
  if (rest.length === 0) to[first] = value
  else if (isTree(value)) {
    if (!isTree(to[first])) to[first] = Object.create(null)
    copy(value, to[first] as Tree, rest)
  }
}

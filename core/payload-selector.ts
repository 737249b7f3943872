/**
 * `with_payload`: all, none, or the paths (`json-path.ts`) to include or to leave out. Works on the payload's JSON text.
 * As in Qdrant, include keeps what a path names with all below it, and what lies on the way to it: the lists and objects
 * that hold it, also empty ones, and a plain value where the path would go on. Exclude leaves out what a path names.
 */
import { badRequest } from './errors.ts'
import { exactParse, exactStringify } from './json/exact-json.ts'
import { type JsonPath, type PathStep, parseJsonPath } from './json/json-path.ts'
import { checkLimit } from './limits.ts'

/** Paths as a tree, so that a payload is walked once however many there are. */
interface PathNode {
  /** A path ends here. */
  ends: boolean
  keys: Map<string, PathNode>
  indexes: Map<number, PathNode>
  every: PathNode | undefined
}

export type PayloadSelector = { kind: 'all' } | { kind: 'none' } | { kind: 'include' | 'exclude'; paths: PathNode }

const WHAT = 'with_payload'

export function parsePayloadSelector(value: unknown, fallback: boolean): PayloadSelector {
  if (value === undefined || value === null) return { kind: fallback ? 'all' : 'none' }
  if (typeof value === 'boolean') return { kind: value ? 'all' : 'none' }
  if (Array.isArray(value)) return { kind: 'include', paths: parsePaths(value) }
  if (typeof value === 'object') {
    const given = Object.entries(value).filter(([, paths]) => paths !== null)
    const [kind, paths] = given[0] ?? []
    if (kind === undefined) return { kind: fallback ? 'all' : 'none' }
    if (given.length === 1 && (kind === 'include' || kind === 'exclude') && Array.isArray(paths))
      return { kind, paths: parsePaths(paths) }
  }
  throw badRequest(`${WHAT} must be true, false, a list of paths, {"include": [...]} or {"exclude": [...]}`)
}

function parsePaths(texts: readonly unknown[]): PathNode {
  checkLimit('PAYLOAD_KEYS_MAX', WHAT, texts.length)
  const root = newNode()
  for (const text of texts) {
    if (typeof text === 'string') checkLimit('PAYLOAD_PATH_CHARS_MAX', `${WHAT}: a path`, text.length)
    const path: JsonPath = parseJsonPath(text, WHAT)
    path.reduce(nodeAfter, root).ends = true
  }
  return root
}

function newNode(): PathNode {
  return { ends: false, keys: new Map(), indexes: new Map(), every: undefined }
}

function nodeAfter(node: PathNode, step: PathStep): PathNode {
  if (step.kind === 'every') {
    node.every ??= newNode()
    return node.every
  }
  return step.kind === 'key' ? childOf(node.keys, step.key) : childOf(node.indexes, step.index)
}

function childOf<K>(children: Map<K, PathNode>, key: K): PathNode {
  const next = children.get(key) ?? newNode()
  children.set(key, next)
  return next
}

type Tree = Record<string, unknown>

/** The payload's JSON text after selection; '' stands for no payload. */
export function selectPayload(selector: PayloadSelector, payload: string): string {
  if (selector.kind === 'none' || payload === '') return ''
  if (selector.kind === 'all') return payload
  const select = selector.kind === 'include' ? included : remaining
  return exactStringify(select(exactParse(payload), [selector.paths]))
}

/** @param nodes where the paths that lead here stand; at least one */
function included(value: unknown, nodes: readonly PathNode[]): unknown {
  if (nodes.some(({ ends }) => ends)) return value
  return mapParts(value, (part, step) => {
    const next = step(nodes)
    return next.length === 0 ? undefined : included(part, next)
  })
}

function remaining(value: unknown, nodes: readonly PathNode[]): unknown {
  return mapParts(value, (part, step) => {
    const next = step(nodes)
    if (next.some(({ ends }) => ends)) return undefined
    return next.length === 0 ? part : remaining(part, next)
  })
}

type Step = (nodes: readonly PathNode[]) => PathNode[]

/** A list or an object of what `map` makes of the parts, without those of which it makes nothing; else the value itself. */
function mapParts(value: unknown, map: (part: unknown, step: Step) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value
      .map((part, i) =>
        map(part, (nodes) => nodes.flatMap(({ every, indexes }) => [every, indexes.get(i)].filter(isNode))),
      )
      .filter((part) => part !== undefined)
  }
  const kept: Tree = Object.create(null) as Tree
  for (const [key, part] of Object.entries(value)) {
    const mapped = map(part, (nodes) => nodes.map(({ keys }) => keys.get(key)).filter(isNode))
    if (mapped !== undefined) kept[key] = mapped
  }
  return kept
}

function isNode(node: PathNode | undefined): node is PathNode {
  return node !== undefined
}

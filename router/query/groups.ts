/**
 * Points in groups, by the values of a payload field: the groups with the best points first, each with its best points. A search
 * names no groups, so the router asks for points and looks at their groups: first for as many as there may be, then, with
 * filters, for points of further groups, and at last for those that groups still want. The result is that of grouping all points.
 */
import { StoredRow } from '../../core/filter/compile-filter.ts'
import { facetText } from '../../core/filter/facet-value.ts'
import { type Condition, decodeFilter, encodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { valuesAt } from '../../core/filter/path-values.ts'
import type { JsonPath } from '../../core/json/json-path.ts'
import { checkLimit } from '../../core/limits.ts'
import { byDistance } from '../../core/merge.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { ScoredPoint } from './rows.ts'

/** As Qdrant has them: texts and integers; a point with any other value in the field is in no group. */
export type GroupId = string | number | bigint

export interface Group {
  id: GroupId
  /** The best first. */
  hits: ScoredPoint[]
}

export interface Grouping {
  path: JsonPath
  /** Groups at most. */
  limit: number
  /** Points of a group at most. */
  size: number
  /** The points that it is about. */
  filter: FilterText | undefined
}

/** The best points that match, up to `limit`, with their payloads: fewer only if there are no more. */
export type AskPoints = (filter: FilterText | undefined, limit: number) => Promise<ScoredPoint[]>

export async function groupsOfPoints(ask: AskPoints, grouping: Grouping, call: Call): Promise<Group[]> {
  const { path, limit, size, filter } = grouping
  const groups = new Map<string, Group>()
  let wanted = limit * size
  for (let round = 0; groups.size < limit; round++) {
    checkWaiting(call)
    const seen = [...groups.values()].map(({ id }) => id)
    const others = round === 0 ? filter : narrowed(filter, { is: 'field', path, test: { is: 'except', values: seen } })
    const points = await ask(others, wanted)
    const further = await inSlices(grouped(points, path, (text) => !groups.has(text), limit - groups.size, size))
    for (const [text, group] of further) groups.set(text, group)
    if (points.length < wanted) {
      if (round === 0) return inOrder(groups)
      break
    }
    // Only points that are in no group came: there may be more of them than any round asks for.
    if (further.size === 0) wanted *= 2
  }
  await fill(ask, groups, grouping, call)
  return inOrder(groups)
}

/** Asks for the points of groups that have too few, until each is full or has all its points. */
async function fill(
  ask: AskPoints,
  groups: Map<string, Group>,
  { path, size, filter }: Grouping,
  call: Call,
): Promise<void> {
  let open = [...groups].filter(([, { hits }]) => hits.length < size)
  let factor = 1
  while (open.length > 0) {
    checkWaiting(call)
    const ids = open.map(([, { id }]) => id)
    const wanted = open.length * size * factor
    const points = await ask(narrowed(filter, { is: 'field', path, test: { is: 'any', values: ids } }), wanted)
    const texts = new Set(open.map(([text]) => text))
    const found = await inSlices(grouped(points, path, (text) => texts.has(text), open.length, size))
    for (const [text, group] of found) groups.set(text, group)
    if (points.length < wanted) return
    const still = open.filter(([text]) => (groups.get(text) as Group).hits.length < size)
    if (still.length === open.length) factor *= 2
    open = still
  }
}

/** The groups of points, in the order in which they come. Yields after each point. */
function* grouped(
  points: readonly ScoredPoint[],
  path: JsonPath,
  isWanted: (text: string) => boolean,
  limit: number,
  size: number,
): Generator<void, Map<string, Group>, void> {
  const groups = new Map<string, Group>()
  for (const point of points) {
    for (const [text, id] of groupIdsOf(point, path)) {
      if (!isWanted(text)) continue
      const group = groups.get(text)
      if (group) {
        if (group.hits.length < size) group.hits.push(point)
      } else if (groups.size < limit) groups.set(text, { id, hits: [point] })
    }
    yield
  }
  return groups
}

function groupIdsOf(point: ScoredPoint, path: JsonPath): Map<string, GroupId> {
  const { payload } = new StoredRow(point.key, () => point.payload?.toString() ?? '')
  const ids = new Map<string, GroupId>()
  for (const value of valuesAt(payload, path)) {
    if (typeof value !== 'string' && typeof value !== 'bigint' && !Number.isInteger(value)) return new Map()
    ids.set(facetText(value as GroupId), value as GroupId)
  }
  return ids
}

/** Rounds may have found a group later than one with a worse point. */
function inOrder(groups: ReadonlyMap<string, Group>): Group[] {
  return [...groups.values()].sort((a, b) => byDistance(a.hits[0] as ScoredPoint, b.hits[0] as ScoredPoint))
}

function narrowed(filter: FilterText | undefined, condition: Condition): FilterText {
  const all: Condition[] = filter === undefined ? [] : [{ is: 'filter', filter: decodeFilter(filter) }]
  const text = encodeFilter({ must: [...all, condition], mustNot: [], should: [] })
  checkLimit('FILTER_CHARS_MAX', 'the groups of the answer, as a filter', text.length)
  return text
}

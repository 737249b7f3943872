/** Merges the answers of cells: one hit an id, the one of the highest ordering version; nearest first, ties by id. Both merges yield wherever they may be interrupted. */
import { compareKeys, type IdKey } from './ids.ts'

export interface Hit {
  key: IdKey
  /** Ordering version of the row that answered. */
  version: number
  distance: number
}

export function* mergeHits<H extends Hit>(
  answers: readonly (readonly H[])[],
  limit: number,
): Generator<void, H[], void> {
  const newest = new Map<IdKey, H>()
  for (const hits of answers) {
    for (const hit of hits) {
      const seen = newest.get(hit.key)
      if (!seen || hit.version > seen.version) newest.set(hit.key, hit)
    }
    yield
  }
  const lists = answers.map((hits) => hits.filter((hit) => newest.get(hit.key) === hit))
  return yield* firstOfAll(lists, limit, byDistance)
}

export function byDistance(a: Hit, b: Hit): number {
  return a.distance - b.distance || compareKeys(a.key, b.key)
}

/** Merges pages of ids in order into one page. */
export function mergePages<R extends { key: IdKey }>(
  pages: readonly (readonly R[])[],
  limit: number,
): Generator<void, R[], void> {
  return firstOfAll(pages, limit, (a, b) => compareKeys(a.key, b.key))
}

/** The first `limit` of all lists, in order. A list that is in order already costs no more than its length. */
export function* firstOfAll<T>(
  lists: readonly (readonly T[])[],
  limit: number,
  compare: (a: T, b: T) => number,
): Generator<void, T[], void> {
  let first: T[] = []
  for (const list of lists) {
    const sorted = list.toSorted(compare)
    const merged: T[] = []
    for (let i = 0, j = 0; merged.length < limit && (i < first.length || j < sorted.length); ) {
      const [a, b] = [first[i], sorted[j]]
      const takeFirst = b === undefined || (a !== undefined && compare(a, b) <= 0)
      merged.push((takeFirst ? a : b) as T)
      if (takeFirst) i++
      else j++
    }
    first = merged
    yield
  }
  return first
}

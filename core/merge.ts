/** Merges the answers of cells: one hit an id, the one of the highest ordering version; nearest first, ties by id. */
import { compareKeys, type IdKey } from './ids.ts'

export interface Hit {
  key: IdKey
  /** Ordering version of the row that answered. */
  version: number
  distance: number
}

export function mergeHits<H extends Hit>(answers: readonly (readonly H[])[], limit: number): H[] {
  const newest = new Map<IdKey, H>()
  for (const hits of answers) {
    for (const hit of hits) {
      const seen = newest.get(hit.key)
      if (!seen || hit.version > seen.version) newest.set(hit.key, hit)
    }
  }
  return [...newest.values()].sort(byDistance).slice(0, limit)
}

export function byDistance(a: Hit, b: Hit): number {
  return a.distance - b.distance || compareKeys(a.key, b.key)
}

/** Merges pages of ids in order into one page. */
export function mergePages<R extends { key: IdKey }>(pages: readonly (readonly R[])[], limit: number): R[] {
  return pages
    .flat()
    .sort((a, b) => compareKeys(a.key, b.key))
    .slice(0, limit)
}

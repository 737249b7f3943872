/** Merges the facets of cells: the counts of a value are added, and the most frequent values come first. */
import { compareFacetValues, type FacetValue } from '../../core/filter/facet-value.ts'
import { exactParse } from '../../core/json/exact-json.ts'
import type { FacetResponse } from '../../protocol/shard-rpc.ts'
import type { CellAnswer } from './cell-read.ts'

const NEWLINE = 0x0a

export interface FacetHit {
  value: FacetValue
  count: number
}

/** The next value of a cell that has not been merged. */
interface Head {
  values: Generator<FacetHit, void, void>
  hit: FacetHit
}

/** The `limit` most frequent values, equal counts in the order of values. Yields after each value. */
export function* mergedFacets(
  answers: readonly Pick<CellAnswer<FacetResponse>, 'header' | 'chunks'>[],
  limit: number,
): Generator<void, FacetHit[], void> {
  const byCount = new Map<number, FacetHit[]>()
  for (let heads = answers.flatMap((answer) => headOf(valuesOf(answer))); heads.length > 0; ) {
    const least = heads.reduce((a, b) => (compareFacetValues(a.hit.value, b.hit.value) <= 0 ? a : b)).hit.value
    let count = 0
    heads = heads.flatMap((head) => {
      if (compareFacetValues(head.hit.value, least) !== 0) return [head]
      count += head.hit.count
      return headOf(head.values)
    })
    const alike = byCount.get(count)
    if (alike) alike.push({ value: least, count })
    else byCount.set(count, [{ value: least, count }])
    yield
  }
  const hits: FacetHit[] = []
  for (const count of [...byCount.keys()].sort((a, b) => b - a)) {
    for (const hit of byCount.get(count) as FacetHit[]) {
      if (hits.length === limit) return hits
      hits.push(hit)
      yield
    }
  }
  return hits
}

function headOf(values: Head['values']): Head[] {
  const next = values.next()
  return next.done === true ? [] : [{ values, hit: next.value }]
}

function* valuesOf({
  header,
  chunks: [texts = Buffer.alloc(0), counts = Buffer.alloc(0)],
}: Pick<CellAnswer<FacetResponse>, 'header' | 'chunks'>): Generator<FacetHit, void, void> {
  for (let n = 0, at = 0; n < header.values; n++) {
    const newline = texts.indexOf(NEWLINE, at)
    const end = newline < 0 ? texts.length : newline
    const value = exactParse(texts.toString('utf8', at, end)) as FacetValue
    yield { value, count: counts.readUInt32LE(4 * n) }
    at = end + 1
  }
}

/** The rows that the queries of a search call find: by one vector each through the kernel, by several through a comparison of all rows. */
import { candidatesOf } from '../../protocol/shard-rpc.ts'
import { Slice } from '../../runtime/slices.ts'
import type { CellState } from './cell-state.ts'
import type { IndexQuery } from './index-calls.ts'
import type { RowStore } from './row-store.ts'
import { bestScored } from './scored-search.ts'
import { type FoundRow, takenTogether } from './search.ts'

/**
 * Undefined for queries that need more time.
 * @param rows held by the caller
 * @param scanMs see `ExactSearch.search`
 */
export async function foundRows(
  state: CellState,
  rows: RowStore,
  queries: readonly IndexQuery[],
  scanMs: number,
): Promise<(FoundRow[] | undefined)[]> {
  const found: (FoundRow[] | undefined)[] = queries.map(() => undefined)
  // A limit may be far above the number of rows.
  const asked = queries.map((query, number) => ({
    ...query,
    number,
    limit: Math.min(candidatesOf(query.spec), rows.size),
  }))
  const taken = asked.slice(0, takenTogether(asked))
  const single = taken.filter(({ spec }) => spec.scoring === undefined)
  const nearest = await state.search(
    single.map(({ spec, vector, limit, at }) => ({
      vector,
      limit,
      ...(at === undefined ? {} : { at }),
      ...(spec.filter === undefined ? {} : { filter: spec.filter }),
    })),
    scanMs,
  )
  single.forEach(({ number }, n) => {
    found[number] = nearest[n]
  })
  for (const query of taken)
    if (query.spec.scoring !== undefined) found[query.number] = await scoredRows(state, rows, query)
  return found
}

/** Undefined if the time of the query is over. */
async function scoredRows(
  state: CellState,
  rows: RowStore,
  { spec, vector, at, until = Number.POSITIVE_INFINITY, limit }: IndexQuery & { limit: number },
): Promise<FoundRow[] | undefined> {
  const { scoring, filter } = spec
  if (scoring === undefined) return undefined
  const mask = await state.matching(filter, at)
  const search = bestScored(state.shape.metric, rows, { vectors: vector, scoring, limit, mask })
  const slice = new Slice()
  for (;;) {
    const step = search.next()
    if (step.done === true) return step.value
    if (!slice.over) continue
    if (performance.timeOrigin + performance.now() > until) return undefined
    await slice.next()
  }
}

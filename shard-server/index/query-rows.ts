/** The rows that the queries of a search call find: by one vector each through the kernel, by several through a comparison of all rows. */
import type { FilterText } from '../../core/filter/filter.ts'
import { type CellPlan, candidatesOf } from '../../protocol/shard-rpc.ts'
import { Slice } from '../../runtime/slices.ts'
import { hasEnded } from '../../runtime/work-end.ts'
import type { CellState } from './cell-state.ts'
import type { IndexQuery } from './index-calls.ts'
import { NO_MATCH } from './no-match.ts'
import type { RowStore } from './row-store.ts'
import { bestScored } from './scored-search.ts'
import { type FoundRow, takenTogether } from './search.ts'

type OnPlanned = (query: number, plan: CellPlan) => void

/**
 * Undefined for queries that need more time.
 * @param rows held by the caller
 * @param scanMs see `ExactSearch.search`
 * @param onPlanned gets how the rows of each query were found
 */
export async function foundRows(
  state: CellState,
  rows: RowStore,
  queries: readonly IndexQuery[],
  scanMs: number,
  onPlanned: OnPlanned,
): Promise<(FoundRow[] | undefined)[]> {
  const found: (FoundRow[] | undefined)[] = queries.map(() => undefined)
  // A limit may be far above the number of rows.
  const asked = queries.map((query, number) => ({
    ...query,
    number,
    limit: Math.min(candidatesOf(query.spec), rows.size),
  }))
  const none = withoutMatch(state)
  const taken: typeof asked = []
  for (const query of asked.slice(0, takenTogether(asked))) {
    if (none(query)) {
      found[query.number] = []
      onPlanned(query.number, NO_MATCH)
    } else taken.push(query)
  }
  const single = taken.filter(({ spec }) => spec.scoring === undefined)
  const nearest = await state.search(
    single.map(({ spec, vector, limit, at }) => ({
      vector,
      limit,
      ...(at === undefined ? {} : { at }),
      ...(spec.filter === undefined ? {} : { filter: spec.filter }),
    })),
    scanMs,
    (n, plan) => onPlanned(single[n]?.number as number, plan),
  )
  single.forEach(({ number }, n) => {
    found[number] = nearest[n]
  })
  for (const query of taken)
    if (query.spec.scoring !== undefined) found[query.number] = await scoredRows(state, rows, query, onPlanned)
  return found
}

/** Does a query match no row for certain? Equal filters are looked up once. Throws STALE. */
function withoutMatch(state: CellState): (query: IndexQuery) => boolean {
  const known = new Map<FilterText, boolean>()
  return ({ spec: { filter }, at }) => {
    if (filter === undefined) return false
    const none = known.get(filter) ?? state.matchesNone(filter, at)
    known.set(filter, none)
    if (none) state.checkReadable(at)
    return none
  }
}

/** Undefined if the time of the query is over. */
async function scoredRows(
  state: CellState,
  rows: RowStore,
  { spec, vector, at, end, limit, number }: IndexQuery & { limit: number; number: number },
  onPlanned: OnPlanned,
): Promise<FoundRow[] | undefined> {
  const { scoring, filter } = spec
  if (scoring === undefined) return undefined
  const { mask, plan } = await state.planned(filter, at)
  onPlanned(number, plan)
  const search = bestScored(state.shape.metric, rows, { vectors: vector, scoring, limit, mask })
  const slice = new Slice()
  for (;;) {
    const step = search.next()
    if (step.done === true) return step.value
    if (!slice.over) continue
    if (end !== undefined && hasEnded(end)) return undefined
    await slice.next()
  }
}

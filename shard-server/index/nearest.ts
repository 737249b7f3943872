/**
 * The nearest visible rows of queries, exactly: as comparing every row in double precision would find them, ties by id.
 * FAISS proposes candidates in float32; they are compared again, and taken where its error bound (`kernel-error.ts`) proves
 * that no other row can be among the nearest. Where it does not (many equal rows, numbers at the ends of float32), FAISS is
 * asked for more, and at last every row is compared.
 */
import type { IdKey } from '../../core/ids.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import type { FlatIndex } from './flat-index.ts'
import { farthest } from './kernel-error.ts'
import { LENGTH_MAX, lengthOf } from './lengths.ts'
import type { RowStore } from './row-store.ts'

export interface Query {
  vector: Float32Array
  limit: number
  /** Version to read at; the present state where absent. */
  at?: number
}

export interface FoundRow {
  row: number
  key: IdKey
  version: number
  distance: number
}

/** Candidates beyond the limit: the farther the worst of them, the surer it is that none is missing. */
const MARGIN_MIN = 8
const MARGIN_SHARE = 1 / 8
/** FAISS is asked so often, each time for so many times more. */
const ROUNDS = 2
const GROWTH = 4

export class Nearest {
  readonly #metric: Metric
  readonly #rows: RowStore
  readonly #index: FlatIndex
  readonly #aside: ReadonlySet<number>
  readonly #most: number

  constructor(metric: Metric, rows: RowStore, index: FlatIndex) {
    this.#metric = metric
    this.#rows = rows
    this.#index = index
    const { aside, most } = rows.lengths.split()
    this.#aside = new Set(aside)
    this.#most = most
  }

  /**
   * @param scanMs comparing every row ends after so long, with at least one query answered; the others are undefined then
   */
  search(queries: readonly Query[], scanMs: number): (FoundRow[] | undefined)[] {
    const found: (FoundRow[] | undefined)[] = queries.map(() => undefined)
    const total = this.#index.rows
    if (total === 0) return found.map(() => [])
    let open = [...queries.keys()].filter((i) => this.#fits(queries[i] as Query))
    let fetch = this.#firstFetch(queries)
    for (let round = 0; round < ROUNDS && open.length > 0 && fetch <= total; round++) {
      // A second time by differences, which are the more exact: few queries at once.
      const together = round === 0 || this.#metric !== 'L2' ? open.length : Math.max(1, this.#index.differencesMax)
      for (let at = 0; at < open.length; at += together) {
        const some = open.slice(at, at + together)
        this.#propose(
          some.map((i) => queries[i] as Query),
          fetch,
        ).forEach((rows, n) => {
          if (rows) found[some[n] as number] = rows
        })
      }
      open = open.filter((i) => found[i] === undefined)
      fetch = fetch < total ? Math.min(total, fetch * GROWTH) : total + 1
    }
    this.#scanRest(queries, found, performance.now() + scanMs)
    return found
  }

  /** Can FAISS compare this query without overflow? Products can be scaled, differences cannot. */
  #fits({ vector }: Query): boolean {
    return this.#metric !== 'L2' || lengthOf(vector) <= LENGTH_MAX
  }

  /** Dead rows stay in the index until compaction, so more than the limit are fetched, in proportion to the dead. */
  #firstFetch(queries: readonly Query[]): number {
    let most = 0
    for (const { limit } of queries) most = Math.max(most, limit)
    const wanted = most + Math.max(MARGIN_MIN, Math.ceil(most * MARGIN_SHARE))
    const { rows } = this.#index
    return Math.min(rows, Math.ceil((wanted * rows) / Math.max(1, this.#rows.live)))
  }

  /** The answers by `fetch` candidates of FAISS each; undefined where they are not sure. */
  #propose(queries: readonly Query[], fetch: number): (FoundRow[] | undefined)[] {
    const scales = queries.map(({ vector }) => (this.#metric === 'L2' ? 1 : productScale(vector)))
    const asked = queries.map(({ vector }, n) =>
      scales[n] === 1 ? vector : vector.map((x) => x * (scales[n] as number)),
    )
    const { labels, distances } = this.#index.search(asked, fetch)
    return queries.map((query, n) => {
      const scale = scales[n] as number
      const bound = farthest({
        metric: this.#metric,
        dimension: query.vector.length,
        length: lengthOf(query.vector) * scale,
        rowLength: this.#most,
        differences: queries.length <= this.#index.differencesMax,
      })
      const own = labels.slice(n * fetch, (n + 1) * fetch)
      const candidates = own.filter((row) => row >= 0 && !this.#aside.has(row))
      const best = this.#compared(query, [...candidates, ...this.#aside])
      // Fewer than were asked for: all rows that FAISS can compare.
      if (fetch === this.#index.rows || own.includes(-1)) return best
      const last = distances[(n + 1) * fetch - 1] as number
      const worst = this.#metric === 'L2' ? last : -last
      const farthestNeeded = best[query.limit - 1]?.distance
      return farthestNeeded !== undefined && bound(farthestNeeded * scale) < worst ? best : undefined
    })
  }

  #compared(query: Query, rows: readonly number[]): FoundRow[] {
    return rows
      .filter((row) => this.#rows.visible(row, query.at))
      .map((row) => this.#found(query, row))
      .sort(byDistance)
      .slice(0, query.limit)
  }

  #found({ vector }: Query, row: number): FoundRow {
    return {
      row,
      key: this.#rows.keys[row] as IdKey,
      version: this.#rows.born[row] as number,
      distance: distance(this.#metric, vector, this.#rows.vector(row)),
    }
  }

  #scanRest(queries: readonly Query[], found: (FoundRow[] | undefined)[], until: number): void {
    let scanned = 0
    for (const [i, query] of queries.entries()) {
      if (found[i] !== undefined) continue
      if (scanned > 0 && performance.now() > until) return
      found[i] = this.#scan(query)
      scanned++
    }
  }

  /** Compares every row. */
  #scan(query: Query): FoundRow[] {
    const keep = 2 * query.limit + MARGIN_MIN
    let best: FoundRow[] = []
    let worst = Number.POSITIVE_INFINITY
    for (let row = 0; row < this.#rows.size; row++) {
      if (!this.#rows.visible(row, query.at)) continue
      const one = this.#found(query, row)
      if (one.distance > worst) continue
      best.push(one)
      if (best.length < keep) continue
      best = best.sort(byDistance).slice(0, query.limit)
      worst = best.at(-1)?.distance ?? worst
    }
    return best.sort(byDistance).slice(0, query.limit)
  }
}

/** A power of two that brings a query to a length of about one: the order of its products stays as it is. */
function productScale(vector: Float32Array): number {
  const length = lengthOf(vector)
  const exponent = Math.round(Math.log2(length))
  return length === 0 || Math.abs(exponent) <= 1 ? 1 : 2 ** -exponent
}

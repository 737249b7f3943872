/**
 * The nearest rows of queries among those of their masks, exactly: as comparing every row in double precision would find
 * them, ties by id. The kernel proposes candidates in float32; they are compared again, and taken if its error bound
 * (`kernel-error.ts`) proves that no other row can be among the nearest. If it does not (many equal rows, numbers at the ends
 * of float32), the kernel is asked for more, and at last every row of the mask is compared.
 */
import type { IdKey } from '../../core/ids.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import type { Candidates, Kernel } from './kernel.ts'
import { farthest } from './kernel-error.ts'
import { LENGTH_MAX, lengthOf } from './lengths.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

export interface Query {
  vector: Float32Array
  /** Rows at most. */
  limit: number
  /** The rows that may be found. */
  mask: RowMask
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
/** The kernel is asked so often, each time for so many times more. */
const ROUNDS = 2
const GROWTH = 4

export class ExactSearch {
  readonly #metric: Metric
  readonly #rows: RowStore
  readonly #kernel: Kernel
  readonly #aside: ReadonlySet<number>
  readonly #most: number

  constructor(metric: Metric, rows: RowStore, kernel: Kernel) {
    this.#metric = metric
    this.#rows = rows
    this.#kernel = kernel
    const { aside, most } = rows.lengths.split()
    this.#aside = new Set(aside)
    this.#most = most
  }

  /**
   * @param scanMs comparing every row ends after so long, with at least one query answered; the others are undefined then
   */
  search(queries: readonly Query[], scanMs: number): (FoundRow[] | undefined)[] {
    const found: (FoundRow[] | undefined)[] = queries.map(() => undefined)
    if (this.#kernel.rows === 0) return found.map(() => [])
    let open = [...queries.keys()].filter((i) => this.#fits(queries[i] as Query))
    let k = wanted(queries)
    for (let round = 0; round < ROUNDS && open.length > 0; round++) {
      // A second time by differences, which are the more exact: few queries at once.
      const together = round === 0 || this.#metric !== 'L2' ? open.length : Math.max(1, this.#kernel.differencesMax)
      for (let at = 0; at < open.length; at += together) {
        const some = open.slice(at, at + together)
        this.#propose(
          some.map((i) => queries[i] as Query),
          k,
        ).forEach((rows, n) => {
          if (rows) found[some[n] as number] = rows
        })
      }
      open = open.filter((i) => found[i] === undefined)
      k *= GROWTH
    }
    this.#scanRest(queries, found, performance.now() + scanMs)
    return found
  }

  /** Can the kernel compare this query without overflow? Products can be scaled, differences cannot. */
  #fits({ vector }: Query): boolean {
    return this.#metric !== 'L2' || lengthOf(vector) <= LENGTH_MAX
  }

  /** The answers by about `k` candidates of the kernel each; undefined where they are not sure. */
  #propose(queries: readonly Query[], k: number): (FoundRow[] | undefined)[] {
    const scales = queries.map(({ vector }) => (this.#metric === 'L2' ? 1 : productScale(vector)))
    const asked = queries.map(({ vector, mask }, n) => {
      const scale = scales[n] as number
      return { vector: scale === 1 ? vector : vector.map((x) => x * scale), mask }
    })
    const proposed = this.#kernel.search(asked, k)
    return queries.map((query, n) => {
      const scale = scales[n] as number
      const { rows, reach } = proposed[n] as Candidates
      const bound = farthest({
        metric: this.#metric,
        dimension: query.vector.length,
        length: lengthOf(query.vector) * scale,
        rowLength: this.#most,
        differences: queries.length <= this.#kernel.differencesMax,
      })
      const apart = [...this.#aside].filter((row) => query.mask.has(row))
      const best = this.#compared(query, [...rows.filter((row) => !this.#aside.has(row)), ...apart])
      if (reach === Number.POSITIVE_INFINITY) return best
      const farthestNeeded = best[query.limit - 1]?.distance
      return farthestNeeded !== undefined && bound(farthestNeeded * scale) < reach ? best : undefined
    })
  }

  #compared(query: Query, rows: readonly number[]): FoundRow[] {
    return rows
      .map((row) => this.#found(query, row))
      .sort(byDistance)
      .slice(0, query.limit)
  }

  #found({ vector }: Query, row: number): FoundRow {
    return {
      row,
      key: this.#rows.keyOf(row),
      version: this.#rows.bornOf(row),
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

  /** Compares every row of the mask. */
  #scan(query: Query): FoundRow[] {
    const keep = 2 * query.limit + MARGIN_MIN
    let best: FoundRow[] = []
    let worst = Number.POSITIVE_INFINITY
    const { mask } = query
    for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
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

/** How many candidates each of the queries is to have. */
function wanted(queries: readonly Query[]): number {
  const most = queries.reduce((limit, query) => Math.max(limit, query.limit), 0)
  return most + Math.max(MARGIN_MIN, Math.ceil(most * MARGIN_SHARE))
}

/** A power of two that brings a query to a length of about one: the order of its products stays as it is. */
function productScale(vector: Float32Array): number {
  const length = lengthOf(vector)
  const exponent = Math.round(Math.log2(length))
  return length === 0 || Math.abs(exponent) <= 1 ? 1 : 2 ** -exponent
}

/**
 * The nearest rows of queries among those of their masks, exactly: as comparing every row in double precision would find
 * them, ties by id. The kernel answers what it can prove. Rows at the ends of float32, which would make its bounds worthless,
 * are set aside and compared one by one; a query that the kernel cannot answer is compared with every row of its mask.
 */
import type { IdKey } from '../../core/ids.ts'
import { LIMITS } from '../../core/limits.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import type { Kernel, Nearest } from './kernel.ts'
import { LENGTH_MAX, lengthOf } from './lengths.ts'
import { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'

export interface Query {
  vector: Float32Array
  /** Rows at most. */
  limit: number
  /** The rows that may be found. Must not change during the search. */
  mask: RowMask
}

export interface FoundRow {
  row: number
  key: IdKey
  version: number
  distance: number
}

/**
 * How many of these queries may be searched in one call: the first always, more while the hits of all are within the limit of
 * a request. Queries of many clients come together, and each may ask for every row.
 */
export function takenTogether(queries: readonly { limit: number }[]): number {
  let hits = 0
  const over = queries.findIndex(({ limit }) => (hits += limit) > LIMITS.CANDIDATES_MAX.value)
  return over < 0 ? queries.length : Math.max(1, over)
}

/** Rows that a comparison with every row collects, beyond twice the limit, before it sorts them. */
const KEPT_MIN = 8

/**
 * So few rows, and so small a share of all, are compared one by one: a kernel waits for a thread and goes through the masks of all
 * panels first. That takes it as long as some dozens of rows take here, of 100,000 or a million.
 */
const FEW_ROWS = 32
const FEW_SHARE = 1 / 128
/** Of all queries of a call: more of them would hold the index thread for long. */
const FEW_TOGETHER = 4096

/** Of one cell as it is now: rows that are put later are in no mask. */
export class ExactSearch {
  readonly #metric: Metric
  readonly #rows: RowStore
  readonly #kernel: Kernel
  readonly #aside: readonly number[]
  readonly #longest: number

  constructor(metric: Metric, rows: RowStore) {
    this.#metric = metric
    this.#rows = rows
    this.#kernel = rows.kernel
    const { aside, most } = rows.lengths.split()
    this.#aside = aside
    this.#longest = most
  }

  /**
   * @param scanMs comparing every row ends after so long, with at least one query answered; the others are undefined then
   */
  async search(queries: readonly Query[], scanMs: number): Promise<(FoundRow[] | undefined)[]> {
    const found: (FoundRow[] | undefined)[] = queries.map(() => undefined)
    if (this.#kernel.rows === 0) return found.map(() => [])
    this.#scanFew(queries, found)
    const asked = [...queries.keys()].filter((i) => !found[i] && this.#fits(queries[i] as Query))
    const nearest = asked.length === 0 ? [] : await this.#kernel.search(...this.#askedOf(queries, asked))
    asked.forEach((i, n) => {
      const proven = nearest[n]
      if (proven) found[i] = this.#answer(queries[i] as Query, proven)
    })
    this.#scanRest(queries, found, performance.now() + scanMs)
    return found
  }

  #scanFew(queries: readonly Query[], found: (FoundRow[] | undefined)[]): void {
    const few = Math.min(FEW_ROWS, FEW_SHARE * this.#kernel.rows)
    let compared = 0
    for (const [i, query] of queries.entries()) {
      const { count } = query.mask
      if (count > few || compared + count > FEW_TOGETHER) continue
      compared += count
      found[i] = this.#scan(query)
    }
  }

  /** Can a kernel compare this query without overflow? It scales products; differences cannot be scaled. */
  #fits({ vector }: Query): boolean {
    return this.#metric !== 'L2' || lengthOf(vector) <= LENGTH_MAX
  }

  #askedOf(queries: readonly Query[], numbers: readonly number[]): Parameters<Kernel['search']> {
    const masks = new Map<RowMask, RowMask>()
    const withoutAside = (mask: RowMask) => {
      const made = masks.get(mask) ?? mask.without(this.#aside)
      masks.set(mask, made)
      return made
    }
    const asked = numbers.map((i) => {
      const { vector, mask, limit } = queries[i] as Query
      return { vector, mask: withoutAside(mask), limit }
    })
    return [asked, this.#longest]
  }

  #answer(query: Query, { rows, distances }: Nearest): FoundRow[] {
    const best = Array.from({ length: rows.length }, (_, n) => this.#found(rows[n] as number, distances[n] as number))
    for (const row of this.#aside) if (query.mask.has(row)) best.push(this.#compared(query, row))
    return best.sort(byDistance).slice(0, query.limit)
  }

  #compared({ vector }: Query, row: number): FoundRow {
    return this.#found(row, distance(this.#metric, vector, this.#rows.vector(row)))
  }

  #found(row: number, inner: number): FoundRow {
    return { row, key: this.#rows.keyOf(row), version: this.#rows.bornOf(row), distance: inner }
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
    const keep = 2 * query.limit + KEPT_MIN
    let best: FoundRow[] = []
    let worst = Number.POSITIVE_INFINITY
    const { mask } = query
    for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) {
      const one = this.#compared(query, row)
      if (one.distance > worst) continue
      best.push(one)
      if (best.length < keep) continue
      best = best.sort(byDistance).slice(0, query.limit)
      worst = best.at(-1)?.distance ?? worst
    }
    return best.sort(byDistance).slice(0, query.limit)
  }
}

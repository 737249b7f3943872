/**
 * How long the vectors of a cell are, by powers of two. FAISS computes in float32: rows beyond `LENGTH_MAX` overflow it, and
 * the longest row says how far its inner products may be off. So the few rows that are far longer than the rest are set
 * aside and always compared in double precision; then one of them costs one comparison, and not the speed of all others.
 */

/** Squares of sums of two such lengths are within float32. */
export const LENGTH_MAX = 2 ** 60
/** So many rows may be set aside for being longer than the rest; those beyond LENGTH_MAX are in any case. */
const ASIDE_MAX = 256

export class Lengths {
  /** By the exponent of the power of two that a length does not exceed: the rows, or only their number where it is too great to set them aside. */
  readonly #rows = new Map<number, number[] | number>()

  note(row: number, vector: Float32Array): void {
    const exponent = Math.ceil(Math.log2(lengthOf(vector)))
    const rows = this.#rows.get(exponent) ?? []
    if (typeof rows === 'number') this.#rows.set(exponent, rows + 1)
    else if (rows.length === ASIDE_MAX && 2 ** exponent <= LENGTH_MAX) this.#rows.set(exponent, ASIDE_MAX + 1)
    else {
      rows.push(row)
      this.#rows.set(exponent, rows)
    }
  }

  /** The rows that the kernel is not relied on for, and a bound on the length of all others. */
  split(): { aside: number[]; most: number } {
    const aside: number[] = []
    for (const exponent of [...this.#rows.keys()].sort((a, b) => b - a)) {
      const rows = this.#rows.get(exponent) as number[] | number
      const most = 2 ** exponent
      if (typeof rows === 'number' || (most <= LENGTH_MAX && aside.length + rows.length > ASIDE_MAX))
        return { aside, most }
      for (const row of rows) aside.push(row)
    }
    return { aside, most: 0 }
  }
}

export function lengthOf(vector: Float32Array): number {
  let sum = 0
  for (const x of vector) sum += x * x
  return Math.sqrt(sum)
}

/**
 * How long the vectors of a cell are, by powers of two. Kernels compute in float32: rows beyond `LENGTH_MAX` overflow it, and
 * the longest row says how far its inner products may be off. So the few rows that are far longer than the rest are set
 * aside and always compared in double precision; then one of them costs one comparison, and not the speed of all others.
 */

/** Squares of sums of two such lengths are within float32. */
export const LENGTH_MAX = 2 ** 60
/** So many rows may be set aside for being longer than the rest; those beyond LENGTH_MAX are in any case. */
const ASIDE_MAX = 256

/** By the exponent of the power of two that a length does not exceed: the rows, or only their number where it is too great to set them aside. */
type ByExponent = Map<number, number[] | number>

const countOf = (rows: number[] | number) => (typeof rows === 'number' ? rows : rows.length)

export class Lengths {
  readonly #chunkRows: number
  /** Of each chunk, the oldest first. */
  readonly #chunks: ByExponent[] = []
  /** Chunks that were dropped. */
  #dropped = 0
  readonly #counts = new Map<number, number>()

  /** @param chunkRows rows that are dropped together */
  constructor(chunkRows: number) {
    this.#chunkRows = chunkRows
  }

  /** Of the rows in their order. */
  note(row: number, vector: Float32Array): void {
    this.#note(row, lengthOf(vector))
  }

  /** Of rows from `first` on, whose vectors follow each other. */
  noteAll(first: number, vectors: Float32Array, dimension: number): void {
    for (let at = 0, row = first; at < vectors.length; row++) {
      let sum = 0
      for (const end = at + dimension; at < end; at++) sum += (vectors[at] as number) ** 2
      this.#note(row, Math.sqrt(sum))
    }
  }

  #note(row: number, length: number): void {
    const exponent = Math.ceil(Math.log2(length))
    const chunk = Math.floor(row / this.#chunkRows) - this.#dropped
    while (this.#chunks.length <= chunk) this.#chunks.push(new Map())
    const ofChunk = this.#chunks[chunk] as ByExponent
    const rows = ofChunk.get(exponent) ?? []
    if (typeof rows === 'number') ofChunk.set(exponent, rows + 1)
    else if (rows.length === ASIDE_MAX && 2 ** exponent <= LENGTH_MAX) ofChunk.set(exponent, ASIDE_MAX + 1)
    else {
      rows.push(row)
      ofChunk.set(exponent, rows)
    }
    this.#counts.set(exponent, (this.#counts.get(exponent) ?? 0) + 1)
  }

  /** Drops the oldest chunk. */
  dropFirst(): void {
    for (const [exponent, rows] of this.#chunks.shift() ?? []) {
      const count = (this.#counts.get(exponent) as number) - countOf(rows)
      if (count === 0) this.#counts.delete(exponent)
      else this.#counts.set(exponent, count)
    }
    this.#dropped++
  }

  /** The rows that the kernel is not relied on for, and a bound on the length of all others. */
  split(): { aside: number[]; most: number } {
    const aside: number[] = []
    for (const exponent of [...this.#counts.keys()].sort((a, b) => b - a)) {
      const most = 2 ** exponent
      if (most <= LENGTH_MAX && aside.length + (this.#counts.get(exponent) as number) > ASIDE_MAX)
        return { aside, most }
      for (const ofChunk of this.#chunks) for (const row of listOf(ofChunk.get(exponent))) aside.push(row)
    }
    return { aside, most: 0 }
  }
}

/** A chunk has no more of a length than all chunks together; so where these can be set aside, it has them by number. */
function listOf(rows: number[] | number | undefined): readonly number[] {
  return typeof rows === 'object' ? rows : []
}

export function lengthOf(vector: Float32Array): number {
  let sum = 0
  for (const x of vector) sum += x * x
  return Math.sqrt(sum)
}

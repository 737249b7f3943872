/** The kernel over native rows: the only copy of a cell's vectors, compared off the event loop. */
import type { Metric } from '../../core/metric.ts'
import type { Kernel, MaskedQuery, Nearest } from './kernel.ts'
import { PanelRows } from './panel-rows.ts'
import type { RowMask } from './row-mask.ts'

export class PanelKernel implements Kernel {
  readonly dimension: number
  readonly #rows: PanelRows

  /**
   * @param instructions the instruction set; absent: the fastest that the processor has
   * @param chunkRows a multiple of 32; absent: as many as a huge page holds, within bounds
   */
  constructor(metric: Metric, dimension: number, instructions?: string, chunkRows?: number) {
    if (!PanelRows) throw new Error('the addon was built without native rows')
    this.dimension = dimension
    this.#rows = new PanelRows(dimension, metric === 'L2' ? 'L2' : 'InnerProduct', instructions, chunkRows)
  }

  get first(): number {
    return this.#rows.first
  }

  get chunkRows(): number {
    return this.#rows.chunkRows
  }

  get rows(): number {
    return this.#rows.size
  }

  get bytes(): number {
    return this.#rows.bytes
  }

  append(vectors: Float32Array): void {
    this.#rows.append(vectors)
  }

  dropFirst(): void {
    this.#rows.dropFirst()
  }

  read(from: number, into: Float32Array): void {
    this.#rows.read(from, into)
  }

  async search(queries: readonly MaskedQuery[], longest: number): Promise<(Nearest | undefined)[]> {
    const { first } = this
    const masks = [...new Set(queries.map(({ mask }) => mask))]
    for (const mask of masks) mask.assertFirst(first)
    const numbers = new Map(masks.map((mask, number): [RowMask, number] => [mask, number]))
    const { complete, counts, rows, distances } = await this.#rows.search(
      queries.map(({ vector }) => vector),
      Uint32Array.from(queries, ({ limit }) => limit),
      longest,
      masks.map(({ words }) => words),
      Uint32Array.from(queries, ({ mask }) => numbers.get(mask) as number),
    )
    let at = 0
    return queries.map((_query, n) => {
      const from = at
      at += counts[n] as number
      if (complete[n] !== 1) return undefined
      const found = Array.from(rows.subarray(from, at), (row) => first + row)
      return { rows: found, distances: distances.subarray(from, at) }
    })
  }
}

/**
 * The kernel that is FAISS' flat index. It knows no masks: faiss-node offers no selector of rows, so the kernel fetches more
 * rows than were asked for, in proportion to those outside of the masks, and drops these afterwards. faiss-node takes `number[]` only, cannot hand rows back, and
 * `toBuffer` leaks; so larger additions go through a file in FAISS' own format (a 45-byte header and raw floats), which
 * `read` and `mergeFrom` take at the speed of a copy.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import faiss from 'faiss-node'
import type { Metric } from '../../core/metric.ts'
import { bytesOf } from '../../core/vector.ts'
import { BLAS_QUERIES_MIN } from '../../protocol/env/cluster-config.ts'
import type { Candidates, Kernel, MaskedQuery } from './kernel.ts'

/** From so many rows on, a file beats the conversion to number[]. */
const FILE_ROWS_MIN = 16

export class FaissKernel implements Kernel {
  readonly #metric: Metric
  readonly #dimension: number
  readonly #scratch: string
  #index: faiss.IndexFlatL2 | faiss.IndexFlatIP

  constructor(metric: Metric, dimension: number, scratchDir: string) {
    this.#metric = metric
    this.#dimension = dimension
    this.#scratch = join(scratchDir, 'add.faiss')
    this.#index = this.#empty()
  }

  #empty(): faiss.IndexFlatL2 | faiss.IndexFlatIP {
    return this.#metric === 'L2' ? new faiss.IndexFlatL2(this.#dimension) : new faiss.IndexFlatIP(this.#dimension)
  }

  get rows(): number {
    return this.#index.ntotal()
  }

  append(blocks: readonly Float32Array[]): void {
    const rows = blocks.reduce((sum, block) => sum + block.length, 0) / this.#dimension
    if (rows === 0) return
    if (rows < FILE_ROWS_MIN || !this.#writeScratch(blocks, rows)) {
      for (const block of blocks) this.#index.add(Array.from(block))
      return
    }
    this.appendFile(this.#scratch)
    rmSync(this.#scratch)
  }

  /** The quick way into FAISS is a file. A volume that is full or fails must not end the replay: false, and the slow way. */
  #writeScratch(blocks: readonly Float32Array[], rows: number): boolean {
    try {
      const file = openSync(this.#scratch, 'w')
      try {
        writeAll(file, faissHeader(this.#metric, this.#dimension, rows))
        for (const block of blocks) writeAll(file, bytesOf(block))
      } finally {
        closeSync(file)
      }
      return true
    } catch {
      rmSync(this.#scratch, { force: true })
      return false
    }
  }

  /** Appends the rows of a file in FAISS' format. */
  appendFile(path: string): void {
    const read = this.#metric === 'L2' ? faiss.IndexFlatL2.read(path) : faiss.IndexFlatIP.read(path)
    if (read.getDimension() !== this.#dimension)
      throw new Error(`${path} has dimension ${read.getDimension()}, not ${this.#dimension}`)
    if (this.#index.ntotal() === 0) this.#index = read
    else this.#index.mergeFrom(read)
  }

  clear(): void {
    this.#index = this.#empty()
  }

  /** Up to so many queries at once FAISS surely adds up squares of differences: versions differ where a dimension is no multiple of four. */
  get differencesMax(): number {
    return this.#dimension % 4 === 0 ? BLAS_QUERIES_MIN - 1 : 0
  }

  search(queries: readonly MaskedQuery[], k: number): Candidates[] {
    const { rows } = this
    if (rows === 0 || queries.length === 0) return queries.map(() => ({ rows: [], reach: Number.POSITIVE_INFINITY }))
    const most = queries.reduce((count, { mask }) => Math.max(count, mask.count), 1)
    const fetch = Math.min(rows, Math.ceil((k * rows) / most))
    const { labels, distances } = this.searchFlat(flatten(queries.map(({ vector }) => vector)), fetch)
    return queries.map(({ mask }, n) => {
      const own = labels.slice(n * fetch, (n + 1) * fetch)
      const last = distances[(n + 1) * fetch - 1] as number
      // Fewer than were asked for: all rows that FAISS can compare.
      const all = fetch === rows || own.includes(-1)
      const reach = all ? Number.POSITIVE_INFINITY : this.#metric === 'L2' ? last : -last
      return { rows: own.filter((row) => row >= 0 && mask.has(row)), reach }
    })
  }

  /** The `k` best rows of each query, whatever a mask would say: row numbers, best first, `k` for each query in turn. `k` must not exceed `rows`. */
  searchFlat(flat: number[], k: number): { labels: number[]; distances: number[] } {
    return this.#index.search(flat, k)
  }
}

/** Queries in the form that faiss-node takes; worth keeping where the same ones are asked again. */
export function flatten(queries: readonly Float32Array[]): number[] {
  const flat: number[] = []
  for (const query of queries) for (const x of query) flat.push(x)
  return flat
}

export function faissHeader(metric: Metric, dimension: number, rows: number): Buffer {
  const header = Buffer.alloc(45)
  header.write(metric === 'L2' ? 'IxF2' : 'IxFI', 0, 'latin1')
  header.writeInt32LE(dimension, 4)
  header.writeBigInt64LE(BigInt(rows), 8)
  header.writeBigInt64LE(1n << 20n, 16)
  header.writeBigInt64LE(1n << 20n, 24)
  header.writeUInt8(1, 32)
  header.writeInt32LE(metric === 'L2' ? 1 : 0, 33)
  header.writeBigInt64LE(BigInt(rows) * BigInt(dimension), 37)
  return header
}

export const FAISS_HEADER_BYTES = 45

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}

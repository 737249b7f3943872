/**
 * The kernel that is FAISS' flat index: the reference for the native one, and what searches where that cannot be built. It
 * knows no masks: faiss-node offers no selector of rows, so the kernel fetches more rows than were asked for, in proportion
 * to those outside of the masks, and drops these afterwards. faiss-node takes `number[]` only, cannot hand rows back, and
 * `toBuffer` leaks; so the kernel keeps the rows beside it, and larger additions go through a file in FAISS' own format (a
 * 45-byte header and raw floats), which `read` and `mergeFrom` take at the speed of a copy.
 *
 * FAISS proposes candidates in float32. They are compared again in double precision, and taken if the error bound
 * (`kernel-error.ts`) proves that no other row can be among the nearest; if it does not, FAISS is asked for more.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import faiss from 'faiss-node'
import { distance, type Metric } from '../../core/metric.ts'
import { bytesOf } from '../../core/vector.ts'
import { BLAS_QUERIES_MIN } from '../../protocol/env/process-env.ts'
import type { Kernel, MaskedQuery, Nearest } from './kernel.ts'
import { farthest } from './kernel-error.ts'
import { lengthOf } from './lengths.ts'

/** From so many rows on, a file beats the conversion to number[]. */
const FILE_ROWS_MIN = 16
const CHUNK_BYTES = 4 * 1024 * 1024
const CHUNK_ROWS_STEP = 32
const FAISS_HEADER_BYTES = 45
const CHUNK_ROWS_MAX = 16_384
/** FAISS gets all rows again when so great a share of those that it has was dropped. */
const DROPPED_SHARE = 1 / 4
/** Candidates beyond the limit: the farther the worst of them, the surer it is that none is missing. */
const MARGIN_MIN = 8
const MARGIN_SHARE = 1 / 8
/** FAISS is asked so often, each time for so many times more. */
const ROUNDS = 2
const GROWTH = 4

interface Proposed {
  rows: number[]
  /** Every other row of the mask is at this distance or beyond, by FAISS' arithmetic; Infinity: there is no other. */
  reach: number
}

export class FaissKernel implements Kernel {
  readonly dimension: number
  readonly #metric: Metric
  readonly #scratch: string
  #index: faiss.IndexFlatL2 | faiss.IndexFlatIP
  /** Rows at the front of FAISS that were dropped here. */
  #dropped = 0
  readonly chunkRows: number
  readonly #chunks: Float32Array[] = []
  first = 0
  #end = 0

  /** @param chunkRows a multiple of 32; absent: about 4 MiB of rows */
  constructor(metric: Metric, dimension: number, scratchDir: string, chunkRows?: number) {
    this.#metric = metric
    this.dimension = dimension
    this.#scratch = join(scratchDir, 'add.faiss')
    this.#index = emptyIndex(metric, dimension)
    this.chunkRows = chunkRows ?? chunkRowsOf(dimension)
  }

  get rows(): number {
    return this.#end - this.first
  }

  get bytes(): number {
    return (this.#chunks.length * this.chunkRows + this.#index.ntotal()) * this.dimension * 4
  }

  append(vectors: Float32Array): void {
    for (let at = 0; at < vectors.length; at += this.dimension) {
      if (this.#end % this.chunkRows === 0) this.#chunks.push(new Float32Array(this.chunkRows * this.dimension))
      this.#vector(this.#end++).set(vectors.subarray(at, at + this.dimension))
    }
  }

  dropFirst(): void {
    if (this.rows < this.chunkRows) throw new RangeError('the oldest chunk is not full')
    this.#chunks.shift()
    this.first += this.chunkRows
    this.#dropped += this.chunkRows
    if (this.#dropped <= DROPPED_SHARE * this.#index.ntotal()) return
    this.#index = emptyIndex(this.#metric, this.dimension)
    this.#dropped = 0
  }

  read(from: number, into: Float32Array): void {
    if (from < this.first || from + into.length / this.dimension > this.#end) throw new RangeError('no such rows')
    for (let at = 0; at < into.length; at += this.dimension) into.set(this.#vector(from + at / this.dimension), at)
  }

  #vector(row: number): Float32Array {
    const at = (row % this.chunkRows) * this.dimension
    const chunk = this.#chunks[Math.floor((row - this.first) / this.chunkRows)] as Float32Array
    return chunk.subarray(at, at + this.dimension)
  }

  search(queries: readonly MaskedQuery[], longest: number): Promise<(Nearest | undefined)[]> {
    const found: (Nearest | undefined)[] = queries.map(() => undefined)
    for (const { mask } of queries) mask.assertFirst(this.first)
    this.#catchUp()
    let open = [...queries.keys()]
    let k = wanted(queries)
    for (let round = 0; round < ROUNDS && open.length > 0; round++) {
      // A second time by differences, which are the more exact: few queries at once.
      const together = round === 0 || this.#metric !== 'L2' ? open.length : Math.max(1, this.#differencesMax)
      for (let at = 0; at < open.length; at += together) {
        const numbers = open.slice(at, at + together)
        const some = numbers.map((i) => queries[i] as MaskedQuery)
        const proposed = this.#propose(some, k)
        some.forEach((query, n) => {
          found[numbers[n] as number] = this.#proven(query, proposed[n] as Proposed, some.length, longest)
        })
      }
      open = open.filter((i) => found[i] === undefined)
      k *= GROWTH
    }
    return Promise.resolve(found)
  }

  /** The candidates' best, if no other row can be as near. */
  #proven(query: MaskedQuery, proposed: Proposed, together: number, rowLength: number): Nearest | undefined {
    const { vector, limit } = query
    const compared = proposed.rows
      .map((row) => ({ row, distance: distance(this.#metric, vector, this.#vector(row)) }))
      .sort((a, b) => a.distance - b.distance)
    const last = compared[limit - 1]?.distance ?? Number.POSITIVE_INFINITY
    const scale = scaleOf(this.#metric, vector)
    if (proposed.reach !== Number.POSITIVE_INFINITY) {
      const bound = farthest({
        metric: this.#metric,
        dimension: this.dimension,
        length: lengthOf(vector) * scale,
        rowLength,
        differences: together <= this.#differencesMax,
      })
      if (!(bound(last * scale) < proposed.reach)) return undefined
    }
    const best = compared.filter((one) => one.distance <= last)
    return { rows: best.map(({ row }) => row), distances: best.map((one) => one.distance) }
  }

  /** About `k` candidates of each query, in the order of the queries; more or fewer if a mask has dead rows beside the nearest. */
  #propose(queries: readonly MaskedQuery[], k: number): Proposed[] {
    const rows = this.#index.ntotal()
    if (this.rows === 0) return queries.map(() => ({ rows: [], reach: Number.POSITIVE_INFINITY }))
    const most = queries.reduce((count, { mask }) => Math.max(count, mask.count), 1)
    const fetch = Math.min(rows, Math.ceil((k * rows) / most))
    const { labels, distances } = this.#index.search(
      flatten(queries.map(({ vector }) => scaled(this.#metric, vector))),
      fetch,
    )
    return queries.map(({ mask }, n) => {
      const own = labels.slice(n * fetch, (n + 1) * fetch)
      const last = distances[(n + 1) * fetch - 1] as number
      // Fewer than were asked for: all rows that FAISS can compare.
      const all = fetch === rows || own.includes(-1)
      const reach = all ? Number.POSITIVE_INFINITY : this.#metric === 'L2' ? last : -last
      const numbers = own.map((label) => this.first + label - this.#dropped)
      return { rows: numbers.filter((row) => mask.has(row)), reach }
    })
  }

  /** Up to so many queries at once FAISS surely adds up squares of differences: versions differ where a dimension is no multiple of four. */
  get #differencesMax(): number {
    return this.dimension % 4 === 0 ? BLAS_QUERIES_MIN - 1 : 0
  }

  /** Hands FAISS the rows that it has not got yet. */
  #catchUp(): void {
    const blocks: Float32Array[] = []
    const known = this.first - this.#dropped + this.#index.ntotal()
    for (let row = known; row < this.#end; ) {
      const inChunk = row % this.chunkRows
      const count = Math.min(this.chunkRows - inChunk, this.#end - row)
      const chunk = this.#chunks[Math.floor((row - this.first) / this.chunkRows)] as Float32Array
      blocks.push(chunk.subarray(inChunk * this.dimension, (inChunk + count) * this.dimension))
      row += count
    }
    const rows = this.#end - known
    if (rows === 0) return
    if (rows < FILE_ROWS_MIN || !this.#writeScratch(blocks, rows)) {
      for (const block of blocks) this.#index.add(Array.from(block))
      return
    }
    this.#index.mergeFrom(
      this.#metric === 'L2' ? faiss.IndexFlatL2.read(this.#scratch) : faiss.IndexFlatIP.read(this.#scratch),
    )
    rmSync(this.#scratch)
  }

  /** The quick way into FAISS is a file. A volume that is full or fails must not end the replay: false, and the slow way. */
  #writeScratch(blocks: readonly Float32Array[], rows: number): boolean {
    try {
      const file = openSync(this.#scratch, 'w')
      try {
        writeAll(file, faissHeader(this.#metric, this.dimension, rows))
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
}

function emptyIndex(metric: Metric, dimension: number): faiss.IndexFlatL2 | faiss.IndexFlatIP {
  return metric === 'L2' ? new faiss.IndexFlatL2(dimension) : new faiss.IndexFlatIP(dimension)
}

function chunkRowsOf(dimension: number): number {
  const rows = Math.min(CHUNK_ROWS_MAX, CHUNK_BYTES / (4 * dimension))
  return Math.max(CHUNK_ROWS_STEP, Math.floor(rows / CHUNK_ROWS_STEP) * CHUNK_ROWS_STEP)
}

/** How many candidates each of the queries is to have. */
function wanted(queries: readonly MaskedQuery[]): number {
  const most = queries.reduce((limit, query) => Math.max(limit, query.limit), 0)
  return most + Math.max(MARGIN_MIN, Math.ceil(most * MARGIN_SHARE))
}

function scaled(metric: Metric, vector: Float32Array): Float32Array {
  const scale = scaleOf(metric, vector)
  return scale === 1 ? vector : vector.map((x) => x * scale)
}

/** Under products a power of two that brings a query to a length of about one: the order of its products stays as it is. */
function scaleOf(metric: Metric, vector: Float32Array): number {
  if (metric === 'L2') return 1
  const length = lengthOf(vector)
  const exponent = Math.round(Math.log2(length))
  return length === 0 || Math.abs(exponent) <= 1 ? 1 : 2 ** -exponent
}

function flatten(queries: readonly Float32Array[]): number[] {
  const flat: number[] = []
  for (const query of queries) for (const x of query) flat.push(x)
  return flat
}

function faissHeader(metric: Metric, dimension: number, rows: number): Buffer {
  const header = Buffer.alloc(FAISS_HEADER_BYTES)
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

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}

/**
 * The data sets of the benchmarks, by name: `glove50`, `digits`, and `synthetic-<dimension>-<intrinsic dimension>`. The same
 * name and number of rows give the same vectors on every machine. Queries are never rows.
 */
import { loadDigits } from '../../cli/quickstart/digits.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { GLOVE_DIMENSION, glove } from './glove.ts'

export const QUERIES = 512
/** If no number is given. */
const ROWS_DRAWN = 100_000
const ROWS_GLOVE = 390_000
const SEED = 1

export interface DataSet {
  name: string
  dimension: number
  rows: number
  /** One after the other. */
  vectors: Float32Array
  /** `QUERIES` of them, one after the other. */
  queries: Float32Array
}

/** @param rows at most so many; absent: 390,000 of glove50, all digits, 100,000 of drawn data */
export function dataSet(name: string, rows?: number): DataSet {
  const [, values, intrinsic] = /^synthetic-(\d+)-(\d+)$/.exec(name) ?? []
  if (values !== undefined && intrinsic !== undefined)
    return synthetic(name, rows ?? ROWS_DRAWN, Number(values), Number(intrinsic))
  if (name === 'glove50') return split(name, GLOVE_DIMENSION, glove(), rows ?? ROWS_GLOVE)
  if (name === 'digits') {
    const digits = loadDigits()
    const dimension = digits[0]?.pixels.length ?? 0
    const all = new Float32Array(digits.length * dimension)
    for (const { id, pixels } of digits) all.set(pixels, id * dimension)
    return split(name, dimension, all, rows)
  }
  throw new Error(`no data set ${name}: glove50, digits or synthetic-<dimension>-<intrinsic dimension>`)
}

/** A normal distribution of `intrinsic` dimensions, turned into `dimension` ones. */
function synthetic(name: string, rows: number, dimension: number, intrinsic: number): DataSet {
  const random = seededRandom(SEED)
  const turn = Float64Array.from({ length: dimension * intrinsic }, () => normal(random))
  const inner = new Float64Array(intrinsic)
  const draw = (count: number) => {
    const vectors = new Float32Array(count * dimension)
    for (let at = 0; at < vectors.length; at += dimension) {
      for (let j = 0; j < intrinsic; j++) inner[j] = normal(random)
      for (let i = 0; i < dimension; i++) {
        let sum = 0
        for (let j = 0; j < intrinsic; j++) sum += (inner[j] as number) * (turn[i * intrinsic + j] as number)
        vectors[at + i] = sum
      }
    }
    return vectors
  }
  const queries = draw(QUERIES)
  return { name, dimension, rows, vectors: draw(rows), queries }
}

/** Rows and queries by a seeded shuffle: files are often in an order that means something. */
function split(name: string, dimension: number, all: Float32Array, wanted: number | undefined): DataSet {
  const count = all.length / dimension
  const rows = Math.min(count - QUERIES, wanted ?? count)
  const random = seededRandom(SEED)
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const moved = order[i] as number
    order[i] = order[j] as number
    order[j] = moved
  }
  const taken = (from: number, length: number) => {
    const vectors = new Float32Array(length * dimension)
    for (let i = 0; i < length; i++) {
      const at = (order[from + i] as number) * dimension
      vectors.set(all.subarray(at, at + dimension), i * dimension)
    }
    return vectors
  }
  return { name, dimension, rows, vectors: taken(QUERIES, rows), queries: taken(0, QUERIES) }
}

export function rowOf({ vectors, dimension }: DataSet, number: number): Float32Array {
  return vectors.subarray(number * dimension, (number + 1) * dimension)
}

export function queryOf({ queries, dimension }: DataSet, number: number): Float32Array {
  const at = number % QUERIES
  return queries.subarray(at * dimension, (at + 1) * dimension)
}

export function titleOf({ name, rows, dimension }: DataSet): string {
  return `${name}, ${rows.toLocaleString('en')} x ${dimension}`
}

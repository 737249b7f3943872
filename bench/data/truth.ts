/** The exact answers of a data set's queries, in double precision by a plain loop (truth.cc), kept beside the data. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchCache, programOf } from '../programs.ts'
import { type DataSet, QUERIES } from './data-set.ts'

/** Neighbours of each query. */
const NEAREST = 100
const METRIC = 'L2'
/** Of rows and distances. */
const BYTES_EACH = 4 + 8

export interface Truth {
  /** Neighbours of each query. */
  nearest: number
  /** Of the first query by distance, ties by row, then of the next one. */
  rows: Uint32Array
  /** Squared L2 distances. */
  distances: Float64Array
}

/** @param folder where it is kept */
export function truthOf(set: DataSet, folder = join(benchCache, 'truth')): Truth {
  const nearest = Math.min(NEAREST, set.rows)
  const key = {
    data: set.name,
    rows: set.rows,
    queries: QUERIES,
    metric: METRIC,
    nearest,
    of: digest(set.vectors, set.queries),
  }
  const path = join(folder, `${set.name}-${set.rows}-${METRIC}-${nearest}`)
  const kept = read(path, key)
  if (kept) return truthIn(kept, nearest)
  const body = computed(set, nearest)
  mkdirSync(folder, { recursive: true })
  const made = `${path}.${process.pid}.tmp`
  writeFileSync(made, Buffer.concat([headerOf(key, body), body]))
  renameSync(made, path)
  return truthIn(body, nearest)
}

function digest(...arrays: readonly NodeJS.ArrayBufferView[]): string {
  const hash = createHash('sha256')
  for (const array of arrays) hash.update(array)
  return hash.digest('hex')
}

function headerOf(key: object, body: Uint8Array): Buffer {
  return Buffer.from(`${JSON.stringify({ ...key, sha256: digest(body) })}\n`)
}

/** The body of a file that is of this key, and whose bytes are those that were written. */
function read(path: string, key: object): Uint8Array | undefined {
  if (!existsSync(path)) return undefined
  const file = readFileSync(path)
  const body = file.subarray(file.indexOf('\n') + 1)
  return file.subarray(0, file.length - body.length).equals(headerOf(key, body)) ? body : undefined
}

function computed(set: DataSet, nearest: number): Uint8Array {
  const program = programOf({ name: 'truth', folder: import.meta.dirname, files: ['truth.cc'] })
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength)
  const size = QUERIES * nearest * BYTES_EACH
  const { status, stdout, error } = spawnSync(
    program,
    [set.rows, set.dimension, QUERIES, nearest].map((number) => String(number)),
    { input: Buffer.concat([bytesOf(set.vectors), bytesOf(set.queries)]), maxBuffer: size + 1 },
  )
  if (status !== 0 || stdout.length !== size) throw new Error(`no exact answers of ${set.name}: ${error ?? status}`)
  return stdout
}

function truthIn(body: Uint8Array, nearest: number): Truth {
  const count = QUERIES * nearest
  // Into a buffer of their own, in which both arrays are aligned.
  const own = new Uint8Array(body)
  return {
    nearest,
    rows: new Uint32Array(own.buffer, 0, count),
    distances: new Float64Array(own.buffer, 4 * count, count),
  }
}

/** Vectors: from JSON, or float32 of the wire, to float32 with every check that bad input needs, normalisation, and the shortest exact decimals. */
import type { Vectors } from './data-identity.ts'
import { badRequest } from './errors.ts'
import { FLOAT32_NORMAL_MIN, isShownSingle, type Metric } from './metric.ts'

export const DIMENSION_MAX = 65_536

/**
 * A vector of a request as float32, checked and, under Cosine, normalised; a zero vector, which has no direction, stays as it is,
 * and its product with every vector is 0. Throws BAD_REQUEST that names `what`.
 * @param into where its values go: `dimension` floats
 */
export function parseVector(
  value: unknown,
  dimension: number,
  metric: Metric,
  what = 'vector',
  into: Float32Array = new Float32Array(dimension),
): Float32Array {
  const floats = value instanceof Float32Array
  if (!Array.isArray(value) && !floats) throw badRequest(`${what} must be a list of ${dimension} numbers`)
  if (value.length !== dimension)
    throw badRequest(`${what} has ${value.length} values, the collection has dimension ${dimension}`)
  if (floats) into.set(value)
  for (let i = 0; i < dimension; i++) {
    const number: unknown = value[i]
    if (typeof number !== 'number' && typeof number !== 'bigint') throw badRequest(`${what}[${i}] must be a number`)
    into[i] = Number(number)
    if (!Number.isFinite(into[i])) throw badRequest(`${what}[${i}] is not a finite float32`)
  }
  return metric === 'Cosine' ? normalise(into) : into
}

/** A list of vectors, as a file or an upload gives centroids, as clusters x dimension floats. Yields after each; throws BAD_REQUEST. */
export function* parseCentroids(
  value: unknown,
  { clusters, vectors }: { clusters: number; vectors: Vectors },
): Generator<void, Float32Array, void> {
  const { size: dimension, metric } = vectors['']
  if (!Array.isArray(value) || value.length !== clusters)
    throw badRequest(`"centroids" must be a list of ${clusters} vectors`)
  const centroids = new Float32Array(clusters * dimension)
  for (let cell = 0; cell < clusters; cell++) {
    const into = centroids.subarray(cell * dimension, (cell + 1) * dimension)
    parseVector(value[cell], dimension, metric, `centroids[${cell}]`, into)
    yield
  }
  return centroids
}

/**
 * A normalised float32 vector is within this of length 1, squared: each value is rounded by at most 2^-24 of itself, so the
 * sum of squares by at most 2^-23.
 */
const UNIT_TOLERANCE = 2 ** -22

/**
 * The vector at length 1. One that has it already stays as it is, so that what was stored can be stored again, bit for bit; so
 * does a zero vector.
 */
export function normalised(vector: Float32Array): Float32Array {
  return isUnit(squareSum(vector)) ? vector : normalise(vector.slice())
}

/** The same, in its place. */
function normalise(vector: Float32Array): Float32Array {
  const sum = squareSum(vector)
  const norm = Math.sqrt(sum)
  if (norm > 0 && !isUnit(sum)) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm
  return vector
}

function squareSum(vector: Float32Array): number {
  let sum = 0
  for (const x of vector) sum += x * x
  return sum
}

function isUnit(squares: number): boolean {
  return Math.abs(squares - 1) <= UNIT_TOLERANCE
}

/** The shortest decimal that restores the float32 exactly. */
export function float32Text(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < 1e7) return Object.is(x, -0) ? '-0' : String(x)
  // Six digits always survive float32, but for the subnormals, which have fewer.
  for (let digits = Math.abs(x) < FLOAT32_NORMAL_MIN ? 1 : 6; digits < 9; digits++) {
    const rounded = Number(x.toPrecision(digits))
    if (Math.fround(rounded) === x) return String(rounded)
  }
  return String(Number(x.toPrecision(9)))
}

/** A score as JSON: the shortest decimal of the float32, or of the float64 where float32 would lose it. */
export function scoreText(score: number): string {
  const single = Math.fround(score)
  return isShownSingle(single) ? float32Text(single) : String(score)
}

export function vectorJson(vector: Float32Array): string {
  let text = '['
  for (let i = 0; i < vector.length; i++) text += (i === 0 ? '' : ',') + float32Text(vector[i] as number)
  return `${text}]`
}

/** A view where the bytes are aligned, a copy where they are not. */
export function float32View(bytes: Uint8Array): Float32Array {
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  // Not slice(): a Buffer's shares its memory.
  return new Float32Array(new Uint8Array(bytes).buffer)
}

export function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}

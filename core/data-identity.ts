/**
 * What data is, and whose. Wherever data is kept, in Redis and on the volume of each pod, both stand beside it: a program
 * that finds data of another shape or of another owner touches nothing of it (rules L24, L25 and S15).
 */
import { MaksError } from './errors.ts'
import type { Metric } from './metric.ts'

/** Of the log: entries, keys and scripts. What a snapshot's files look like has a number of its own. */
export const LOG_FORMAT = 3

/** One of the vectors of each row. */
export interface VectorParams {
  /** Values. */
  size: number
  metric: Metric
}

/** The vectors of each row by their names: today exactly one, the default vector, whose name is empty. */
export type Vectors = Readonly<Record<'', VectorParams>>

/** Everything that the bytes of a row can only be read with. */
export interface RowShape {
  vectors: Vectors
}

export interface DataShape extends RowShape {
  format: number
  /** Cells that the rows are divided among: with fewer pods, the rows of the others would be out of reach. */
  cells: number
}

/** Who a program works for, and on what data. */
export interface DataIdentity {
  shape: DataShape
  /** Of the VectorCluster: of two with the same name in two places only one has it. */
  uid: string
  /** For people. */
  owner: string
  /** When the VectorCluster was made, ms. */
  since: number
  /**
   * The Redis was made for the VectorClusters of this namespace and name alone: who came before has ended, and who comes
   * later takes over. An external Redis is shared with anybody, and is only taken over from an owner that has let go.
   */
  ownRedis: boolean
}

/** As it is compared and kept: the same shape is the same text. */
export function shapeText({ format, vectors, cells }: DataShape): string {
  const ordered = Object.entries<VectorParams>(vectors)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { size, metric }]) => [name, { size, metric }])
  return JSON.stringify({ format, vectors: Object.fromEntries(ordered), cells })
}

/** Who has claimed the keys of a collection, and what is in them; fields are '' where nothing is known. */
export interface ClaimedData {
  shape: string
  uid: string
  owner: string
  since: number
  released: boolean
  /** There is a log, not only a claim. */
  written: boolean
}

/** Why this VectorCluster may not touch the data; undefined where it may. `claim-cell.lua` decides the same. */
export function refusalOf(claimed: ClaimedData, own: DataIdentity): MaksError | undefined {
  if (claimed.written && claimed.shape !== shapeText(own.shape)) return otherShape(claimed.shape, own)
  const takenOver = claimed.released || (own.ownRedis && own.since >= claimed.since)
  if (claimed.uid !== '' && claimed.uid !== own.uid && !takenOver) return otherOwner(claimed, own)
  return undefined
}

export function otherShape(found: string, own: DataIdentity): MaksError {
  const differing = differences(found, own.shape)
  return new MaksError(
    'DATA_OF_ANOTHER_SHAPE',
    `Redis holds data of another shape than ${own.owner} asks for: ${differing}; nothing was changed`,
  )
}

export function otherOwner(claimed: Pick<ClaimedData, 'uid' | 'owner'>, own: DataIdentity): MaksError {
  return new MaksError(
    'DATA_OF_ANOTHER_OWNER',
    `the keys in Redis belong to ${claimed.owner} (uid ${claimed.uid}), not to ${own.owner} (uid ${own.uid}); nothing was changed`,
  )
}

/** `dimension is 8 there and 16 here`, for each field. */
export function differences(found: string, wanted: object): string {
  let there: Record<string, unknown>
  try {
    there = JSON.parse(found) as Record<string, unknown>
  } catch {
    return 'it was written by a version that did not note its shape'
  }
  const here = flat(wanted)
  const known = flat(Object.fromEntries(Object.keys(wanted).map((field) => [field, there[field]])))
  return [...new Set([...here.keys(), ...known.keys()])]
    .filter((field) => known.get(field) !== here.get(field))
    .map((field) => `${field} is ${known.get(field) ?? 'absent'} there and ${here.get(field) ?? 'absent'} here`)
    .join(', ')
}

/** Each field as JSON text; the size and the metric of a vector are fields of their own. */
function flat(shape: object): Map<string, string | undefined> {
  const fields = new Map<string, string | undefined>()
  for (const [field, value] of Object.entries(shape)) {
    if (field !== 'vectors') fields.set(field, JSON.stringify(value))
    else
      for (const [name, { size, metric }] of Object.entries((value ?? {}) as Record<string, VectorParams>)) {
        const of = name === '' ? '' : ` of the vector ${JSON.stringify(name)}`
        fields.set(`dimension${of}`, JSON.stringify(size)).set(`metric${of}`, JSON.stringify(metric))
      }
  }
  return fields
}

/**
 * Every Redis key. All keys of a VectorCluster share one hash tag, so that one script can touch them all and a Redis
 * Cluster keeps them in one slot.
 */
import { hashKey, type IdKey } from '../core/ids.ts'

export interface Keys {
  /** HASH: incarnation, ordering version, centroid version, phase, row counters. */
  meta: string
  /** HASH: claims of the pods on a new incarnation of Redis. */
  gate: string
  /** HASH pod -> heartbeat (JSON). */
  members: string
  /** STRING: centroids of the present version, float32. */
  centroids: string
  /** HASH: settings that clients gave, by name. */
  settings: string
  /** HASH alias -> revision that gave it to this collection. */
  aliases: string
  /** STRING: token of the cell's primary, with a TTL. Liveness only; safety never reads it. */
  lease(cell: number): string
  /** HASH: epoch, token, head, hash, trim of a cell's log. */
  cell(cell: number): string
  /** STREAM: the log of a cell. */
  log(cell: number): string
  /** ZSET: records of idempotency keys, by when they expire. */
  idempotency: string
  /** HASH: digest of a request with an idempotency key, and what it has done, id by id; with a TTL. */
  idempotencyRecord(key: string): string
  /** HASH: part of the directory, id -> where it lives. */
  directory(bucket: number): string
}

/** meta, gate, then meta and log of each cell: the layout that every script over all cells expects. */
export function allCellKeys(keys: Keys, clusters: number): string[] {
  const cells = Array.from({ length: clusters }, (_, cell) => [keys.cell(cell), keys.log(cell)])
  return [keys.meta, keys.gate, ...cells.flat()]
}

/** Buckets of the directory; about 128 ids in each keep the hashes in Redis' compact encoding up to a million points. */
export const DIRECTORY_BUCKETS = 8192

/** The bucket of an id. */
export function bucketOf(key: IdKey): number {
  return hashKey(key) % DIRECTORY_BUCKETS
}

export function keysOf(namespace: string, name: string): Keys {
  const tag = `maks:{${namespace}/${name}}`
  return {
    meta: `${tag}:meta`,
    gate: `${tag}:gate`,
    members: `${tag}:members`,
    centroids: `${tag}:centroids`,
    settings: `${tag}:settings`,
    aliases: `${tag}:aliases`,
    idempotency: `${tag}:idempotency`,
    idempotencyRecord: (key) => `${tag}:o:${key}`,
    lease: (cell) => `${tag}:c:${cell}:lease`,
    cell: (cell) => `${tag}:c:${cell}:meta`,
    log: (cell) => `${tag}:c:${cell}:log`,
    directory: (bucket) => `${tag}:d:${bucket}`,
  }
}

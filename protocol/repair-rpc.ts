/** Messages between the pods of a collection whose log is being repaired: the one that repairs asks the chosen copies. */

import type { IdKey } from '../core/ids.ts'
import type { LogCoverage } from '../core/log/coverage.ts'
import type { IdempotencyRecord } from '../core/log/idempotency.ts'
import type { RowFactsResponse } from './shard-rpc.ts'

export const REPAIR_RPC = {
  prepare: '/rpc/repair/prepare',
  secure: '/rpc/repair/secure',
  facts: '/rpc/repair/facts',
  rows: '/rpc/repair/rows',
} as const

/** The copy that was chosen; a pod whose copy ends elsewhere by now refuses (NOT_READY). */
export interface ReplicaStateScope {
  at: string
  hash: string
}

/** POST prepare: takes a snapshot of the copy, which other pods can start from. Chunk 0 of the answer: the centroids. */
export interface PrepareRequest {
  copy: ReplicaStateScope
}

/** With what the copy has heard of. */
export interface PrepareResponse extends LogCoverage {
  centroidVersion: number
  /** Live rows. */
  rows: number
}

/** POST secure, to another pod of the cell: answers once it has a snapshot of the chosen copy, its own or a copied one. */
export interface SecureRequest {
  copy: ReplicaStateScope
}

/** POST facts: what the copy knows of the ids in the buckets [from, to) of the directory. */
export interface FactsRequest {
  copy: ReplicaStateScope
  from: number
  to: number
}

export interface FactsResponse {
  rows: RowFactsResponse['rows']
  tombstones: [
    key: IdKey,
    version: number,
    target: number | null,
    since: number,
    row: [version: number, userVersion: number] | null,
  ][]
  /** What requests with idempotency keys have come to at these ids. */
  idempotency: IdempotencyRecord[]
}

/** POST rows: one chunk a key, in order: the encoded row. */
export interface HeldRowsRequest {
  copy: ReplicaStateScope
  keys: { key: IdKey; evicted: boolean }[]
}

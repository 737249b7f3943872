/**
 * The writes: each operation goes to the primary of its cell, all cells at once. An operation is sent again only where the
 * answer proves that it was not executed; what cannot be known is reported as such.
 */
import { asMaksError, type ErrorCode, MaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import { hashCell, ownerCell } from '../../core/partition.ts'
import {
  type CommitRequest,
  type CommitResponse,
  type OperationHeader,
  type OperationResult,
  RPC,
  type WaitRequest,
} from '../../protocol/shard-rpc.ts'
import { type Call, checkWaiting, endingWith, remainingMs, untilDeadline } from '../../runtime/call.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'

export interface Write {
  key: IdKey
  /** Vector and encoded row of an upsert; absent for a delete, and for an edit of the payload. */
  row?: { vector: Float32Array; bytes: Uint8Array }
  /** JSON text of the new payload of a point that exists and has the version `ifVersion`; without a `row`. */
  payload?: Uint8Array
  /**
   * Of an edit of the payload: the cell that had the owner row when it was read. Any primary may commit the edit, but only those
   * of this cell know whether its pods have memory for the row. Absent: the cell of the id's hash.
   */
  cell?: number
  ifVersion?: number
}

export interface WriteOptions {
  wait: boolean
  /** Digests of the idempotency key and of what is asked for under it. */
  idempotency?: { key: string; digest: string }
  /**
   * Takes the result of each operation: `applied`, `absent` or `conflict`. A conflict is then no error of the request, which
   * comes to the end of all operations.
   */
  each?: (
    write: Write,
    result: Exclude<OperationResult, { outcome: 'stale-topology' | 'refused' | 'key-reused' }>,
  ) => void
}

export interface WriteOutcome {
  /** Highest user version that the request made. */
  version: number
}

type CellOutcome = 'applied' | 'partly applied' | 'not applied' | 'unknown'

const RETRY_MS = 100
/** A write gives up on a cell without a primary after this, whatever its timeout: the answer is 503, and safe to repeat. */
const NO_PRIMARY_WAIT_MS = 10_000

/**
 * A further try is made only where so much of the request's time is left: one that is cut off by the deadline would make
 * an unknown outcome (504) of what is known to be refused (503).
 */
const ATTEMPT_MIN_MS = 1000

/** What one request has come to: kept over its rounds. */
class Progress {
  version = 0
  conflict: number | undefined
  keyReused = false
  executed = 0
  readonly cells = new Map<number, CellOutcome>()
  readonly heads = new Map<number, number>()
  /** Of the positions in `heads`. */
  timeline = Number.POSITIVE_INFINITY
  lastRefusal: MaksError | undefined
  unknown: MaksError | undefined
}

interface Sent {
  write: Write
  operation: OperationHeader
}

export class Writes {
  readonly #shards: ShardClient

  constructor(shards: ShardClient) {
    this.#shards = shards
  }

  /**
   * Once an operation has been sent, all are brought to their end until the deadline, though the client may have gone: a
   * request is not left half done. Throws TIMEOUT if the client goes before.
   */
  async write(
    collection: Collection,
    writes: readonly Write[],
    options: WriteOptions,
    call: Call,
  ): Promise<WriteOutcome> {
    const sending = untilDeadline(call)
    try {
      return await this.#write(collection, writes, options, call, sending)
    } finally {
      sending.cancel('the write has an outcome')
    }
  }

  /** @param sending ends at the deadline of `call`, and not with its client */
  async #write(
    collection: Collection,
    writes: readonly Write[],
    options: WriteOptions,
    call: Call,
    sending: Call,
  ): Promise<WriteOutcome> {
    const { deadline } = call
    const giveUp = Math.min(deadline - ATTEMPT_MIN_MS, performance.now() + NO_PRIMARY_WAIT_MS)
    const progress = new Progress()
    let open = [...writes]
    while (open.length > 0 && !progress.unknown) {
      const groups = await inSlices(this.#group(collection, open))
      if (progress.cells.size === 0) checkWaiting(call)
      if (performance.now() > deadline) {
        progress.lastRefusal = new MaksError('TIMEOUT', 'the time was over before the cells of all points were found')
        break
      }
      const leaderless = [...groups.keys()].filter((cell) => !collection.leader(cell))
      if (leaderless.length > 0) {
        this.#checkGate(collection, progress)
        if (performance.now() + RETRY_MS > giveUp) {
          progress.lastRefusal ??= new MaksError(
            'NO_PRIMARY',
            `cell ${leaderless.join(', ')} of ${collection.config.collection} has no primary`,
          )
          break
        }
        await sleep(RETRY_MS)
        await collection.refresh()
        continue
      }
      progress.lastRefusal = undefined
      open = (
        await Promise.all(
          [...groups].map(([cell, sent]) => this.#send(collection, cell, sent, options, sending, progress)),
        )
      ).flat()
      const refusal = progress.lastRefusal as MaksError | undefined
      if (open.length === 0 || !mayRetry(refusal, progress) || performance.now() + RETRY_MS > giveUp) break
      await sleep(RETRY_MS)
      await collection.refresh()
    }
    if (open.length > 0 || progress.unknown) throw this.#failure(progress, open.length)
    if (progress.keyReused)
      throw new MaksError('IDEMPOTENCY_KEY_REUSED', 'another request was sent with this idempotency key')
    if (progress.conflict !== undefined && !options.each)
      throw new MaksError('CONFLICT', `the point has version ${progress.conflict}`)
    if (options.wait) await this.#waitApplied(collection, progress, call)
    return { version: progress.version }
  }

  /** Before the first commit of a request, a closed gate refuses all of it. */
  #checkGate(collection: Collection, progress: Progress): void {
    const regressed = collection.topology?.regressed
    if (regressed && progress.executed === 0) throw new MaksError('WAL_REGRESSED', regressed)
    if (!collection.redisUp) progress.lastRefusal = new MaksError('REDIS_UNAVAILABLE', 'Redis does not answer')
  }

  /** By cell. Each point is compared with every centroid. */
  *#group(collection: Collection, writes: readonly Write[]): Generator<void, Map<number, Sent[]>, void> {
    const { partition, reservoir } = collection
    const groups = new Map<number, Sent[]>()
    for (const write of writes) {
      const { key, row, ifVersion, cell: of = hashCell(key, partition.clusters) } = write
      const condition = ifVersion === undefined ? {} : { ifVersion }
      const cell = row ? ownerCell(partition, key, row.vector) : of
      const copy = row ? (reservoir.spillFor(partition, cell, row.vector) ?? null) : null
      const operation: OperationHeader = row
        ? { type: 'upsert', key, copy, centroidVersion: partition.version, ...condition }
        : write.payload
          ? { type: 'payload', key, ifVersion: ifVersion ?? 0 }
          : { type: 'delete', key, ...condition }
      const group = groups.get(cell)
      if (group) group.push({ write, operation })
      else groups.set(cell, [{ write, operation }])
      yield
    }
    return groups
  }

  /** Sends a cell its operations; returns those that were provably not executed. */
  async #send(
    collection: Collection,
    cell: number,
    sent: Sent[],
    options: WriteOptions,
    call: Call,
    progress: Progress,
  ): Promise<Write[]> {
    const leader = collection.leader(cell)
    const writes = sent.map(({ write }) => write)
    if (!leader) return writes
    const request: CommitRequest = {
      operations: sent.map(({ operation }) => operation),
      ...(options.idempotency ? { idempotency: options.idempotency } : {}),
      wait: options.wait,
    }
    const chunks = writes.flatMap(({ row, payload }) => row?.bytes ?? payload ?? [])
    try {
      const { header } = await collection.whileLeading(cell, (signal) =>
        this.#shards.call<CommitResponse>(leader, RPC.commit, request, chunks, endingWith(call, signal)),
      )
      return this.#note(cell, writes, header, options, progress)
    } catch (thrown) {
      const error = asMaksError(thrown)
      if (error.details?.notExecuted === true) {
        if (!progress.cells.has(cell)) progress.cells.set(cell, 'not applied')
        progress.lastRefusal = error
        return writes
      }
      progress.cells.set(cell, 'unknown')
      progress.unknown = error
      return []
    }
  }

  #note(cell: number, writes: Write[], response: CommitResponse, options: WriteOptions, progress: Progress): Write[] {
    const again: Write[] = []
    response.results.forEach((result, i) => {
      if (result.outcome === 'stale-topology' || result.outcome === 'refused') {
        again.push(writes[i] as Write)
        progress.lastRefusal =
          result.outcome === 'refused'
            ? new MaksError(result.code, result.message)
            : new MaksError('STALE_TOPOLOGY', 'the cells have just changed')
      } else {
        if (result.outcome === 'conflict') progress.conflict = result.version
        if (result.outcome === 'key-reused') progress.keyReused = true
        else options.each?.(writes[i] as Write, result)
        if (result.outcome === 'applied') progress.version = Math.max(progress.version, result.version)
        progress.executed++
      }
    })
    if (again.length < writes.length) progress.cells.set(cell, again.length === 0 ? 'applied' : 'partly applied')
    for (const [touched, seq] of Object.entries(response.heads)) {
      progress.heads.set(Number(touched), Math.max(seq, progress.heads.get(Number(touched)) ?? 0))
    }
    // Of several, the first: positions of another one prove nothing.
    progress.timeline = Math.min(response.timeline, progress.timeline)
    return again
  }

  #failure(progress: Progress, open: number): MaksError {
    const cause = progress.unknown ?? progress.lastRefusal ?? new MaksError('NO_PRIMARY', 'no primary could be reached')
    if (progress.executed === 0 && !progress.unknown)
      return new MaksError(cause.code === 'CELL_UNAVAILABLE' ? 'NO_PRIMARY' : cause.code, cause.message, { cause })
    const cells = Object.fromEntries(progress.cells)
    return new MaksError(
      'UNKNOWN_OUTCOME',
      `the write was not applied as a whole (${open} operations open): ${cause.message}`,
      { cause, details: { cells } },
    )
  }

  /** Visible means: applied by the primary of every cell that the write touched. */
  async #waitApplied(collection: Collection, progress: Progress, call: Call): Promise<void> {
    await Promise.all(
      [...progress.heads].map(async ([cell, seq]) => {
        for (;;) {
          const leader = collection.leader(cell)
          if (call.signal.aborted || remainingMs(call) === 0) {
            throw new MaksError(
              'UNKNOWN_OUTCOME',
              `the write is durable, but cell ${cell} has not applied it in time`,
              { details: { cells: { [cell]: 'durable' } } },
            )
          }
          try {
            if (leader) {
              const request: WaitRequest = { seq, timeline: progress.timeline }
              await collection.whileLeading(cell, (signal) =>
                this.#shards.call(leader, RPC.wait, request, [], endingWith(call, signal)),
              )
              return
            }
          } catch (thrown) {
            const error = asMaksError(thrown)
            if (error.code === 'UNKNOWN_OUTCOME') throw error
            // Another pod may lead now; the deadline ends this.
          }
          await sleep(RETRY_MS)
          await collection.refresh()
        }
      }),
    )
  }
}

const RETRIED = new Set<ErrorCode | undefined>([
  'NOT_PRIMARY',
  'NO_PRIMARY',
  'STALE_TOPOLOGY',
  'GATE_CLOSED',
  'REDIS_UNAVAILABLE',
  'CELL_UNAVAILABLE',
])
const BACK_PRESSURE = new Set<ErrorCode | undefined>(['WAL_BUDGET', 'OVERLOADED', 'WAL_FULL', 'MEMORY_FULL'])

/** Back-pressure is answered at once, for the client must slow down; but a request that has begun is brought to its end. */
function mayRetry(refusal: MaksError | undefined, progress: Progress): boolean {
  return RETRIED.has(refusal?.code) || (progress.executed > 0 && BACK_PRESSURE.has(refusal?.code))
}

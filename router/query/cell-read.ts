/**
 * One read of one cell: the primary first, another pod when it fails or is slow. The first good answer counts.
 */
import { asMaksError, MaksError } from '../../core/errors.ts'
import { parsePosition } from '../../core/log/position.ts'
import type { Frame } from '../../protocol/frame.ts'
import type { Heartbeat, ReadScope } from '../../protocol/shard-rpc.ts'
import type { Cut } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'

/** A pod that has not answered for so long gets company. */
const HEDGE_MS = 1000

export type ReadLevel =
  | { level: 'primary' }
  | { level: 'eventual' }
  /** `fresh`: taken for this read. An older one is asked of any pod that has reached it. */
  | { level: 'cut'; cut: Cut; fresh: boolean }

export interface CellAnswer<A> extends Frame<A> {
  /** False where a default read had to be answered by a replica. */
  primary: boolean
}

interface Attempt {
  pod: Heartbeat
  scope: Omit<ReadScope, 'timeoutMs'>
  primary: boolean
}

export async function readCell<A>(
  shards: ShardClient,
  collection: Collection,
  cell: number,
  read: ReadLevel,
  call: { path: string; header: object; chunks?: readonly Uint8Array[] },
  deadline: number,
): Promise<CellAnswer<A>> {
  if (collection.topology === undefined) await collection.refresh()
  const attempts = attemptsOf(collection, cell, read)
  if (attempts.length === 0) throw new MaksError('CELL_UNAVAILABLE', `no pod of cell ${cell} is known yet`)
  const send = async (attempt: Attempt): Promise<CellAnswer<A>> => {
    const timeoutMs = deadline - performance.now()
    const header = { ...call.header, scope: { ...attempt.scope, timeoutMs } satisfies ReadScope }
    const frame = await shards.call<A>(attempt.pod, call.path, header, call.chunks ?? [], timeoutMs)
    return { ...frame, primary: attempt.primary }
  }
  return firstGood(attempts, send, (error) => {
    if (error.code === 'NOT_PRIMARY' || error.code === 'CELL_UNAVAILABLE') void collection.refresh()
  }).catch((thrown: unknown) => {
    const error = asMaksError(thrown)
    // What no pod can do is no matter of waiting.
    if (error.code === 'STALE' || error.code === 'PAYLOAD_TOO_LARGE' || error.code === 'ANSWER_TOO_LARGE') throw error
    throw new MaksError('CELL_UNAVAILABLE', `no pod of cell ${cell} answers: ${error.message}`, { cause: error })
  })
}

function attemptsOf(collection: Collection, cell: number, read: ReadLevel): Attempt[] {
  const pods = collection.pods(cell)
  if (read.level === 'cut') {
    const head = read.cut.heads[cell]
    const { version, timeline } = read.cut
    const cut = { version, seq: head?.seq ?? 0, epoch: head?.epoch ?? 0, timeline }
    const there = (pod: Heartbeat) => parsePosition(pod.applied).seq >= cut.seq
    const order = read.fresh ? pods : [...shuffled(pods.filter(there)), ...pods.filter((pod) => !there(pod))]
    return order.map((pod) => ({ pod, scope: { primary: false, cut }, primary: true }))
  }
  const any = pods.map((pod) => ({ pod, scope: { primary: false }, primary: false }))
  if (read.level === 'eventual') return shuffled(any)
  const leader = collection.leader(cell)
  return leader ? [{ pod: leader, scope: { primary: true }, primary: true }, ...any] : any
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** Starts the next attempt when one fails, or stays silent too long; the first success wins, else the last error. */
function firstGood<T, A>(
  attempts: readonly A[],
  send: (attempt: A) => Promise<T>,
  onError: (error: MaksError) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let started = 0
    let failed = 0
    let timer: NodeJS.Timeout | undefined
    const next = () => {
      clearTimeout(timer)
      const attempt = attempts[started]
      if (attempt === undefined) return
      started++
      timer = setTimeout(next, HEDGE_MS)
      send(attempt).then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (thrown: unknown) => {
          const error = asMaksError(thrown)
          onError(error)
          failed++
          if (failed === attempts.length) {
            clearTimeout(timer)
            reject(error)
          } else if (failed === started) next()
        },
      )
    }
    next()
  })
}

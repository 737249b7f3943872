/**
 * One hedged read of one cell: the primary first, another pod if it fails or is slow. The first success wins, and the other
 * attempts are cancelled. All attempts share the deadline of the request.
 */
import { asMaksError, MaksError } from '../../core/errors.ts'
import { parsePosition } from '../../core/log/position.ts'
import type { Chunk, Frame } from '../../protocol/frame.ts'
import type { Heartbeat, ReadScope } from '../../protocol/shard-rpc.ts'
import { type Call, endingWith } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import type { ReadSource } from './consistency.ts'

/** After so long without an answer the next pod is asked, too. */
export const HEDGE_MS = 1000

export interface CellAnswer<A> extends Frame<A> {
  /** False if a default read had to be answered by a replica. */
  primary: boolean
}

/** What each pod is asked; the scope is added. */
export interface CellRequest {
  path: string
  header: object
  chunks?: readonly Chunk[]
}

/** What a read needs of a collection: where its pods are. */
export type PodsOfCells = Pick<Collection, 'topology' | 'refresh' | 'pods' | 'leader'>

interface Attempt {
  pod: Heartbeat
  scope: ReadScope
  primary: boolean
}

export async function readCell<A>(
  shards: ShardClient,
  collection: PodsOfCells,
  cell: number,
  source: ReadSource,
  request: CellRequest,
  call: Call,
): Promise<CellAnswer<A>> {
  if (collection.topology === undefined) await collection.refresh()
  const attempts = attemptsOf(collection, cell, source)
  if (attempts.length === 0) throw new MaksError('CELL_UNAVAILABLE', `no pod of cell ${cell} is known yet`)
  const won = new AbortController()
  const within = endingWith(call, won.signal)
  const send = async ({ pod, scope, primary }: Attempt): Promise<CellAnswer<A>> => {
    const frame = await shards.call<A>(pod, request.path, { ...request.header, scope }, request.chunks ?? [], within)
    return { ...frame, primary }
  }
  try {
    return await firstSuccess(attempts, send, call, (error) => {
      if (error.code === 'NOT_PRIMARY' || error.code === 'CELL_UNAVAILABLE') void collection.refresh()
    })
  } catch (thrown) {
    const error = asMaksError(thrown)
    // What no pod can do is no matter of waiting.
    if (error.code === 'STALE' || error.code === 'PAYLOAD_TOO_LARGE' || error.code === 'ANSWER_TOO_LARGE') throw error
    throw new MaksError('CELL_UNAVAILABLE', `no pod of cell ${cell} answers: ${error.message}`, { cause: error })
  } finally {
    won.abort(new Error('another pod has answered'))
  }
}

function attemptsOf(collection: PodsOfCells, cell: number, source: ReadSource): Attempt[] {
  const pods = collection.pods(cell)
  if (source.from === 'cut') {
    const head = source.cut.heads[cell]
    const { version, timeline } = source.cut
    const cut = { version, seq: head?.seq ?? 0, epoch: head?.epoch ?? 0, timeline }
    const there = (pod: Heartbeat) => parsePosition(pod.applied).seq >= cut.seq
    const order = source.fresh ? pods : [...shuffled(pods.filter(there)), ...pods.filter((pod) => !there(pod))]
    return order.map((pod) => ({ pod, scope: { primary: false, cut }, primary: true }))
  }
  const any = pods.map((pod) => ({ pod, scope: { primary: false }, primary: false }))
  if (source.from === 'any') return shuffled(any)
  const leader = collection.leader(cell)
  return leader ? [{ pod: leader, scope: { primary: true }, primary: true }, ...any] : any
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/**
 * Starts the next attempt when one fails, or does not answer for too long; the first success wins, else the last error.
 * A call that has ended starts none.
 */
function firstSuccess<T, A>(
  attempts: readonly A[],
  send: (attempt: A) => Promise<T>,
  { signal }: Call,
  onError: (error: MaksError) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let started = 0
    let failed = 0
    let timer: NodeJS.Timeout | undefined
    const next = () => {
      clearTimeout(timer)
      const attempt = attempts[started]
      if (attempt === undefined || signal.aborted) return
      started++
      timer = setTimeout(next, HEDGE_MS)
      send(attempt).then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (thrown: unknown) => {
          const error = asMaksError(thrown)
          failed++
          if (failed === attempts.length || signal.aborted) {
            clearTimeout(timer)
            reject(error)
          } else if (failed === started) next()
          if (!signal.aborted) onError(error)
        },
      )
    }
    if (signal.aborted) reject(new MaksError('TIMEOUT', 'nobody waits for the answer of this read'))
    else next()
  })
}

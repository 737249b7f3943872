/**
 * A hedged cell read: it asks the primary first, and another pod if the primary fails or is slow. The first success
 * wins, and the router cancels the other attempts. All attempts share the deadline of the request.
 */
import { asMaksError, MaksError } from '../../core/errors.ts'
import { parsePosition } from '../../core/log/position.ts'
import type { Chunk, Frame } from '../../protocol/frame.ts'
import type { Heartbeat, ReadScope } from '../../protocol/shard-rpc.ts'
import { type Call, CallPart } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import type { ReadSource } from './consistency.ts'

/** The next pod is asked, too, after so long without an answer. */
export const HEDGE_MS = 1000

export interface CellAnswer<A> extends Frame<A> {
  cell: number
  /** False if a default read had to be answered by a replica. */
  primary: boolean
}

/** The call to each pod, without its scope. */
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
  const within = new CallPart(call)
  let underWay = 0
  const send = async ({ pod, scope, primary }: Attempt): Promise<CellAnswer<A>> => {
    underWay++
    try {
      const header = { ...request.header, scope }
      const frame = await shards.call<A>(pod, request.path, header, request.chunks ?? [], within)
      return { ...frame, cell, primary }
    } finally {
      underWay--
    }
  }
  try {
    return await firstSuccess(attempts, send, call, (error) => {
      if (error.code === 'NOT_PRIMARY' || error.code === 'CELL_UNAVAILABLE') void collection.refresh()
    })
  } catch (thrown) {
    const error = asMaksError(thrown)
    // Errors that every pod of the cell would answer.
    if (error.code === 'STALE' || error.code === 'PAYLOAD_TOO_LARGE' || error.code === 'ANSWER_TOO_LARGE') throw error
    throw new MaksError('CELL_UNAVAILABLE', `no pod of cell ${cell} answers: ${error.message}`, { cause: error })
  } finally {
    if (underWay > 0) within.cancel('another pod has answered')
    else within.release()
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
  if (!leader) return any
  // The leader comes again at the end, as a replica: it may have lost its lease, and still answers.
  const own = any.filter(({ pod }) => pod.pod === leader.pod)
  const others = any.filter(({ pod }) => pod.pod !== leader.pod)
  return [{ pod: leader, scope: { primary: true }, primary: true }, ...others, ...own]
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/**
 * Starts the next attempt if one fails, or, at another pod, if one does not answer within `HEDGE_MS`. Resolves to the
 * first success, else rejects with the last error. Starts no attempt after the call has ended or an attempt has
 * succeeded.
 * @param onError called for each attempt that fails while an answer is still needed
 */
function firstSuccess<T>(
  attempts: readonly Attempt[],
  send: (attempt: Attempt) => Promise<T>,
  { signal }: Call,
  onError: (error: MaksError) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let started = 0
    let failed = 0
    let settled = false
    let timer: NodeJS.Timeout | undefined
    const settle = (how: () => void) => {
      clearTimeout(timer)
      settled = true
      how()
    }
    const next = () => {
      clearTimeout(timer)
      const attempt = attempts[started]
      if (attempt === undefined || signal.aborted) return
      started++
      timer = setTimeout(hedge, HEDGE_MS)
      send(attempt).then(
        (value) => settle(() => resolve(value)),
        (thrown: unknown) => {
          if (settled) return
          const error = asMaksError(thrown)
          failed++
          if (!signal.aborted) onError(error)
          if (failed === attempts.length || signal.aborted) settle(() => reject(error))
          else if (failed === started) next()
        },
      )
    }
    // A second request would not make a slow pod faster.
    const hedge = () => {
      const asked = attempts.slice(0, started).some(({ pod }) => pod.pod === attempts[started]?.pod.pod)
      if (!asked) next()
    }
    if (signal.aborted) reject(new MaksError('TIMEOUT', 'nobody waits for the answer of this read'))
    else next()
  })
}

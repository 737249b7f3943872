/** From the consistency that a read asks for to what its pods are asked: one state of all cells, the primaries, or anyone. */
import { asMaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import type { Collection } from '../cluster/collection.ts'
import { checkSession, covers, type SessionToken } from '../cluster/session-token.ts'
import type { ReadLevel } from './cell-read.ts'

export type Consistency = 'default' | 'eventual' | 'bounded' | 'session' | 'strong'

export interface LevelOptions {
  consistency: Consistency
  /** What a session has seen; undefined for a new one. */
  token: SessionToken | undefined
  /** How old the state of a bounded read may be. */
  maxStalenessMs: number
}

export interface LevelWish extends LevelOptions {
  /** The answer is spread over cells, so that only one state of all of them is sure to hold each row once. */
  spread: boolean
  /** Ids whose cells the state should name. */
  keys: readonly IdKey[] | undefined
  /** A state that was known before has been overtaken by a compaction. */
  again: boolean
}

/** Throws REDIS_UNAVAILABLE or GATE_CLOSED where a new state is needed, SESSION_RESET where it lacks what was seen. */
export async function levelFor(collection: Collection, wish: LevelWish): Promise<ReadLevel> {
  const { consistency, token } = wish
  const known = wish.again ? undefined : collection.seen
  const young = known !== undefined && performance.now() - known.at <= wish.maxStalenessMs
  if (consistency === 'eventual') return { level: 'eventual' }
  if (consistency === 'default' && !wish.spread) return { level: 'primary' }
  if (known && ((consistency === 'bounded' && young) || (consistency === 'session' && covers(known.cut, token))))
    return { level: 'cut', cut: known.cut, fresh: false }
  try {
    const cut = await (wish.keys ? collection.cuts.of(wish.keys) : collection.cuts.take())
    checkSession(cut, token)
    return { level: 'cut', cut, fresh: true }
  } catch (thrown) {
    const { code } = asMaksError(thrown)
    // A default read does without where Redis is away.
    if (consistency === 'default' && (code === 'REDIS_UNAVAILABLE' || code === 'GATE_CLOSED'))
      return { level: 'primary' }
    throw thrown
  }
}

/** May rows of the state lie elsewhere than where the present centroids say? */
export function scattered(collection: Collection, read: ReadLevel): boolean {
  if (collection.unsettled) return true
  return read.level === 'cut' && (read.cut.moving > 0 || read.cut.centroidVersion !== collection.partition.version)
}

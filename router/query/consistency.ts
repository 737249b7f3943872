/** Consistency of a read request: which pods may answer it, and whether at one state of all cells. */
import { asMaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import type { Cut } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import { checkSession, covers, type SessionToken } from '../cluster/session-token.ts'

export type Consistency = 'default' | 'eventual' | 'bounded' | 'session' | 'strong'

/** How fresh a read must be. */
export interface ReadRequest {
  consistency: Consistency
  /** The newest state that the session has seen; undefined for a new session. */
  token: SessionToken | undefined
  /** Age that the state of a bounded read may have, ms. */
  maxStalenessMs: number
}

/** The pods that may answer. */
export type ReadSource =
  | { from: 'primary' }
  | { from: 'any' }
  /** `fresh`: taken for this read. The router reads an older cut from any pod that has reached it. */
  | { from: 'cut'; cut: Cut; fresh: boolean }

export interface Reach {
  /** The answer comes from several cells: only one state of all of them is sure to contain each row once. */
  spread: boolean
  /** Ids whose cells a new cut names. */
  keys?: readonly IdKey[]
  /** Cleaning has overtaken the cut of the attempt before. */
  again: boolean
}

/**
 * Throws REDIS_UNAVAILABLE or GATE_CLOSED if the read needs a new cut, SESSION_RESET if that lacks changes that the
 * session has seen.
 */
export async function sourceFor(collection: Collection, read: ReadRequest, reach: Reach): Promise<ReadSource> {
  const { consistency, token } = read
  const known = reach.again ? undefined : collection.seen
  const young = known !== undefined && performance.now() - known.at <= read.maxStalenessMs
  if (consistency === 'eventual') return { from: 'any' }
  if (consistency === 'default' && !reach.spread) return { from: 'primary' }
  if (known && ((consistency === 'bounded' && young) || (consistency === 'session' && covers(known.cut, token))))
    return { from: 'cut', cut: known.cut, fresh: false }
  try {
    const cut = await (reach.keys ? collection.cuts.of(reach.keys) : collection.cuts.take())
    checkSession(cut, token)
    return { from: 'cut', cut, fresh: true }
  } catch (thrown) {
    const { code } = asMaksError(thrown)
    // A default read needs no cut while Redis is away.
    if (consistency === 'default' && (code === 'REDIS_UNAVAILABLE' || code === 'GATE_CLOSED'))
      return { from: 'primary' }
    throw thrown
  }
}

/** Whether rows of the state may lie in another cell than the nearest by the current centroids. */
export function mayBeMisplaced(collection: Collection, source: ReadSource): boolean {
  if (collection.unsettled) return true
  return source.from === 'cut' && (source.cut.moving > 0 || source.cut.centroidVersion !== collection.partition.version)
}

/** From the consistency of a read request to the pods that may answer it: of one state of all cells, the primaries, or any. */
import { asMaksError } from '../../core/errors.ts'
import type { IdKey } from '../../core/ids.ts'
import type { Cut } from '../../store/topology.ts'
import type { Collection } from '../cluster/collection.ts'
import { checkSession, covers, type SessionToken } from '../cluster/session-token.ts'

export type Consistency = 'default' | 'eventual' | 'bounded' | 'session' | 'strong'

/** How fresh a read must be. */
export interface ReadRequest {
  consistency: Consistency
  /** What a session has seen; undefined for a new one. */
  token: SessionToken | undefined
  /** How old the state of a bounded read may be. */
  maxStalenessMs: number
}

/** Who may answer. */
export type ReadSource =
  | { from: 'primary' }
  | { from: 'any' }
  /** `fresh`: taken for this read. An older one is asked of any pod that has reached it. */
  | { from: 'cut'; cut: Cut; fresh: boolean }

export interface Reach {
  /** The answer is spread over cells, so that only one state of all of them is sure to hold each row once. */
  spread: boolean
  /** Ids whose cells the state should name. */
  keys?: readonly IdKey[]
  /** A state that was known before has been overtaken by a compaction. */
  again: boolean
}

/** Throws REDIS_UNAVAILABLE or GATE_CLOSED if a new state is needed, SESSION_RESET if it lacks what was seen. */
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
    // A default read does without while Redis is away.
    if (consistency === 'default' && (code === 'REDIS_UNAVAILABLE' || code === 'GATE_CLOSED'))
      return { from: 'primary' }
    throw thrown
  }
}

/** May rows of the state lie elsewhere than where the current centroids say? */
export function mayBeMisplaced(collection: Collection, source: ReadSource): boolean {
  if (collection.unsettled) return true
  return source.from === 'cut' && (source.cut.moving > 0 || source.cut.centroidVersion !== collection.partition.version)
}

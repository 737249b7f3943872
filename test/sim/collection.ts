/** The simulated collection: its name and its ids. */
import { idKey } from '../../core/ids.ts'
import { bucketOf } from '../../protocol/keys.ts'

export const SCOPE = { namespace: 'sim', name: 'c', uid: 'uid-1' }
/** Ids of few buckets, so that a repair writes few of them anew. */
export const BUCKETS = 64
export const IDS = Array.from({ length: 2000 }, (_, id) => idKey(id))
  .filter((key) => bucketOf(key) < BUCKETS)
  .slice(0, 4)

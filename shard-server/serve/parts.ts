/** The parts of a running pod that its calls work on. */
import type { Committer } from '../log/committer.ts'
import type { Election } from '../log/election.ts'
import type { Replica } from '../log/replica.ts'
import type { WriteAdmission } from '../log/write-admission.ts'
import type { Pod } from '../pod/pod.ts'
import type { Rebalancer } from '../upkeep/rebalancer.ts'
import type { Snapshotter } from '../upkeep/snapshotter.ts'
import type { SearchBatcher } from './search-batcher.ts'

export interface ShardParts {
  pod: Pod
  replica: Replica
  election: Election
  committer: Committer
  admission: WriteAdmission
  searchBatcher: SearchBatcher
  rebalancer: Rebalancer
  snapshotter: Snapshotter
}

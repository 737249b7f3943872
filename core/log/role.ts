/**
 * The role of a pod in its cell, as a table that must be complete to compile.
 *
 *   follower --acquired--> candidate --caughtUp--> primary
 *       ^                      |                      |
 *       +------- lost ---------+-------- lost --------+
 *
 * A candidate holds the lease but has not yet applied the log up to its own epoch entry, so it neither commits nor
 * answers as the primary. `lost` is a refusal by the fence, a closed gate, or a stop.
 */
export type Role = 'follower' | 'candidate' | 'primary'
export type RoleEvent = 'acquired' | 'caughtUp' | 'lost'

const NEXT: Record<Role, Record<RoleEvent, Role>> = {
  follower: { acquired: 'candidate', caughtUp: 'follower', lost: 'follower' },
  candidate: { acquired: 'candidate', caughtUp: 'primary', lost: 'follower' },
  primary: { acquired: 'primary', caughtUp: 'primary', lost: 'follower' },
}

export function nextRole(role: Role, event: RoleEvent): Role {
  return NEXT[role][event]
}

/** When the next pass over a VectorCluster is due. Changes of objects bring one at once. */
import type { ClusterPlan, ClusterWorld } from '../core/plan/rollout-plan.ts'
import type { VectorClusterStatus } from '../protocol/manifest/vector-cluster-status.ts'

/** While something is under way. */
export const SOON_MS = 500
/** If pass after pass finds nothing new, the time between them doubles up to that of the steady state. */
const UNCHANGED_PASSES = 8
const STEADY_MS = 10_000
/** Regular passes over very many take their time, so that they never take more than a part of one core. */
const STEADY_EACH_MS = 30

export class Pace {
  readonly #size: () => number
  /** Passes in a row that did and found nothing new. */
  readonly #unchanged = new Map<string, number>()

  /** @param size the number of VectorClusters */
  constructor(size: () => number) {
    this.#size = size
  }

  /** Milliseconds from a pass to the next one. `changed`: the pass has found something new. */
  next(key: string, { gate }: ClusterWorld, plan: ClusterPlan, status: VectorClusterStatus, changed: boolean): number {
    const condition = (type: string) => status.conditions?.find((one) => one.type === type)
    const steady =
      gate !== 'unknown' &&
      plan.actions.length === 0 &&
      plan.blockedBy.length === 0 &&
      condition('Ready')?.status === 'True' &&
      condition('Progressing')?.status === 'False'
    const steadyMs = Math.max(STEADY_MS, STEADY_EACH_MS * this.#size())
    if (steady || condition('Progressing')?.reason === 'Paused') return steadyMs
    const unchanged = changed || plan.actions.length > 0 ? 0 : (this.#unchanged.get(key) ?? 0) + 1
    this.#unchanged.set(key, unchanged)
    return Math.min(steadyMs, SOON_MS * 2 ** Math.floor(unchanged / UNCHANGED_PASSES))
  }

  forget(key: string): void {
    this.#unchanged.delete(key)
  }
}

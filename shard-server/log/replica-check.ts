/**
 * Replica divergence check: do all pods of a cell hold the same rows? A heartbeat carries the digest of the pod's live rows
 * and its position in the log; the primary keeps its own digests by position and compares. Pods apply in batches of their
 * own, so under load only some positions are common; without writes all are.
 */
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import type { Pod } from '../pod/pod.ts'

/** Positions that are remembered: a replica that lags further behind is compared when it has caught up. */
const REMEMBERED = 4096

export class ReplicaCheck {
  readonly #pod: Pod
  /** Digests by position, in the order in which they were reached. */
  readonly #own = new Map<string, string>()
  readonly #diverged = new Set<string>()

  constructor(pod: Pod) {
    this.#pod = pod
  }

  /** This pod holds `digest` at `position`. */
  note(position: string, digest: string): void {
    this.#own.set(position, digest)
    if (this.#own.size <= REMEMBERED) return
    const [oldest] = this.#own.keys()
    if (oldest !== undefined) this.#own.delete(oldest)
  }

  /** On the primary: sets the metric of diverged replicas, and logs each new one. */
  compare(members: readonly Heartbeat[]): void {
    for (const { pod, cell, applied, digest } of members) {
      const own = this.#own.get(applied)
      if (cell !== this.#pod.env.MAKSDB_CELL || pod === this.#pod.name || own === undefined || digest === '') continue
      if (own === digest) {
        this.#pod.metrics.add('maksdb_divergence_checks_total')
        this.#diverged.delete(pod)
      } else if (!this.#diverged.has(pod)) {
        this.#diverged.add(pod)
        this.#pod.logger.error({ peer: pod, position: applied }, 'this pod and its peer hold different rows')
      }
    }
    this.#pod.metrics.set('maksdb_replicas_diverged', this.#diverged.size)
  }

  /** From now on the comparisons of another primary count. */
  retire(): void {
    this.#diverged.clear()
    this.#pod.metrics.set('maksdb_replicas_diverged', 0)
  }
}

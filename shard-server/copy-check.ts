/**
 * Do all pods of a cell hold the same? Each tells in its heartbeat what it holds, as one number, and where in the log; the
 * primary remembers its own numbers by position and compares. Pods apply in steps of their own, so under load only some
 * positions meet; at rest all do.
 */
import type { Heartbeat } from '../protocol/shard-rpc.ts'
import type { Pod } from './pod.ts'

/** Positions that are remembered: a replica that lags further behind is compared when it has caught up. */
const REMEMBERED = 4096

export class CopyCheck {
  readonly #pod: Pod
  /** Digests by position, in the order in which they were reached. */
  readonly #own = new Map<string, string>()
  readonly #differing = new Set<string>()

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

  /** On the primary: says in a metric and in the log how many of its peers hold something else. */
  compare(members: readonly Heartbeat[]): void {
    for (const { pod, cell, applied, digest } of members) {
      const own = this.#own.get(applied)
      if (cell !== this.#pod.env.MAKSDB_CELL || pod === this.#pod.name || own === undefined || digest === '') continue
      if (own === digest) {
        this.#pod.metrics.add('maksdb_copy_checks_total')
        this.#differing.delete(pod)
      } else if (!this.#differing.has(pod)) {
        this.#differing.add(pod)
        this.#pod.logger.error({ peer: pod, position: applied }, 'this pod and its peer hold different rows')
      }
    }
    this.#pod.metrics.set('maksdb_copies_differing', this.#differing.size)
  }

  /** What another pod says of them from now on counts. */
  retire(): void {
    this.#differing.clear()
    this.#pod.metrics.set('maksdb_copies_differing', 0)
  }
}

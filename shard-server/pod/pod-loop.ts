/** A step of a pod's work, again and again with a pause between, until the pod stops. A failed step is logged and counted. */
import { asMaksError } from '../../core/errors.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Pod } from './pod.ts'

export type LoopName = 'heartbeat' | 'election' | 'admission' | 'snapshots' | 'rebalancer' | 'audit'

interface LoopOptions {
  /** Names the loop in `maksdb_loop_failures_total`. */
  name: LoopName
  /** Of the log line of a failed step. */
  level: 'debug' | 'warn'
  failed: string
  /** Time between two steps, ms. */
  pauseMs: () => number
}

export class PodLoop {
  readonly #pod: Pick<Pod, 'logger' | 'metrics'>
  readonly #options: LoopOptions
  readonly #stop = new AbortController()

  constructor(pod: Pick<Pod, 'logger' | 'metrics'>, options: LoopOptions) {
    this.#pod = pod
    this.#options = options
    // A rate over a series that begins with the first failure would miss that one.
    pod.metrics.add('maksdb_loop_failures_total', 0, { loop: options.name })
  }

  get closed(): boolean {
    return this.#stop.signal.aborted
  }

  /**
   * Resolves once the loop is closed and its last step has ended. The step returns whether the next one follows without a pause.
   * Throws only InvariantViolated: no step is repeated on a state that is wrong.
   */
  async run(step: () => Promise<'at once' | void>): Promise<void> {
    const { name, level, failed, pauseMs } = this.#options
    while (!this.closed) {
      try {
        if ((await step()) === 'at once') continue
      } catch (thrown) {
        if (thrown instanceof InvariantViolated) throw thrown
        this.#pod.metrics.add('maksdb_loop_failures_total', 1, { loop: name })
        this.#pod.logger[level]({ error: asMaksError(thrown).message }, failed)
      }
      await this.pause(pauseMs())
    }
  }

  /** A pause within a step, ms; it ends when the loop is closed. */
  async pause(ms: number): Promise<void> {
    if (!this.closed) await sleep(ms, this.#stop.signal)
  }

  close(): void {
    this.#stop.abort()
  }
}

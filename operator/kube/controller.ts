/** Workers that take keys from a queue and reconcile each. What a reconcile throws is tried again with back-off. */
import type { Logger } from '../../runtime/logger.ts'
import { asKubeError } from './kube-error.ts'
import { WorkQueue } from './work-queue.ts'

/** Milliseconds after which the key is looked at again without an event; undefined: not by time. */
export type Requeue = number | undefined

export interface ControllerHooks {
  onReconciled?: (result: 'success' | 'error' | 'requeue', ms: number) => void
  onTaken?: (waitedMs: number) => void
}

export interface ControllerOptions {
  workers: number
  /** Every pass is given up after this time. */
  passLimitMs: number
}

export class Controller {
  readonly queue: WorkQueue
  readonly #reconcile: (key: string, signal: AbortSignal) => Promise<Requeue>
  readonly #options: ControllerOptions
  readonly #logger: Logger
  readonly #hooks: ControllerHooks

  constructor(
    reconcile: (key: string, signal: AbortSignal) => Promise<Requeue>,
    options: ControllerOptions,
    logger: Logger,
    hooks: ControllerHooks = {},
  ) {
    this.queue = new WorkQueue(hooks.onTaken)
    this.#reconcile = reconcile
    this.#options = options
    this.#logger = logger
    this.#hooks = hooks
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.queue.close(), { once: true })
    if (signal.aborted) this.queue.close()
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#work(signal)))
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.queue.next()
      if (key === undefined) return
      await this.#pass(key, signal)
      this.queue.done(key)
    }
  }

  async #pass(key: string, signal: AbortSignal): Promise<void> {
    const started = performance.now()
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#options.passLimitMs)])
    try {
      const requeue = await this.#reconcile(key, limit)
      this.queue.succeeded(key)
      if (requeue !== undefined) this.queue.addAfter(key, requeue)
      this.#hooks.onReconciled?.(requeue === undefined ? 'success' : 'requeue', performance.now() - started)
    } catch (thrown) {
      if (signal.aborted) return
      const error = thrown instanceof Error ? thrown : asKubeError(thrown)
      const retryInMs = this.queue.retry(key)
      this.#logger.warn({ key, error: error.stack ?? error.message, retryInMs }, 'a reconcile failed')
      this.#hooks.onReconciled?.('error', performance.now() - started)
    }
  }
}

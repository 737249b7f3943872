/** An operator in the process of a test, one pass at a time, beside Kubernetes as it is played. */
import { pino } from 'pino'
import { EventRecorder } from '../../../operator/kube/event-recorder.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import { keyOf } from '../../../operator/kube/objects.ts'
import { Reconciler } from '../../../operator/reconciler.ts'
import { Caches } from '../../../operator/watch/caches.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Metrics } from '../../../runtime/metrics.ts'
import type { ApiServer } from './api-server.ts'
import { PlayedKubernetes } from './played-kubernetes.ts'

const logger = pino({ level: 'silent' })
/** Watches of a busy machine lag. */
const ROUND_MS = 50

/** Called around the calls of the operator that change something; what a hook throws, the operator's call throws. */
export interface WriteHooks {
  /** Before the write counts. */
  beforeWrite?: () => void
  /** @param count writes so far, this one included */
  onWrite?: (method: string, path: string, count: number) => void
  onAnswer?: (method: string) => void
}

export class TestOperator {
  /** Of all operators of this process. */
  static readonly metrics = new Metrics('operator')
  readonly #stop = new AbortController()
  readonly #at: string
  readonly #caches: Caches
  readonly #client: KubeClient
  readonly #observer: KubeClient
  readonly #reconciler: Reconciler
  readonly #running: Promise<unknown>
  readonly #key: string
  readonly played: PlayedKubernetes
  /** Method and path of every call that changed something. */
  readonly writes: string[]

  private constructor(
    server: ApiServer,
    at: string,
    key: string,
    client: KubeClient,
    caches: Caches,
    writes: string[],
  ) {
    this.#at = at
    this.#caches = caches
    this.#client = client
    this.#key = key
    this.#observer = server.client()
    this.played = new PlayedKubernetes(this.#observer, at, false)
    this.writes = writes
    const events = new EventRecorder(client, 'maksdb.io/operator', 'test', logger)
    const settings = { image: 'maksdb:test', imagePullPolicy: 'Never' }
    const { metrics } = TestOperator
    this.#reconciler = new Reconciler({ client, caches, events, settings, wake: () => {}, logger, metrics })
    this.#running = caches.run(this.#stop.signal)
  }

  /** @param key of the VectorCluster that its passes are over */
  static async start(server: ApiServer, at: string, key: string, hooks: WriteHooks = {}): Promise<TestOperator> {
    const writes: string[] = []
    const client = new KubeClient(server.client().connection, {
      onWrite: (method, path) => {
        hooks.beforeWrite?.()
        writes.push(`${method} ${path}`)
        hooks.onWrite?.(method, path, writes.length)
      },
      ...(hooks.onAnswer ? { onAnswer: hooks.onAnswer } : {}),
    })
    const caches = new Caches(client, [at], { onChange: () => {}, onRestart: () => {}, onMiss: () => {} })
    const operator = new TestOperator(server, at, key, client, caches, writes)
    await caches.synced
    return operator
  }

  /** One pass, followed by what Kubernetes does. True if either has changed something. */
  async pass(onError?: (error: unknown) => void): Promise<boolean> {
    const before = this.writes.length
    const pass = this.#reconciler.reconcile(this.#key, this.#stop.signal)
    await (onError ? pass.catch(onError) : pass)
    const changed = (await this.played.play()) || this.writes.length !== before
    // What was written and played comes back by the watches.
    await sleep(ROUND_MS)
    return changed
  }

  /** Has the operator seen by its watches all that the API server has now? On a busy machine they lag. */
  async hasCaughtUp(): Promise<boolean> {
    // One list after the other: each further connection is a handshake, and thousands of them are half of a test.
    for (const { resource, cache, keyed, labelSelector } of this.#caches.kinds) {
      const { items } = await this.#observer.list(resource, { namespace: this.#at, labelSelector })
      const now = items.filter((object) => keyed(object) === this.#key)
      const versions = now.map((object) => `${keyOf(object)}@${object.metadata.resourceVersion}`)
      if (sorted(versions) !== sorted(cache.versionsOf(this.#key).split(','))) return false
    }
    return true
  }

  async passes(count: number): Promise<void> {
    for (let pass = 0; pass < count; pass++) await this.pass()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#reconciler.close()
    await this.#client.connection.close()
    await this.#observer.connection.close()
  }
}

const sorted = (versions: readonly string[]) => [...versions].sort().join()
